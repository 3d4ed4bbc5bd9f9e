"""What is kept of one ticket: the fold of its events, and enough of the past to put a late event in its place.

    base   fold of the events that can no longer be overtaken, packed
    tail   the events since, packed one after the other; parsed only when an event comes late
    fold   base and tail folded: the present
    held   SLA events decided and not said yet
    notes, times   what was said differently than the fold alone would tell (revisions, supersessions)

The packed form is changelog record and state at rest. It starts with the version of the form.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from sla_stream.core.cycle_state import Cycle

FORM: Final = 1
"""Version of the packed form. Fields are only ever added at the end; any other change is a new version."""

NEVER: Final = -(2**62)


class Fold(msgspec.Struct, array_like=True, gc=False):
    """A ticket's events, folded. `void` is why it times nothing now: `merged` or `deleted`."""

    attributes: dict[str, Any] = {}
    clocks: dict[str, list[Cycle]] = {}
    known: bool = False
    responded: bool = False
    void: str | None = None
    lawful_to: int = NEVER
    """The last change of policies that running cycles were taken over."""


class Note(msgspec.Struct, array_like=True, gc=False):
    """How a standing SLA event was said, where that is not the plain first time."""

    at: int
    revision: int
    late_attach: bool
    supersedes: str | None


class Held(msgspec.Struct, array_like=True, gc=False):
    """An SLA event decided and waiting for `release` (settle_for, hold_for, or its own instant)."""

    release: int
    late_attach: bool
    type: str
    metric: str
    cycle: int
    threshold: str | None
    ref: int
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


class Ticket(msgspec.Struct, array_like=True, gc=False):
    """`armed`: instant of its entry in the timer index (stored, so that a restored index misses nothing).

    `forgets`: the same of the index of closed tickets that wait to be forgotten.
    `published`: when the newest policy set was published that its past was judged by.
    `fired_at`: the last threshold passed. `said_at`: the last one said (the others are held).
    `ids`: hashes of the events in `base`, to know their duplicates.
    """

    form: int
    armed: int
    forgets: int
    published: int
    ticket_id: str
    fold: Fold
    last: tuple[int, int, str] = (NEVER, 0, "")
    fired_at: int = NEVER
    said_at: int = NEVER
    offset: int = -1
    recorded_at: int = 0
    base: bytes = b""
    base_last: tuple[int, int, str] = (NEVER, 0, "")
    tail: bytes = b""
    tail_count: int = 0
    ids: bytes = b""
    held: list[Held] = []
    times: dict[str, int] = {}
    notes: dict[str, Note] = {}

    @property
    def position(self) -> int:
        """How far the fold has come: the last event, or the last threshold passed after it."""
        return max(self.last[0], self.fired_at)


class Head(msgspec.Struct, array_like=True, gc=False):
    """The first fields of a packed ticket: all that restoring the timer index reads."""

    form: int
    armed: int
    forgets: int
    published: int
