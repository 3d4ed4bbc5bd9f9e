"""Coalescing of the timers topic: once a second at most, the last state always, dirty marks survive."""

from __future__ import annotations

from sla_stream.worker.timers_topic import ROUND, SLICE, TimersTopic


def test_nothing_dirty_nothing_due() -> None:
    topic = TimersTopic(True, {}, 0)
    assert topic.due_at() is None
    assert topic.take(5.0) == []
    assert topic.shown_from(42) == 42


def test_a_ticket_is_published_at_most_once_a_round() -> None:
    topic = TimersTopic(True, {}, 0)
    topic.mark(["a"], 10)
    assert topic.take(5.0) == ["a"]
    topic.mark(["a"], 20)
    assert topic.take(5.0 + ROUND / 2) == []
    assert topic.due_at() == 5.0 + ROUND
    assert topic.take(5.0 + ROUND) == ["a"]
    assert topic.due_at() is None


def test_a_round_goes_in_slices_and_the_next_starts_after_its_end() -> None:
    topic = TimersTopic(True, {}, 0)
    ids = [f"t{number}" for number in range(SLICE + 1)]
    topic.mark(ids, 0)
    assert topic.take(1.0) == ids[:SLICE]
    topic.mark(ids[:1], 7)  # changed again while the round is under way
    assert topic.due_at() == 0.0
    assert topic.take(1.2) == ids[SLICE:]
    assert topic.take(1.3) == []
    assert topic.take(1.2 + ROUND) == ids[:1]


def test_the_mark_is_the_oldest_unpublished_change() -> None:
    topic = TimersTopic(True, {"old": 3}, 3)
    topic.mark(["new", "old"], 10)
    assert topic.shown_from(11) == 3
    assert topic.take(1.0) == ["old", "new"]
    assert topic.shown_from(12) == 12
    topic.mark(["new"], 12)
    assert topic.shown_from(15) == 12


def test_while_off_the_mark_stays() -> None:
    topic = TimersTopic(False, {"a": 5}, 5)
    topic.mark(["b"], 10)
    assert topic.due_at() is None
    assert topic.take(1.0) == []
    assert topic.shown_from(99) == 5
