"""The bundled history is complete, in order, and made of valid ticket events."""

from __future__ import annotations

import hashlib
import lzma
from itertools import pairwise

import orjson
import pytest

from sla_stream.core.events import TicketEvent
from sla_stream.demo.history import BUNDLED, BUNDLED_EVENTS, WEEK_MS, cut, live_shift, read_history, restamp
from sla_stream.formats.codec import decode_ticket_event

SHA256 = "51fe67328851b11482c7e68b126d16ba59e2c5a369a29e1092d0b296db587467"


@pytest.fixture(scope="module")
def decoded() -> list[TicketEvent]:
    return [decode_ticket_event(event.value, (), event.ticket_id.encode()) for event in read_history()]


def test_is_the_file_that_its_readme_describes() -> None:
    assert hashlib.sha256(lzma.decompress(BUNDLED.read_bytes())).hexdigest() == SHA256
    assert SHA256 in BUNDLED.with_name("README.md").read_text(encoding="utf-8")


def test_every_line_is_a_ticket_event(decoded: list[TicketEvent]) -> None:
    assert len(decoded) == BUNDLED_EVENTS
    assert len({event.ticket_id for event in decoded}) == 24_918


def test_ids_name_events_once(decoded: list[TicketEvent]) -> None:
    assert len({(event.ticket_id, event.event_id) for event in decoded}) == BUNDLED_EVENTS


def test_is_in_order(decoded: list[TicketEvent]) -> None:
    assert all(earlier.key < later.key for earlier, later in pairwise(decoded))


def test_each_ticket_begins_with_its_creation_and_is_created_once(decoded: list[TicketEvent]) -> None:
    seen: set[str] = set()
    for event in decoded:
        assert (event.kind == "created") == (event.ticket_id not in seen)
        seen.add(event.ticket_id)


def test_cut_by_count_and_by_instant() -> None:
    first, second, *_ = events = list(cut(read_history(), 50, None))
    assert len(events) == 50
    assert [event.at for event in cut(read_history(), None, first.at)] == [first.at]
    assert list(cut(read_history(), 50, second.at)) == events[:2]


def test_restamping_moves_time_and_nothing_else() -> None:
    before = list(cut(read_history(), 20, None))
    after = list(restamp(iter(before), WEEK_MS))
    assert [event.at for event in after] == [event.at + WEEK_MS for event in before]
    for old, new in zip(before, after, strict=True):
        changed = orjson.loads(new.value)
        assert decode_ticket_event(new.value).at == new.at
        assert changed | {"occurred_at": ""} == orjson.loads(old.value) | {"occurred_at": ""}


@pytest.mark.parametrize("now", [1_800_000_000_000, 1_800_000_000_000 + WEEK_MS // 2, 1_900_000_000_123])
def test_live_shift_keeps_the_day_of_the_week_and_a_lead(now: int) -> None:
    first, lead = 1_456_708_980_000, 3 * WEEK_MS
    shift = live_shift(first, now, lead)
    assert shift % WEEK_MS == 0
    assert lead <= now - (first + shift) < lead + WEEK_MS
