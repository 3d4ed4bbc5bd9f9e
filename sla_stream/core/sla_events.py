"""What comes out of the engine: warnings, breaches, escalations, outcomes, and their retractions."""

from __future__ import annotations

from typing import Any, Final, Literal

from sla_stream.core.policy import Target

Type = Literal["sla.warning.v1", "sla.breach.v1", "sla.escalation.v1", "sla.outcome.v1", "sla.retraction.v1"]
WARNING: Final = "sla.warning.v1"
BREACH: Final = "sla.breach.v1"
ESCALATION: Final = "sla.escalation.v1"
OUTCOME: Final = "sla.outcome.v1"
RETRACTION: Final = "sla.retraction.v1"


class SlaEvent:
    """One SLA event, ready to be rendered (formats.sla_event). Instants and durations in ms.

    `retracts_type` is set on a retraction only: the type of what it withdraws, which says the topic it goes to.
    `ticket` holds the ticket's attributes in force at `at`, in the form of TicketEvent.attributes, `status` included.
    `clock` is the metric, or the metric with KPI behind it for a stretch goal: what tells clocks apart.
    `raw` is (due_at, outcome) under the target before a relaxation, on outcomes of relaxed cycles; else None.
    `evidence` is (offset, recorded_at) of the last input record the decision rests on.
    """

    __slots__ = (
        "at", "clock", "cycle", "decided_at", "due_at", "elapsed", "evidence", "id", "late_attach", "metric", "outcome",
        "overrun", "paused", "raw", "reason", "retracts", "retracts_type", "revision", "started_at", "supersedes",
        "target", "target_ms", "threshold", "ticket", "ticket_id", "type",
    )  # fmt: skip

    id: str
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
    outcome: str | None
    reason: str | None
    raw: tuple[int | None, str] | None
    ticket: dict[str, Any]
    revision: int
    supersedes: str | None
    late_attach: bool
    retracts: str | None
    retracts_type: Type | None
    decided_at: int
    evidence: tuple[int, int]

    @property
    def remaining(self) -> int:
        """Target minus elapsed; negative after the deadline."""
        return self.target_ms - self.elapsed

    @property
    def wall_elapsed(self) -> int:
        return self.at - self.started_at
