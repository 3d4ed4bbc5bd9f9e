"""The built-in metrics as data (contract §4).

"resolved" means: the event that brings the status to `resolved` or `closed`.
`next_response` starts only after the first response was given; the engine sees to that (`AFTER_RESPONSE`).
"""

from __future__ import annotations

from typing import Any, Final

from sla_stream.core.policy import Condition, Conditions, Rules


class _Metrics(dict[str, str]):
    """The name of a clock -> the metric that it times."""

    def __missing__(self, clock: str) -> str:
        self[clock] = metric = clock.removesuffix(KPI)
        return metric


_metrics: Final = _Metrics()
metric_of: Final = _metrics.__getitem__
"""The metric that a clock times."""


def when(**terms: Any) -> Conditions:
    """A single condition, e.g. `when(kind="created")`."""
    return (Condition(tuple((key, value if isinstance(value, tuple) else (value,)) for key, value in terms.items())),)


CREATED: Final = when(kind="created")
RESOLVED: Final = when(status=("resolved", "closed"))
ANSWERED: Final = when(kind="agent_replied", actor="agent", public=True)
PENDING: Final = when(status="pending")
WAITING: Final = when(status=("pending", "on_hold"))
UNRESOLVED: Final = ("new", "open", "pending", "on_hold", None)
"""Values of the status, the unknown one included, in which a ticket is not resolved (for `status_is`)."""
UPDATED: Final = when(kind="agent_replied", actor="agent", public=True, status_is=UNRESOLVED)
OWNED: Final = when(changed="group", has="group", status_is=UNRESOLVED) + when(
    left_status=("resolved", "closed"), has="group"
)

FIRST_RESPONSE: Final = "first_response"
AFTER_RESPONSE: Final = "next_response"
"""The metric that waits for the first response."""
KPI: Final = "!kpi"
"""What the clock of a stretch goal (`kind: kpi`) is called after its metric: it runs beside the promise's own clock."""
OWNERSHIP: Final = "group_ownership"
"""The metric whose cycles belong to the group that had the ticket: the next group's promise never judges them."""
DUE_DATE: Final = "due_date"
"""The metric whose deadline is a date that a person promised."""

BUILT_IN: Final[dict[str, Rules]] = {
    FIRST_RESPONSE: Rules(start=CREATED, stop=ANSWERED + RESOLVED, cycles="once"),
    AFTER_RESPONSE: Rules(start=when(kind="customer_replied"), stop=ANSWERED + RESOLVED, cycles="each"),
    "periodic_update": Rules(start=UPDATED, stop=ANSWERED + RESOLVED, cycles="each"),
    "pausable_update": Rules(start=UPDATED, stop=ANSWERED + RESOLVED, pause=PENDING, cycles="each"),
    "requester_wait": Rules(start=CREATED, stop=RESOLVED, pause=PENDING, cycles="reopen"),
    "agent_work": Rules(start=CREATED, stop=RESOLVED, pause=WAITING, cycles="reopen"),
    "resolution": Rules(start=CREATED, stop=RESOLVED, cycles="reopen"),
    "assignment": Rules(start=when(kind="created", lacks="assignee"), stop=when(has="assignee"), cycles="once"),
    "pickup": Rules(
        start=when(kind="created", channel=("chat", "call")), stop=when(kind="answered") + ANSWERED, cycles="once"
    ),
    OWNERSHIP: Rules(start=OWNED, stop=when(changed="group") + RESOLVED, cycles="each"),
    DUE_DATE: Rules(
        start=when(changed="due_at", has="due_at", status_is=UNRESOLVED),
        stop=RESOLVED,
        cancel=when(lacks="due_at"),
        cycles="each",
    ),
}
"""`status_is` (holds now) and `lacks` (has no value) are conditions of built-in metrics only."""
