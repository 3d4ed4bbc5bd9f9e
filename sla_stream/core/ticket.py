"""What is kept of one ticket: the fold of its events, and enough of the past to put a late event in its place.

    base   fold of the events that can no longer be overtaken, packed
    tail   the events since, packed one after the other; parsed only when an event comes late
    fold   base and tail folded: the present
    held   SLA events decided and not said yet
    notes, times   what was said differently than the fold alone would tell (revisions, supersessions)

The packed form is changelog record and state at rest. It starts with the version of the form.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from typing import Any, Final

import msgspec

from sla_stream.core.cycle import Cycle
from sla_stream.core.events import TicketEvent
from sla_stream.core.schedule import FAR

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


_encoder = msgspec.msgpack.Encoder()
_buffer = bytearray(4096)
_decode_ticket = msgspec.msgpack.Decoder(Ticket).decode
_decode_fold = msgspec.msgpack.Decoder(Fold).decode
_decode_event = msgspec.msgpack.Decoder(TicketEvent).decode
decode_head = msgspec.msgpack.Decoder(Head).decode


def new_ticket(ticket_id: str, published: int) -> Ticket:
    return Ticket(form=FORM, armed=FAR, forgets=FAR, published=published, ticket_id=ticket_id, fold=new_fold())


def new_fold() -> Fold:
    return Fold(attributes={}, clocks={})


def next_threshold(fold: Fold) -> int:
    """The earliest instant of a threshold of any clock; FAR: none."""
    at = FAR
    for cycles in fold.clocks.values():
        next_at = cycles[-1].next_at
        if next_at < at:
            at = next_at
    return at


def pack_ticket(ticket: Ticket) -> bytes:
    """Packed form. (`encode` alone would keep its larger work buffer alive at rest.)"""
    _encoder.encode_into(ticket, _buffer)
    return bytes(_buffer)


def unpack_ticket(packed: bytes) -> Ticket:
    return _decode_ticket(packed)


def pack_fold(fold: Fold) -> bytes:
    _encoder.encode_into(fold, _buffer)
    return bytes(_buffer)


def unpack_fold(packed: bytes) -> Fold:
    return _decode_fold(packed) if packed else new_fold()


def pack_event(event: TicketEvent) -> bytes:
    return _encoder.encode(event)


def append_event(tail: bytes, packed: bytes) -> bytes:
    return tail + len(packed).to_bytes(4, "big") + packed


def packed_events(tail: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(tail):
        end = at + 4 + int.from_bytes(tail[at : at + 4], "big")
        yield tail[at + 4 : end]
        at = end


def tail_events(tail: bytes) -> list[TicketEvent]:
    """The events of a tail in their order."""
    return [_decode_event(packed) for packed in packed_events(tail)]


ID_BYTES: Final = 8
FINGERPRINT_BYTES: Final = 12
canonical = msgspec.msgpack.Encoder(order="sorted").encode
"""Bytes of an event that are equal exactly if the events are."""


def fingerprint(event: TicketEvent) -> bytes:
    """8 bytes of the event's id and 4 of its content."""
    return _digest(event.event_id.encode(), ID_BYTES) + _digest(canonical(event), FINGERPRINT_BYTES - ID_BYTES)


def _digest(content: bytes, size: int) -> bytes:
    return blake2b(content, digest_size=size).digest()


def find_fingerprint(ids: bytes, wanted: bytes) -> bytes | None:
    """The stored fingerprint with the same id, if any."""
    for at in range(0, len(ids), FINGERPRINT_BYTES):
        if ids[at : at + ID_BYTES] == wanted[:ID_BYTES]:
            return ids[at : at + FINGERPRINT_BYTES]
    return None
