"""The open stretches of a schedule between two instants agree with `elapsed` and `is_open`."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime

from sla_stream.core.schedule import END, Schedule
from sla_stream.core.schedule_rules import ScheduleRules
from tests.builders import DAY, HOUR, MINUTE, MONDAY, NINE_TO_FIVE

BERLIN = Schedule(
    ScheduleRules(
        name="berlin",
        timezone="Europe/Berlin",
        hours=(((8 * 3600, 12 * 3600), (13 * 3600, 18 * 3600)),) * 4 + (((22 * 3600, 30 * 3600),), (), ()),
        holidays=frozenset({date(2026, 1, 6)}),
        dates={},
        closed=(),
    )
)


def test_a_week_of_office_hours() -> None:
    found = NINE_TO_FIVE.open_periods(MONDAY, MONDAY + 7 * DAY)
    assert found == [(MONDAY + day * DAY + 9 * HOUR, MONDAY + day * DAY + 17 * HOUR) for day in range(5)]


def test_edges_are_cut() -> None:
    noon = MONDAY + 12 * HOUR
    assert NINE_TO_FIVE.open_periods(noon, noon + MINUTE) == [(noon, noon + MINUTE)]
    assert NINE_TO_FIVE.open_periods(noon, noon) == []
    assert NINE_TO_FIVE.open_periods(noon, noon - 1) == []
    assert NINE_TO_FIVE.open_periods(MONDAY, MONDAY + HOUR) == []


def test_always() -> None:
    assert Schedule.always().open_periods(5, 9) == [(5, 9)]
    assert Schedule.always().open_periods(9, 9) == []


def test_a_stretch_over_the_turn_of_the_year_is_one() -> None:
    night = Schedule(ScheduleRules("n", "UTC", (((0, 86_400),),) * 7, frozenset(), {}, ()))
    turn = int(datetime(2027, 1, 1, tzinfo=UTC).timestamp()) * 1000
    assert night.open_periods(turn - DAY, turn + DAY) == [(turn - DAY, turn + DAY)]


def test_beyond_the_horizon_nothing_is_open() -> None:
    assert NINE_TO_FIVE.open_periods(END, END + DAY) == []
    assert NINE_TO_FIVE.open_periods(-DAY, 0) == []


def test_sums_are_the_elapsed_time() -> None:
    chance = random.Random(7)
    for _ in range(300):
        start = MONDAY + chance.randrange(-400 * DAY, 400 * DAY)
        end = start + chance.randrange(0, 40 * DAY)
        found = BERLIN.open_periods(start, end)
        assert sum(b - a for a, b in found) == BERLIN.elapsed(start, end)
        assert all(start <= a < b <= end for a, b in found)
        assert all(BERLIN.is_open(a) and BERLIN.is_open(b - 1) for a, b in found)
        assert all(not BERLIN.is_open(b) for _, b in found if b < end)
