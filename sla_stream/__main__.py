"""`sla-stream` and `python -m sla_stream`."""

from __future__ import annotations

import sys

from sla_stream.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
