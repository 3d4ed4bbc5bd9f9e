"""What goes into the engine: ticket events, already checked and normalised.

All instants are integer milliseconds since 1970-01-01T00:00:00Z.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

KINDS: Final = (
    "created", "updated", "customer_replied", "agent_replied", "note_added", "answered", "resolved",
    "closed", "reopened", "merged", "unmerged", "deleted", "restored",
)  # fmt: skip
STATUSES: Final = ("new", "open", "pending", "on_hold", "resolved", "closed")
ACTORS: Final = ("customer", "agent", "bot", "system")
ENDED: Final = frozenset({"resolved", "closed"})
"""The statuses in which a ticket counts as resolved."""

TEXT_ATTRIBUTES: Final = (
    "status_label", "priority", "type", "channel", "customer", "plan", "service", "department", "group",
    "assignee",
)  # fmt: skip
"""Text attributes of a ticket, in the order in which they are written."""


EventKey = tuple[int, int, str]
"""(at, sequence, event id)."""


class TicketEvent(msgspec.Struct, array_like=True, gc=False):
    """One thing that happened to a ticket.

    `attributes` holds only what the event sets; None clears. Keys: `status` (never None), TEXT_ATTRIBUTES, `tags`
    (sorted list of str), `due_at` (ms), `url`, and `custom.NAME` for each site-specific scalar.
    The codec applies the defaults of contract §1 (`actor`, `public`) and lets `kind` win over `status`:
    `resolved` and `closed` carry status of the same name, `reopened` carries `open`.
    """

    at: int
    sequence: int
    event_id: str
    ticket_id: str
    kind: str
    actor: str
    public: bool
    attributes: dict[str, Any]
    created_at: int | None = None
    merged_into: str | None = None
    reason: str | None = None

    @property
    def key(self) -> EventKey:
        """Place of the event within its ticket, whatever order events arrive in."""
        return (self.at, self.sequence, self.event_id)


Logged = tuple[int, int, TicketEvent, bytes | None]
"""(log time in ms, offset, event, its packed form where the caller has it)."""
