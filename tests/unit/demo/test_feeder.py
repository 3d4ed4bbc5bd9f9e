"""The feeder keeps step with its clock, and the virtual clock stays behind what is appended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest

from sla_stream.demo import feeder
from sla_stream.demo.feeder import Feeder, Pace
from sla_stream.demo.history import HistoryEvent


class Topic:
    """Remembers what was appended and what the clock said at each point."""

    def __init__(self) -> None:
        self.records: list[tuple[str, bytes, int]] = []
        self.reached: list[tuple[int, int]] = []

    async def append(self, records: Sequence[tuple[str, bytes, int]]) -> None:
        self.records += records

    def note(self, instant: int) -> None:
        """The clock moved to `instant` when so many records were in the topic."""
        self.reached.append((instant, len(self.records)))


def history(*instants: int) -> list[HistoryEvent]:
    return [HistoryEvent(at, f"T{number}", b"{}") for number, at in enumerate(instants)]


def ticking(step: int) -> Callable[[], int]:
    """A clock that moves on by `step` each time it is asked."""
    instants = iter(range(0, 1_000_000, step))
    return lambda: next(instants)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeder, "STEP_S", 0)


async def feed(events: list[HistoryEvent], step: int, end: int | None = None) -> tuple[Topic, Feeder]:
    topic = Topic()
    feeding = Feeder(iter(events), topic, ticking(step), topic.note)
    await feeding.run(end)
    return topic, feeding


@pytest.mark.parametrize("step", [1, 7, 50, 1_000])
async def test_clock_never_passes_an_event_that_is_not_appended(step: int) -> None:
    events = history(5, 5, 20, 21, 90, 400)
    topic, feeding = await feed(events, step)
    assert [record[2] for record in topic.records] == [event.at for event in events]
    for instant, appended in topic.reached:
        assert all(event.at > instant for event in events[appended:])
    assert all(earlier[0] <= later[0] for earlier, later in pairwise(topic.reached))
    assert topic.reached[-1] == (400, 6)
    assert (feeding.appended, feeding.at) == (6, 400)


async def test_clock_stops_inside_an_instant_that_is_cut_by_the_largest_append(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(feeder, "LARGEST_APPEND", 2)
    topic, _ = await feed(history(5, 5, 5, 5, 5, 9), 1_000)
    assert (4, 2) in topic.reached
    assert all(instant < 5 or appended >= 5 for instant, appended in topic.reached)


async def test_clock_moves_on_to_the_end_after_the_last_event() -> None:
    topic, _ = await feed(history(10, 20), 15, end=100)
    assert topic.reached[-1] == (100, 2)


async def test_catching_up_appends_the_past_and_leaves_the_clock_alone() -> None:
    topic = Topic()
    feeding = Feeder(iter(history(1, 2, 3, 9)), topic, lambda: 3, topic.note)
    await feeding.catch_up()
    assert [record[2] for record in topic.records] == [1, 2, 3]
    assert topic.reached == []


async def test_no_events_is_an_end_too() -> None:
    topic, feeding = await feed([], 10, end=30)
    assert topic.reached[-1] == (30, 0)
    assert feeding.appended == 0


def test_pace_starts_when_first_asked_and_runs_at_its_speed() -> None:
    seconds = iter([100.0, 100.5, 103.0])
    pace = Pace(1_000, 3_600, lambda: next(seconds))
    assert [pace(), pace(), pace()] == [1_000, 1_000 + 1_800_000, 1_000 + 10_800_000]
