"""Driving the engine over a log."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from itertools import pairwise

import pytest

from sla_stream.core.engine import Engine, EngineSettings
from sla_stream.core.events import TicketEvent
from sla_stream.core.sla_events import SlaEvent
from sla_stream.history import replay as module
from sla_stream.history.log import BadRecord, LogFile, Record
from sla_stream.history.replay import Clock, Replay
from sla_stream.history.summary import Summary
from tests.builders import HOUR, MINUTE, Run, at, event, line, net_set, policies, policy, target, warn

POLICIES = policies(
    policy(
        target("first_response", HOUR, warnings=warn("50%")),
        target("resolution", 4 * HOUR, warnings=warn("80%", "30m")),
    )
)


def no_bad_records(record: BadRecord) -> None:
    raise AssertionError(record)


class ListLog(LogFile):
    """A log in memory; each event is recorded when it happened, unless it says otherwise."""

    def __init__(self, *records: TicketEvent | Record | BadRecord) -> None:
        super().__init__("list")
        self._records = records

    def __iter__(self) -> Iterator[Record | BadRecord]:
        for number, each in enumerate(self._records, 1):
            yield Record(number, each, each.at) if isinstance(each, TicketEvent) else each


def replayed(
    events: Iterable[TicketEvent], clock: Clock = "occurred", as_of: int | None = None, **settings: int
) -> tuple[Replay, list[SlaEvent]]:
    engine = Engine(POLICIES, EngineSettings(retain_closed=None, **settings))
    replay = Replay(engine, ListLog(*events), no_bad_records, clock, as_of)
    return replay, [each for batch in replay.run() for each in batch]


def lives(count: int, seed: int = 1) -> list[TicketEvent]:
    """Tickets that are created, answered and resolved at random times of a day."""
    chance = random.Random(seed)
    start = at("Mon 00:00")
    found = []
    for number in range(count):
        moments = sorted(chance.sample(range(24 * 60), 4))
        kinds = ("created", "agent_replied", "resolved", "reopened")
        found += [event(start + m * MINUTE, kind, f"T-{number}") for m, kind in zip(moments, kinds, strict=True)]
    return found


def test_decisions_are_dated_just_after_their_deadlines() -> None:
    _, said = replayed([event("Mon 09:00", "created"), event("Tue 09:00", "note_added")])
    assert [line(each) for each in said] == [
        "warning 50% first_response#1 Mon 09:30",
        "breach first_response#1 Mon 10:00",
        "warning 80% resolution#1 Mon 12:12",
        "warning -30m resolution#1 Mon 12:30",
        "breach resolution#1 Mon 13:00",
    ]
    assert [each.decided_at - each.at for each in said] == [1] * 5


@pytest.mark.parametrize("slice_length", [1, 7, 4000])
def test_order_is_log_time_ticket_metric_cycle(slice_length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SLICE", slice_length)
    _, said = replayed(lives(40), as_of=at("Wed 00:00"))
    places = [(each.decided_at, each.ticket_id, each.metric, each.cycle) for each in said]
    assert len(places) > 150
    assert places == sorted(places)


def test_resting_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    _, wanted = replayed(lives(30))
    monkeypatch.setattr(module, "SLICE", 3)
    _, said = replayed(lives(30))
    assert [(each.id, each.decided_at, each.evidence) for each in said] == [
        (each.id, each.decided_at, each.evidence) for each in wanted
    ]


def test_any_order_of_lines_gives_the_same() -> None:
    events = lives(30)
    _, wanted = replayed(events)
    random.Random(7).shuffle(events)
    _, said = replayed(events)
    assert [each.id for each in said] == [each.id for each in wanted]


def test_stopping_at_deadlines_says_what_running_past_them_says() -> None:
    events = sorted(lives(30), key=lambda each: each.at)
    _, said = replayed(events, as_of=at("Wed 00:00"))
    plain = Run(POLICIES, retain_closed=None).read(*events).until(at("Wed 00:00")).settle()
    assert net_set(said) == net_set(plain.said)


def test_recorded_clock_never_goes_back() -> None:
    events = [event("Mon 09:00", "created"), event("Mon 11:00", "note_added"), event("Mon 10:30", "note_added")]
    replay, said = replayed(events, clock="recorded")
    assert replay.as_of == at("Mon 11:00")
    assert all(one.decided_at <= other.decided_at for one, other in pairwise(said))
    assert replay.engine.counters.late == 1


def test_events_after_as_of_are_left_out() -> None:
    replay, said = replayed([event("Mon 09:00", "created"), event("Mon 12:00", "resolved")], as_of=at("Mon 10:00"))
    assert replay.tally.after_as_of == 1
    assert [line(each) for each in said] == ["warning 50% first_response#1 Mon 09:30"]
    assert [cycle.stage for view in replay.views() for cycle in view.cycles] == ["running", "running"]


def test_an_event_at_as_of_counts() -> None:
    replay, _ = replayed([event("Mon 09:00", "created")], as_of=at("Mon 09:00"))
    assert (replay.tally.records, replay.tally.after_as_of) == (1, 0)


def test_nothing_read_and_nothing_asked() -> None:
    replay, said = replayed([])
    assert (replay.as_of, said, list(replay.views())) == (None, [], [])


def test_what_report_raises_ends_the_replay() -> None:
    class Enough(Exception):
        pass

    def report(record: BadRecord) -> None:
        raise Enough

    log = ListLog(BadRecord(1, "json", "not JSON"), event("Mon 09:00", "created"))
    replay = Replay(Engine(POLICIES), log, report)
    with pytest.raises(Enough):
        list(replay.run())
    assert replay.tally.bad == {"json": 1}


def test_summary_counts_what_holds_in_the_end() -> None:
    summary = Summary()
    replay, said = replayed(
        [
            event("Mon 09:00", "created"),
            event("Mon 09:10", "resolved"),
            event("Mon 09:20", "reopened"),
            event("Mon 09:40", "updated", status="pending"),
            event("Mon 09:00", "created", "T-2"),
        ]
    )
    summary.add(said)
    for view in replay.views():
        summary.add_view(view)
    metrics = summary.numbers(replay.engine, replay.tally, replay.as_of, 2, 0)["policies"]["base"]
    assert metrics["first_response"] == {
        "met": 1, "missed": 0, "cancelled": 0, "running": 1, "paused": 0, "breaches": 0, "warnings": 1,
        "escalations": 0, "retractions": 0,
    }  # fmt: skip
    assert metrics["resolution"] == {
        "met": 0, "missed": 0, "cancelled": 0, "running": 2, "paused": 0, "breaches": 0, "warnings": 0,
        "escalations": 0, "retractions": 1,
    }  # fmt: skip


def test_summary_counts_a_corrected_outcome_once() -> None:
    """A late answer makes a missed first response a met one: the breach goes, the outcome is replaced."""
    summary = Summary()
    engine = Engine(POLICIES, EngineSettings(retain_closed=None))
    log = ListLog(
        Record(1, event("Mon 09:00", "created"), at("Mon 09:00")),
        Record(2, event("Mon 10:30", "agent_replied"), at("Mon 10:30")),
        Record(3, event("Mon 09:15", "agent_replied"), at("Mon 10:40")),
    )
    replay = Replay(engine, log, no_bad_records, "recorded")
    for batch in replay.run():
        summary.add(batch)
    counts = summary.numbers(engine, replay.tally, replay.as_of, 1, 0)["policies"]["base"]["first_response"]
    assert counts | {"retractions": 0} == {
        "met": 1, "missed": 0, "cancelled": 0, "running": 0, "paused": 0, "breaches": 0, "warnings": 0,
        "escalations": 0, "retractions": 0,
    }  # fmt: skip
    assert counts["retractions"] == 2
