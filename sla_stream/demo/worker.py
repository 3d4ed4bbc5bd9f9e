"""The demo's worker process: the very worker of `sla-stream run`, on the demo's clock."""

from __future__ import annotations

import argparse
import os
import sys

from sla_stream.errors import ConfigError
from sla_stream.formats.settings import load_settings
from sla_stream.observe.logs import setup_logging
from sla_stream.worker import run_worker
from sla_stream.worker.clock import SharedClock
from sla_stream.worker.supervisor import die_with_parent


def main() -> int:
    """Run until SIGTERM or until the parent is gone. Without `--clock` it lives in real time."""
    parser = argparse.ArgumentParser(prog="python -m sla_stream.demo.worker")
    parser.add_argument("--config", required=True)
    parser.add_argument("--watch-parent", type=int, required=True)
    parser.add_argument("--clock")
    args = parser.parse_args()
    setup_logging("info", "json")
    die_with_parent(args.watch_parent)
    try:
        settings = load_settings(args.config, {}, {})
        return run_worker(settings, clock=SharedClock(args.clock) if args.clock else None)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    os._exit(code)  # the thread that watches the parent sits in a read that nothing ends
