"""`sla-stream`, with an engine that fails. Run as a program by tests.

It fails on every event whose id is `poison`, and where a policy set changes the past of a ticket whose id is `bad`.
"""

from __future__ import annotations

import sys

from sla_stream.cli.main import main
from sla_stream.core import past
from sla_stream.core.engine import Applied, Engine
from sla_stream.core.events import TicketEvent
from sla_stream.core.facts import Facts
from sla_stream.core.fold import Folder
from sla_stream.core.ticket import Ticket

_apply = Engine.apply


def _failing_apply(self: Engine, event: TicketEvent, recorded_at: int, offset: int) -> Applied:
    applied = _apply(self, event, recorded_at, offset)
    if event.event_id == "poison":
        raise ZeroDivisionError("a bug that only this record finds")
    return applied


_judge_again = past.judge_again


def _failing_judgement(earlier: Folder, folder: Folder, ticket: Ticket, now: int) -> tuple[Facts, Facts]:
    if ticket.ticket_id == "bad":
        raise ZeroDivisionError("a bug that only this set finds")
    return _judge_again(earlier, folder, ticket, now)


if __name__ == "__main__":
    Engine.apply = _failing_apply  # type: ignore[method-assign]
    past.judge_again = _failing_judgement
    sys.exit(main())
