"""The inbox: batches in order, split without losing or doubling a record or a position."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from sla_stream.worker.inbox import Batch, Inbox


@dataclass(frozen=True)
class Record:
    offset: int
    timestamp: int = 0


def _batch(start: int, offsets: list[int], end: int) -> Batch:
    return Batch([Record(offset, offset * 10) for offset in offsets], start, end, end, end, 0.0)


@given(
    st.lists(st.lists(st.integers(1, 5), max_size=12), max_size=6),
    st.integers(1, 7),
)
def test_splitting_keeps_every_record_and_leaves_no_gap(steps: list[list[int]], limit: int) -> None:
    inbox, position, offsets = Inbox(), 0, []
    for gaps in steps:
        start, mine = position, []
        for gap in gaps:
            position += gap
            mine.append(position - 1)
        position += 2  # markers
        offsets += mine
        inbox.put(_batch(start, mine, position))
    assert inbox.records == len(offsets)
    seen, at = [], 0
    while inbox:
        batch = inbox.take(limit)
        assert len(batch.records) <= limit
        assert batch.start <= at
        assert all(at <= record.offset < batch.end for record in batch.records)
        seen += [record.offset for record in batch.records]
        at = batch.end
    assert seen == offsets
    assert inbox.records == 0
    if steps:
        assert at == position


def test_next_timestamp() -> None:
    inbox = Inbox()
    assert inbox.next_timestamp() is None
    inbox.put(_batch(0, [], 3))
    assert inbox.next_timestamp() is None
    inbox.take(1)
    inbox.put(_batch(3, [4, 5], 6))
    assert inbox.next_timestamp() == 40
