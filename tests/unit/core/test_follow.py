"""Following one ticket at a time says what the log in its order says, at the same log times."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

import sla_stream.demo
from sla_stream.core.engine import Engine, EngineSettings
from sla_stream.core.events import Logged
from sla_stream.core.policy import PolicySet
from sla_stream.core.sla_events import SlaEvent
from sla_stream.core.ticket import pack_event
from sla_stream.demo.history import read_history
from sla_stream.formats.codec import decode_ticket_event
from sla_stream.formats.policy_file import load_policies
from tests.builders import DAY, HOUR, Run, event

EVENTS = 1_500


@cache
def demo() -> PolicySet:
    return load_policies(Path(sla_stream.demo.__file__).parent / "policies.yaml")


@cache
def log(seed: int) -> list[Logged]:
    """Real lives; some events are read hours late, some twice, so that alarms are held, retracted and said again."""
    chance = random.Random(seed)
    events = [decode_ticket_event(line.value) for line in islice(read_history(), EVENTS)]
    read = [(each.at + chance.choice((0, 0, 0, HOUR, 30 * HOUR)), each) for each in events]
    read += [(at + HOUR, each) for at, each in read if chance.random() < 0.05]
    read.sort(key=lambda entry: entry[0])
    return [(at, line, each, chance.choice((None, pack_event(each)))) for line, (at, each) in enumerate(read)]


def one_by_one(engine: Engine, records: list[Logged], until: int) -> Iterator[SlaEvent]:
    for at, line, each, packed in records:
        pass_time(engine, at)
        engine.apply(each, at, line, packed)
    pass_time(engine, until)
    yield from engine.take_outputs()


def followed(engine: Engine, records: list[Logged], until: int, size: int) -> Iterator[SlaEvent]:
    for start in range(0, len(records), size):
        piece = records[start : start + size]
        lives: dict[str, list[Logged]] = defaultdict(list)
        for record in piece:
            lives[record[2].ticket_id].append(record)
        for ticket_id, life in lives.items():
            engine.follow(ticket_id, life, piece[-1][0])
        pass_time(engine, piece[-1][0])
    pass_time(engine, until)
    yield from engine.take_outputs()


def pass_time(engine: Engine, until: int) -> None:
    while (due := engine.next_due()) is not None and due < until:
        engine.advance(due + 1)
    engine.advance(until)


def told(events: Iterator[SlaEvent]) -> list[tuple[Any, ...]]:
    return sorted((each.decided_at, each.id, each.type, each.evidence, each.late_attach) for each in events)


@pytest.mark.parametrize("size", [1, 40, 700, 10 * EVENTS])
@pytest.mark.parametrize("settings", [{}, {"settle_for": 40 * HOUR}, {"hold_for": HOUR, "settle_for": 0}])
def test_following_says_what_the_log_says(size: int, settings: dict[str, int]) -> None:
    records = log(size)
    until = records[-1][0] + 40 * DAY
    first, second = (Engine(demo(), EngineSettings(retain_closed=None, **settings)) for _ in range(2))
    wanted = told(one_by_one(first, records, until))
    assert told(followed(second, records, until, size)) == wanted
    assert len(wanted) > 1_000
    assert second.counters == first.counters
    first.flush()
    second.flush()
    assert sorted(second.states()) == sorted(first.states())


def test_following_over_a_change_of_policies() -> None:
    policies = tuple(replace(each, version="v2", on_change="migrate") for each in demo().policies)
    change = log(1)[700][0]
    sets = [(0, demo()), (change, replace(demo(), policies=policies, digest="second"))]
    until = log(1)[-1][0] + 40 * DAY
    first, second = (Engine(sets, EngineSettings(retain_closed=None)) for _ in range(2))
    assert told(followed(second, log(1), until, 100)) == told(one_by_one(first, log(1), until))


def test_an_engine_that_forgets_does_not_follow() -> None:
    assert not Run(demo()).engine.follows
    with pytest.raises(AssertionError):
        Run(demo()).engine.follow("T-1", [], 0)


def test_log_time_stays_until_it_is_moved() -> None:
    engine = Engine(demo(), EngineSettings(retain_closed=None))
    engine.follow("T-1", [(DAY, 0, event(DAY, "created"), None)], 2 * DAY)
    assert engine.log_time == 0
