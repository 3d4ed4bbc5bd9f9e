"""Windows that contradict each other, and which windows a date has."""

from __future__ import annotations

from datetime import date

import pytest

from sla_stream.core.schedule import ScheduleRules, Windows, overlaps

HOUR = 3600
NIGHT = (22 * HOUR, 30 * HOUR)
EARLY = (5 * HOUR, 9 * HOUR)
LATE = (6 * HOUR, 9 * HOUR)
MONDAY, TUESDAY = date(2026, 1, 5), date(2026, 1, 6)


def rules(
    *hours: Windows, holidays: frozenset[date] = frozenset(), dates: dict[date, Windows] | None = None
) -> ScheduleRules:
    week = [*hours, *((),) * (7 - len(hours))]
    return ScheduleRules("s", "UTC", tuple(week), holidays, dates or {})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (rules(((8 * HOUR, 12 * HOUR), (12 * HOUR, 18 * HOUR))), []),
        (rules(((8 * HOUR, 12 * HOUR), (11 * HOUR, 18 * HOUR))), ["mon 08:00-12:00 overlaps mon 11:00-18:00"]),
        (rules(((11 * HOUR, 18 * HOUR), (8 * HOUR, 12 * HOUR))), ["mon 08:00-12:00 overlaps mon 11:00-18:00"]),
        (rules((NIGHT,), (EARLY,)), ["mon 22:00-06:00 overlaps tue 05:00-09:00"]),
        (rules((NIGHT,), (LATE,)), []),
        (rules((EARLY,), (), (), (), (), (), (NIGHT,)), ["sun 22:00-06:00 overlaps mon 05:00-09:00"]),
        (rules(((0, 24 * HOUR),), ((0, 24 * HOUR),)), []),
        (rules(((0, 24 * HOUR), (30, 90))), ["mon 00:00-24:00 overlaps mon 00:00:30-00:01:30"]),
        (
            rules((NIGHT,), (), dates={TUESDAY: (EARLY,)}),
            ["mon 22:00-06:00 overlaps 2026-01-06 05:00-09:00"],
        ),
        (
            rules((), (EARLY,), dates={MONDAY: (NIGHT,)}),
            ["2026-01-05 22:00-06:00 overlaps tue 05:00-09:00"],
        ),
        (
            rules(dates={MONDAY: (NIGHT,), TUESDAY: (EARLY,)}),
            ["2026-01-05 22:00-06:00 overlaps 2026-01-06 05:00-09:00"],
        ),
        (
            rules(dates={MONDAY: (EARLY, LATE)}),
            ["2026-01-05 05:00-09:00 overlaps 2026-01-05 06:00-09:00"],
        ),
        (rules((NIGHT,), (), holidays=frozenset({MONDAY}), dates={TUESDAY: (EARLY,)}), []),
        (rules(dates={date.min: (EARLY,), date.max: (NIGHT,)}), []),
    ],
)
def test_overlaps(given: ScheduleRules, expected: list[str]) -> None:
    assert [str(overlap) for overlap in overlaps(given)] == expected


def test_windows_of_a_date() -> None:
    given = rules((NIGHT,), (EARLY,), holidays=frozenset({MONDAY}), dates={TUESDAY: ()})
    assert given.windows(MONDAY) == ()
    assert given.windows(TUESDAY) == ()
    assert given.windows(date(2026, 1, 12)) == (NIGHT,)
