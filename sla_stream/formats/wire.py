"""The JSON object of a ticket event v1, as it stands on the wire: types and limits, nothing normalised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

Id = Annotated[str, Meta(min_length=1, max_length=200)]
Integer = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Name = Annotated[str, Meta(min_length=1)]
Scalar = str | Integer | float | bool | None
Text = str | UnsetType | None

Kind = Literal[
    "created", "updated", "customer_replied", "agent_replied", "note_added", "answered", "resolved",
    "closed", "reopened", "merged", "unmerged", "deleted", "restored",
]  # fmt: skip
Status = Literal["new", "open", "pending", "on_hold", "resolved", "closed"]
Actor = Literal["customer", "agent", "bot", "system"]


class WireEvent(msgspec.Struct, gc=False):
    """The object with any other fields beside. Ids and time may be absent here: a CloudEvent fills them."""

    kind: Kind
    event_id: Id | UnsetType = UNSET
    ticket_id: Id | UnsetType = UNSET
    occurred_at: str | UnsetType = UNSET
    sequence: Integer | UnsetType | None = UNSET
    status: Status | UnsetType = UNSET
    status_label: Text = UNSET
    priority: Text = UNSET
    type: Text = UNSET
    channel: Text = UNSET
    customer: Text = UNSET
    plan: Text = UNSET
    service: Text = UNSET
    department: Text = UNSET
    group: Text = UNSET
    assignee: Text = UNSET
    tags: list[str] | UnsetType | None = UNSET
    due_at: Text = UNSET
    created_at: Text = UNSET
    url: Text = UNSET
    actor: Actor | UnsetType | None = UNSET
    public: bool | UnsetType | None = UNSET
    merged_into: Id | UnsetType | None = UNSET
    reason: Text = UNSET
    custom: dict[Name, Scalar] | UnsetType = UNSET
    recorded_at: Any = UNSET
    """Log time where a file carries it; read only by a replay of such a file."""


class StrictWireEvent(WireEvent, forbid_unknown_fields=True, gc=False):
    """The object with nothing beside: the quick way for the usual record."""


FIELDS: Final = frozenset(WireEvent.__struct_fields__)


class UnknownFields:
    """Counts the fields that were ignored: `total`, and `by_name` for the first hundred names met."""

    def __init__(self) -> None:
        self.total = 0
        self.by_name: Counter[str] = Counter()

    def add(self, names: Iterable[str]) -> None:
        """Count the unknown fields of one record."""
        for name in names:
            self.total += 1
            if name in self.by_name or len(self.by_name) < 100:
                self.by_name[name] += 1
