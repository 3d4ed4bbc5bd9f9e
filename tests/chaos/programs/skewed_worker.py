"""`sla-stream` whose wall clock is wrong by as many seconds as the file CLOCK_FILE says, read anew every time."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

_FILE = Path(os.environ["CLOCK_FILE"])
_time, _time_ns = time.time, time.time_ns


def _wrong_by() -> float:
    try:
        return float(_FILE.read_text())
    except (OSError, ValueError):  # just being written
        return 0.0


time.time = lambda: _time() + _wrong_by()
time.time_ns = lambda: _time_ns() + int(_wrong_by() * 1_000_000_000)

if __name__ == "__main__":
    from sla_stream.cli.main import main

    sys.exit(main())
