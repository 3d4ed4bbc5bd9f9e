"""The bundled history as a stream: where it is, how to read it, cut it and move it in time."""

from __future__ import annotations

import lzma
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, takewhile
from pathlib import Path
from typing import Final

import orjson

from sla_stream.formats.instants import format_instant, parse_instant

BUNDLED: Final = Path(__file__).with_name("history.jsonl.xz")
BUNDLED_EVENTS: Final = 141_712

WEEK_MS: Final = 7 * 86_400_000


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """One line of the history. `at` is its `occurred_at`, ms UTC; `value` the JSON as it goes to Kafka."""

    at: int
    ticket_id: str
    value: bytes


def read_history(path: Path = BUNDLED) -> Iterator[HistoryEvent]:
    """The events in order of time. Memory does not grow with them."""
    with lzma.open(path) as lines:
        for line in lines:
            event = orjson.loads(line)
            yield HistoryEvent(parse_instant(event["occurred_at"]), event["ticket_id"], line.rstrip())


def cut(events: Iterator[HistoryEvent], count: int | None, until: int | None) -> Iterator[HistoryEvent]:
    """At most the first `count` events, and none after the instant `until` (ms)."""
    if count is not None:
        events = islice(events, count)
    if until is not None:
        events = takewhile(lambda event: event.at <= until, events)
    return events


def restamp(events: Iterator[HistoryEvent], shift: int) -> Iterator[HistoryEvent]:
    """The same events, `shift` ms later."""
    for event in events:
        at = event.at + shift
        value = orjson.loads(event.value) | {"occurred_at": format_instant(at)}
        yield HistoryEvent(at, event.ticket_id, orjson.dumps(value))


def live_shift(first: int, now: int, lead: int = 3 * WEEK_MS) -> int:
    """By how much to move a history that begins at `first` so that it is at least `lead` old at `now`.

    A whole number of weeks, so that a Monday morning stays one and business hours keep their meaning.
    """
    return (now - lead - first) // WEEK_MS * WEEK_MS
