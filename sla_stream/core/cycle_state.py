"""What is kept of one run of one clock. What happens to it is in `cycle.py`, from where it is imported, too."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from sla_stream.core.schedule import FAR

RUNNING: Final = 0
PAUSED: Final = 1
MET: Final = 2
MISSED: Final = 3
CANCELLED: Final = 4
STAGES: Final = ("running", "paused", "met", "missed", "cancelled")


class Cycle(msgspec.Struct, array_like=True, gc=False):
    """State of one cycle; what is not said in the module's text:

    `since`: last change while running, begin of the pause while paused, the end after the end.
    `paused`: schedule time paused so far, without a pause that is still going on.
    `due`: deadline in force (FAR: none can be said). `at_due`: elapsed when it was breached.
    `fired`: bit i is threshold i of the target (warnings, then escalations).
    `ended_from`: stage before the end. `ticket`: attributes at the end, once they differ from the present ones.
    `law`: the instant whose policies judge the cycle: its start, or the change it migrated at.
    `relaxed`: name of the relaxation that stretched `target`; `raw` is the target before, `raw_due` and `raw_missed`
    what it would have meant.
    `promised`: the date promised by a person, which is due whatever the schedule says (metric `due_date`).
    """

    number: int
    started: int
    since: int
    ref: int = 0
    stage: int = RUNNING
    target: int = 0
    base: int = 0
    paused: int = 0
    due: int = FAR
    next_at: int = FAR
    fired: int = 0
    breached: bool = False
    at_due: int = 0
    ended_from: int = RUNNING
    reason: str | None = None
    ticket: dict[str, Any] | None = None
    promised: int | None = None
    law: int = 0
    relaxed: str | None = None
    raw: int = 0
    raw_due: int = FAR
    raw_missed: bool = False
