"""The built-in metrics as data (contract §4).

"resolved" means: the event that brings the status to `resolved` or `closed`.
`next_response` starts only after the first response was given; the engine sees to that (`AFTER_RESPONSE`).
"""

from __future__ import annotations

from typing import Any, Final

from sla_stream.core.policy import Condition, Conditions, Rules


def when(**terms: Any) -> Conditions:
    """A single condition, e.g. `when(kind="created")`."""
    return (Condition(tuple((key, value if isinstance(value, tuple) else (value,)) for key, value in terms.items())),)


CREATED: Final = when(kind="created")
RESOLVED: Final = when(status=("resolved", "closed"))
ANSWERED: Final = when(kind="agent_replied", actor="agent", public=True)

BUILT_IN: Final[dict[str, Rules]] = {
    "first_response": Rules(start=CREATED, stop=ANSWERED + RESOLVED, cycles="once"),
    "next_response": Rules(start=when(kind="customer_replied"), stop=ANSWERED + RESOLVED, cycles="each"),
    "resolution": Rules(start=CREATED, stop=RESOLVED, cycles="reopen"),
}

AFTER_RESPONSE: Final = "next_response"
"""The metric that waits for the first response."""

RESERVED: Final = (
    "periodic_update", "pausable_update", "requester_wait", "agent_work", "assignment", "pickup",
    "group_ownership", "due_date",
)  # fmt: skip
"""Built-in metrics of the contract that this release does not time yet; a policy that names one is refused."""
