"""The demo's worker process: the very worker of `sla-stream run`, on the demo's clock."""

from __future__ import annotations

import argparse
import asyncio
import sys

from sla_stream.errors import SlaStreamError
from sla_stream.formats.settings import load_settings
from sla_stream.worker.clock import SharedClock


def main() -> int:
    """Run until SIGTERM. Without `--clock` it lives in real time."""
    parser = argparse.ArgumentParser(prog="python -m sla_stream.demo.worker")
    parser.add_argument("--config", required=True)
    parser.add_argument("--clock")
    args = parser.parse_args()
    from sla_stream.worker import run_worker

    try:
        settings = load_settings(args.config, {}, {})
        clock = SharedClock(args.clock) if args.clock else None
        return asyncio.run(run_worker(settings, clock=clock))
    except SlaStreamError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
