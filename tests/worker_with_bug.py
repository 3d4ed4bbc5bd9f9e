"""`sla-stream`, with an engine that fails on every event whose id is `poison`. Run as a program by tests."""

from __future__ import annotations

import sys

from sla_stream.cli.main import main
from sla_stream.core.engine import Applied, Engine
from sla_stream.core.events import TicketEvent

_apply = Engine.apply


def _failing_apply(self: Engine, event: TicketEvent, recorded_at: int, offset: int) -> Applied:
    applied = _apply(self, event, recorded_at, offset)
    if event.event_id == "poison":
        raise ZeroDivisionError("a bug that only this record finds")
    return applied


if __name__ == "__main__":
    Engine.apply = _failing_apply  # type: ignore[method-assign]
    sys.exit(main())
