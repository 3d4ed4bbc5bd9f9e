"""What is done with a ticket's state as a whole: packing it, keeping its recent events, knowing their ids again."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from typing import Final

import msgspec

from sla_stream.core.events import TicketEvent
from sla_stream.core.schedule import FAR
from sla_stream.core.ticket_state import FORM, NEVER, Fold, Head, Held, Note, Ticket

__all__ = ["FORM", "NEVER", "Fold", "Head", "Held", "Note", "Ticket"]

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
