"""The timer index: what is pushed comes out in order, strictly before the asked instant."""

from __future__ import annotations

from sla_stream.core.timers import BUCKET_MS, TimerIndex


def filled(*entries: tuple[int, str]) -> TimerIndex:
    index = TimerIndex()
    for at, ticket in entries:
        index.push(at, ticket)
    return index


def drained(index: TimerIndex, now: int) -> list[tuple[int, str]]:
    found = []
    while (entry := index.pop_before(now)) is not None:
        found.append(entry)
    return found


def test_empty() -> None:
    index = TimerIndex()
    assert (len(index), index.first(), index.pop_before(10**15)) == (0, None, None)


def test_strictly_before() -> None:
    index = filled((100, "a"))
    assert index.pop_before(100) is None
    assert index.pop_before(101) == (100, "a")
    assert index.pop_before(101) is None


def test_by_instant_then_ticket() -> None:
    index = filled((2, "a"), (1, "b"), (1, "a"))
    assert len(index) == 3
    assert drained(index, 10) == [(1, "a"), (1, "b"), (2, "a")]
    assert len(index) == 0


def test_over_many_buckets() -> None:
    entries = [(i * 7_919_777 % (50 * BUCKET_MS), f"t{i}") for i in range(500)]
    index = filled(*entries)
    half = 25 * BUCKET_MS
    assert drained(index, half) == sorted(entry for entry in entries if entry[0] < half)
    assert drained(index, 10**12) == sorted(entry for entry in entries if entry[0] >= half)


def test_first_is_the_earliest() -> None:
    index = filled((5 * BUCKET_MS, "late"))
    assert index.first() == 5 * BUCKET_MS
    index.push(3 * BUCKET_MS, "early")
    assert index.first() == 3 * BUCKET_MS
    index.push(5 * BUCKET_MS + 1, "same minute, opened already")
    assert drained(index, 10**9) == [
        (3 * BUCKET_MS, "early"),
        (5 * BUCKET_MS, "late"),
        (5 * BUCKET_MS + 1, "same minute, opened already"),
    ]


def test_pushed_behind_what_was_drained() -> None:
    index = filled((10 * BUCKET_MS, "a"))
    assert drained(index, 11 * BUCKET_MS) == [(10 * BUCKET_MS, "a")]
    index.push(2, "b")
    index.push(20 * BUCKET_MS, "c")
    assert drained(index, 3) == [(2, "b")]
    assert index.first() == 20 * BUCKET_MS


def test_negative_instants() -> None:
    """Before 1970."""
    assert drained(filled((-1, "b"), (-BUCKET_MS - 1, "a"), (0, "c")), 1) == [
        (-BUCKET_MS - 1, "a"),
        (-1, "b"),
        (0, "c"),
    ]
