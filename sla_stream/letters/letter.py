"""One record that was set aside: what it was before, and what the headers say of why it is here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from sla_stream.formats.instants import format_instant

REASON: Final = "sla-reason"
DETAIL: Final = "sla-detail"
SOURCE_TOPIC: Final = "sla-topic"
SOURCE_PARTITION: Final = "sla-partition"
SOURCE_OFFSET: Final = "sla-offset"
ADDED: Final = (REASON, DETAIL, SOURCE_TOPIC, SOURCE_PARTITION, SOURCE_OFFSET)
"""What setting aside adds to a record's headers."""

Headers = Sequence[tuple[str, bytes]]
ROW: Final = (
    "letter", "at", "reason", "detail", "topic", "partition", "offset", "key", "ticket_id", "event_id", "bytes",
    "retried_at",
)  # fmt: skip
"""Columns of `list`."""
_SHOWN_KEY: Final = 200


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a record is. `str(place)` is `TOPIC/PARTITION/OFFSET`."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


@dataclass(frozen=True, slots=True)
class Letter:
    """A set-aside record. `timestamp` in ms, the original record's; `headers` without those that were added."""

    place: Place
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    reason: str | None
    """None: the headers do not say; somebody else wrote this record."""
    detail: str
    source: Place | None
    """Where it was read first; None as `reason`."""

    @property
    def id(self) -> str:
        """`PARTITION/OFFSET` in the topic it lies in: what a person types."""
        return f"{self.place.partition}/{self.place.offset}"


def letter_of(topic: str, partition: int, record: Any) -> Letter:
    """A letter from a record of its topic (aiokafka's: offset, timestamp, key, value, headers).

    Of a header that is there twice the last one was added by the last setting aside; earlier ones belong to the
    record, as it came.
    """
    last = {name: index for index, (name, _) in enumerate(record.headers) if name in ADDED}
    added = {name: record.headers[index][1] for name, index in last.items()}
    source = _source(added)
    told = source is not None and REASON in added
    drop = set(last.values()) if told else set()
    return Letter(
        place=Place(topic, partition, record.offset),
        timestamp=record.timestamp,
        key=record.key,
        value=record.value,
        headers=tuple(header for index, header in enumerate(record.headers) if index not in drop),
        reason=added[REASON].decode(errors="replace") if told else None,
        detail=added.get(DETAIL, b"").decode(errors="replace") if told else "",
        source=source if told else None,
    )


def _source(added: dict[str, bytes]) -> Place | None:
    try:
        topic = added[SOURCE_TOPIC].decode()
        return Place(topic, int(added[SOURCE_PARTITION]), int(added[SOURCE_OFFSET]))
    except (KeyError, ValueError):  # UnicodeDecodeError is a ValueError
        return None


def ids_of(letter: Letter) -> tuple[str | None, str | None]:
    """Ticket id and event id, as far as the value tells: fields of a ticket event, or of a CloudEvent around one."""
    try:
        document = orjson.loads(letter.value or b"")
    except orjson.JSONDecodeError:
        return None, None
    if not isinstance(document, dict):
        return None, None
    inner = document.get("data")
    data = inner if isinstance(inner, dict) else document
    return (
        _text(data.get("ticket_id"), document.get("subject")),
        _text(data.get("event_id"), document.get("id") if "specversion" in document else None),
    )


def row(letter: Letter, retried_at: str | None) -> dict[str, Any]:
    """A letter as a line of `list`. `retried_at`: when it was sent again, None if never."""
    ticket_id, event_id = ids_of(letter)
    source = letter.source
    found = {
        "letter": letter.id,
        "at": format_instant(max(letter.timestamp, 0)),
        "reason": letter.reason,
        "detail": letter.detail,
        "topic": source.topic if source else None,
        "partition": source.partition if source else None,
        "offset": source.offset if source else None,
        "key": None if letter.key is None else letter.key.decode(errors="backslashreplace")[:_SHOWN_KEY],
        "ticket_id": ticket_id,
        "event_id": event_id,
        "bytes": None if letter.value is None else len(letter.value),
        "retried_at": retried_at,
    }
    assert tuple(found) == ROW
    return found


def _text(*found: Any) -> str | None:
    return next((one for one in found if isinstance(one, str)), None)
