"""What comes out of the engine: warnings, breaches, escalations, outcomes, and their retractions."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from sla_stream.core.ids import event_id
from sla_stream.core.policy import Target

Type = Literal["sla.warning.v1", "sla.breach.v1", "sla.escalation.v1", "sla.outcome.v1", "sla.retraction.v1"]
WARNING: Final = "sla.warning.v1"
BREACH: Final = "sla.breach.v1"
ESCALATION: Final = "sla.escalation.v1"
OUTCOME: Final = "sla.outcome.v1"
RETRACTION: Final = "sla.retraction.v1"


class SlaEvent(msgspec.Struct, gc=False, eq=False):
    """One SLA event, ready to be rendered (formats.sla_event). Instants and durations in ms.

    `retracts_type` is set on a retraction only: the type of what it withdraws, which says the topic it goes to.
    `ticket` holds the ticket's attributes in force at `at`, in the form of TicketEvent.attributes, `status` included.
    `clock` is the metric, or the metric with KPI behind it for a stretch goal: what tells clocks apart.
    `raw` is (due_at, outcome) under the target before a relaxation, on outcomes of relaxed cycles; else None.
    `evidence` is (offset, recorded_at) of the last input record the decision rests on.
    `own_id` is set where the id does not follow from the other fields: on a retraction.
    """

    type: Type
    ticket_id: str
    clock: str
    metric: str
    cycle: int
    threshold: str | None
    target: Target
    target_ms: int
    started_at: int
    due_at: int | None
    at: int
    elapsed: int
    paused: int
    overrun: int
    ticket: dict[str, Any]
    outcome: str | None = None
    reason: str | None = None
    raw: tuple[int | None, str] | None = None
    late_attach: bool = False
    revision: int = 0
    supersedes: str | None = None
    retracts: str | None = None
    retracts_type: Type | None = None
    decided_at: int = 0
    evidence: tuple[int, int] = (-1, 0)
    own_id: str | None = None

    @property
    def id(self) -> str:
        """Worked out when asked for: a replay that only counts never does."""
        if self.own_id is not None:
            return self.own_id
        return event_id(self.ticket_id, self.clock, self.cycle, self.type, self.threshold, self.due_at, self.revision)

    @property
    def remaining(self) -> int:
        """Target minus elapsed; negative after the deadline."""
        return self.target_ms - self.elapsed

    @property
    def wall_elapsed(self) -> int:
        return self.at - self.started_at
