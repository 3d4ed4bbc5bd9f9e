"""What a schedule says, as plain data, and whether its windows contradict each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import pairwise
from typing import Final

_DAY_S: Final = 86_400
_WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Window = tuple[int, int]
"""(start, end) in seconds of the local day, start < end <= start + 86400; above 86400 is the next day."""
Windows = tuple[Window, ...]
Day = int | date
"""A weekday (0 = Monday) or one date."""


@dataclass(frozen=True, slots=True)
class ScheduleRules:
    """A schedule, checked and resolved.

    `hours` has seven entries, Monday first. `dates` replaces the hours of a date and wins over `holidays`.
    `closed` holds local (naive) times from and to, closed whatever the hours say; a repeated hour both times.
    """

    name: str
    timezone: str
    hours: tuple[Windows, Windows, Windows, Windows, Windows, Windows, Windows]
    holidays: frozenset[date] = frozenset()
    dates: dict[date, Windows] = field(default_factory=dict)
    closed: tuple[tuple[datetime, datetime], ...] = ()

    def windows(self, day: date) -> Windows:
        """The windows that start on this local date."""
        replaced = self.dates.get(day)
        if replaced is not None:
            return replaced
        return () if day in self.holidays else self.hours[day.weekday()]


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two windows that claim the same time; a date stands for its entry in `ScheduleRules.dates`."""

    day: Day
    window: Window
    other_day: Day
    other: Window

    def __str__(self) -> str:
        """`mon 22:00-06:00 overlaps tue 05:00-09:00`."""
        first = f"{_day_text(self.day)} {_window_text(self.window)}"
        return f"{first} overlaps {_day_text(self.other_day)} {_window_text(self.other)}"


def overlaps(rules: ScheduleRules) -> list[Overlap]:
    """Every pair of windows that overlap, within a day or across midnight; windows that touch do not.

    A weekday is compared with the next one; a date of `dates` with what really lies before and after it,
    holidays considered.
    """
    found: list[Overlap] = []
    for weekday, windows in enumerate(rules.hours):
        found += _within(weekday, windows)
        following = (weekday + 1) % 7
        found += _across(weekday, windows, following, rules.hours[following])
    for day in sorted(rules.dates):
        found += _within(day, rules.dates[day])
        found += _across_dates(rules, day.toordinal() - 1)
        found += _across_dates(rules, day.toordinal())
    return list(dict.fromkeys(found))


def _within(day: Day, windows: Windows) -> list[Overlap]:
    return [Overlap(day, a, day, b) for a, b in pairwise(sorted(windows)) if b[0] < a[1]]


def _across(day: Day, windows: Windows, other_day: Day, others: Windows) -> list[Overlap]:
    return [Overlap(day, a, other_day, b) for a in windows for b in others if b[0] + _DAY_S < a[1]]


def _across_dates(rules: ScheduleRules, ordinal: int) -> list[Overlap]:
    """The midnight after this date."""
    if not 1 <= ordinal < date.max.toordinal():
        return []
    first, second = date.fromordinal(ordinal), date.fromordinal(ordinal + 1)
    names = [day if day in rules.dates else day.weekday() for day in (first, second)]
    return _across(names[0], rules.windows(first), names[1], rules.windows(second))


def _day_text(day: Day) -> str:
    return _WEEKDAYS[day] if isinstance(day, int) else day.isoformat()


def _window_text(window: Window) -> str:
    """As it is written in a policy file: `22:00-06:00`."""
    return "-".join(_time_text(second if second <= _DAY_S else second - _DAY_S) for second in window)


def _time_text(second: int) -> str:
    text = f"{second // 3600:02}:{second // 60 % 60:02}"
    return f"{text}:{second % 60:02}" if second % 60 else text
