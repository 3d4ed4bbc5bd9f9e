"""Working time: when a schedule is open, how much of it lies between two instants, when so much is used up.

A schedule is open at an instant if the local wall-clock time lies inside that local day's windows. So a
window in a DST gap shrinks and one in the repeated hour counts twice, while elapsed time is real time. A
window that ends after midnight belongs to the day on which it starts, and goes with it on a holiday.

Every instant has a coordinate, `used`: the open time between 2020-01-01T00:00Z and it (negative before).
Elapsed time is a difference of two coordinates; a deadline is the way back from a coordinate to an instant.
Coordinates depend on the rules alone, so they may be stored. The table behind them grows by whole years, in
both directions, when an instant is asked for, and what it said once stands. It never grows beyond the
horizon, `BEGIN` to `END`: outside it no time is used, and a deadline there is `FAR` for the engine, a
`HorizonError` for a person.

All instants and durations are integer milliseconds. A schedule must not be used by two threads at once.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import date, datetime
from typing import Final

from sla_stream.core.periods import Period, clip, subtract, tidy
from sla_stream.core.schedule_rules import Overlap, ScheduleRules, Window, Windows, overlaps
from sla_stream.core.zones import load_zone, spans_between, year_spans, year_start
from sla_stream.errors import SlaStreamError

__all__ = [
    "BEGIN", "END", "FAR", "HorizonError", "Overlap", "Schedule", "ScheduleRules", "Window", "Windows",
    "check_horizon", "overlaps",
]  # fmt: skip

FAR: Final = 2**62
"""An instant that never comes: the answer when a deadline lies beyond the horizon."""

ZERO_YEAR: Final = 2020
FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 2099
BEGIN: Final = year_start(FIRST_YEAR)
"""First instant of the horizon."""
END: Final = year_start(LAST_YEAR + 1)
"""First instant after the horizon, 2100-01-01T00:00Z."""

_DAY_MS: Final = 86_400_000
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()


class HorizonError(SlaStreamError):
    """An instant or a deadline lies outside the years that a schedule can see, 1970 to 2099."""


def check_horizon(at: int) -> None:
    """HorizonError unless `at` lies in the years that a schedule can see."""
    if not BEGIN <= at < END:
        raise HorizonError(f"the instant lies outside the years {FIRST_YEAR} to {LAST_YEAR}")


class Schedule:
    """Calendar arithmetic over `rules`. A schedule is equal only to itself; compare `name` or `rules`.

    ValueError if the time zone is unknown.
    """

    __slots__ = (
        "__weakref__", "_base", "_begin", "_cap", "_closed", "_cum", "_end", "_exceptions", "_first", "_from",
        "_last", "_starts", "_to", "name", "rules",
    )  # fmt: skip

    def __init__(self, rules: ScheduleRules) -> None:
        load_zone(rules.timezone)
        self.name = rules.name
        self.rules = rules
        self._closed = tidy((_local_ms(start), _local_ms(end)) for start, end in rules.closed)
        self._exceptions: dict[int, Windows] = {day.toordinal(): () for day in rules.holidays}
        self._exceptions.update((day.toordinal(), windows) for day, windows in rules.dates.items())
        # The table: piece i starts at _starts[i], is open for _cum[i + 1] - _cum[i] ms, then closed until the
        # next. Each year begins with a piece of no open time, so that every instant in it lies in a piece.
        self._starts: list[int] = []
        self._cum: list[int] = [0]
        self._first, self._last = ZERO_YEAR, ZERO_YEAR - 1
        self._begin = self._end = year_start(ZERO_YEAR)
        # The piece asked for last, [_from, _to): live instants come close together.
        self._from = self._to = self._base = self._cap = 0

    @staticmethod
    def always(name: str = "24x7") -> Schedule:
        """Open at every instant; its coordinate is the instant itself."""
        return _Always(name)

    @property
    def always_open(self) -> bool:
        """Whether this is `Schedule.always`."""
        return False

    def used(self, at: int) -> int:
        """Open time in ms between the fixed zero and `at` (negative before it); non-decreasing."""
        if not self._from <= at < self._to:
            self._find(at)
        used = self._base + at - self._from
        return used if used < self._cap else self._cap

    def instant(self, used: int) -> int:
        """Earliest instant at which `used` ms of open time are used; FAR beyond the horizon.

        It may lie before the instant whose coordinate `used` is, if that one is in closed time.
        """
        cum = self._cum
        if not cum[0] < used <= cum[-1]:
            return self._instant_elsewhere(used)
        piece = bisect_left(cum, used) - 1
        return self._starts[piece] + used - cum[piece]

    def elapsed(self, start: int, end: int) -> int:
        """Open time in ms from `start` to `end`; negative if `end` is earlier."""
        return self.used(end) - self.used(start)

    def due(self, start: int, duration: int) -> int:
        """Earliest instant from `start` on at which `duration` ms (>= 0) of open time have passed since then.

        HorizonError if `start` or the answer lies outside the horizon.
        """
        check_horizon(start)
        due = self.instant(self.used(start) + duration) if duration else start
        if due >= END:
            raise HorizonError(self._beyond(duration))
        return due

    def is_open(self, at: int) -> bool:
        """Whether the local wall-clock time of `at` lies inside a window."""
        if not self._from <= at < self._to:
            self._find(at)
        return self._base + at - self._from < self._cap

    def next_open(self, at: int) -> int | None:
        """Earliest open instant at or after `at`; None if there is none within the horizon."""
        if self.is_open(at):
            return at
        # One millisecond further on the schedule lies just inside the next open piece.
        following = self.instant(self.used(at) + 1)
        return None if following == FAR else following - 1

    def open_periods(self, start: int, end: int) -> list[Period]:
        """The open stretches within [start, end), tidy."""
        if start >= end:
            return []
        self._find(start)
        self._find(end)
        first = max(bisect_right(self._starts, start) - 1, 0)
        after = bisect_left(self._starts, end)
        return tidy(clip(map(self._piece, range(first, after)), start, end))

    def _piece(self, index: int) -> Period:
        start = self._starts[index]
        return start, start + self._cum[index + 1] - self._cum[index]

    @property
    def never_open(self) -> bool:
        """Whether there is no open instant within the horizon."""
        while self._cum[0] == self._cum[-1]:
            if self._last < LAST_YEAR:
                self._grow_forward()
            elif self._first > FIRST_YEAR:
                self._grow_backward()
            else:
                return True
        return False

    def business_days_later(self, at: int, days: int) -> int:
        """The same local time on the `days`-th working day after the local date of `at`.

        A working day is a local date on which a window starts that is really open at some instant. The answer
        may lie outside that day's windows, as `at` may; the deadline, `instant(used(answer))`, is then the
        last closing before it. A local time that the day skips is the instant of the jump; of a repeated one
        the first counts. FAR beyond the horizon.
        """
        if days <= 0:
            return at
        if not BEGIN <= at < END:
            return FAR
        local = at + spans_between(self.rules.timezone, at, at + 1)[0].offset
        day, time_of_day = divmod(local, _DAY_MS)
        while days:
            day += 1
            if day * _DAY_MS >= END:
                return FAR
            days -= self._works_on(day)
        return self._first_instant(day * _DAY_MS + time_of_day)

    def __repr__(self) -> str:
        return f"Schedule({self.name!r})"

    # The table.

    def _find(self, at: int) -> None:
        """Make the piece in which `at` lies the current one; the table grows as needed."""
        while at >= self._end < END:
            self._grow_forward()
        while at < self._begin > BEGIN:
            self._grow_backward()
        piece = bisect_right(self._starts, at) - 1
        if piece < 0:
            self._from, self._to, self._base, self._cap = -FAR, BEGIN, self._cum[0], self._cum[0]
            return
        self._from, self._base, self._cap = self._starts[piece], self._cum[piece], self._cum[piece + 1]
        self._to = self._end if piece + 1 == len(self._starts) else self._starts[piece + 1]

    def _instant_elsewhere(self, used: int) -> int:
        """`instant` for what the table does not hold yet."""
        while used > self._cum[-1]:
            if self._end == END:
                return FAR
            self._grow_forward()
        # Not `<`: where a year begins closed, its first coordinate was reached in an earlier one.
        while used <= self._cum[0]:
            if self._begin == BEGIN:
                return BEGIN
            self._grow_backward()
        return self.instant(used)

    def _grow_forward(self) -> None:
        pieces = self._year(self._last + 1)
        total = self._cum[-1]
        self._starts.append(self._end)
        for start, end in pieces:
            self._starts.append(start)
            self._cum.append(total)
            total += end - start
        self._cum.append(total)
        self._last += 1
        self._end = year_start(self._last + 1)

    def _grow_backward(self) -> None:
        pieces = self._year(self._first - 1)
        self._first -= 1
        self._begin = year_start(self._first)
        total = self._cum[0] - sum(end - start for start, end in pieces)
        cum = [total]
        for start, end in pieces:
            cum.append(total)
            total += end - start
        self._cum[:0] = cum
        self._starts[:0] = [self._begin, *(start for start, _ in pieces)]

    def _year(self, year: int) -> list[Period]:
        """The open stretches of one UTC year, in ms UTC."""
        pieces: list[Period] = []
        for start, end, offset in year_spans(self.rules.timezone, year):
            local = self._open_local(start + offset, end + offset)
            pieces.extend((a - offset, b - offset) for a, b in local)
        return tidy(pieces)

    # Local time: ms of a clock without a zone; days count from 1970-01-01.

    def _open_local(self, start: int, end: int) -> list[Period]:
        days = range(start // _DAY_MS - 1, end // _DAY_MS + 1)
        periods = [period for day in days for period in self._windows_on(day)]
        return clip(subtract(tidy(periods), self._closed), start, end)

    def _windows_on(self, day: int) -> list[Period]:
        """The windows that start on a day."""
        windows = self._exceptions.get(day + _EPOCH_DAY)
        if windows is None:
            windows = self.rules.hours[(day + 3) % 7]  # 1970-01-01 was a Thursday
        midnight = day * _DAY_MS
        return [(midnight + start * 1000, midnight + end * 1000) for start, end in windows]

    def _works_on(self, day: int) -> bool:
        periods = subtract(tidy(self._windows_on(day)), self._closed)
        if not periods:
            return False
        # A time that the zone skipped lies in no span; Apia skipped the whole of 2011-12-30.
        spans = spans_between(self.rules.timezone, (day - 1) * _DAY_MS, (day + 3) * _DAY_MS)
        return any(clip(periods, start + offset, end + offset) for start, end, offset in spans)

    def _first_instant(self, local: int) -> int:
        """First instant at which the wall clock shows `local` or has jumped over it."""
        spans = spans_between(self.rules.timezone, local - _DAY_MS, local + 2 * _DAY_MS)
        return next(max(local, start + offset) - offset for start, end, offset in spans if local < end + offset)

    def _beyond(self, duration: int) -> str:
        if self.never_open:
            return f"schedule {self.name!r} is never open between {FIRST_YEAR} and {LAST_YEAR}"
        return f"schedule {self.name!r} has no {duration / 1000:.15g} s of open time left before {LAST_YEAR + 1}"


class _Always(Schedule):
    """Open at every instant."""

    __slots__ = ()

    def __init__(self, name: str) -> None:
        day: Windows = ((0, 86_400),)
        super().__init__(ScheduleRules(name, "UTC", (day, day, day, day, day, day, day)))

    @property
    def always_open(self) -> bool:
        return True

    def used(self, at: int) -> int:
        return at

    def instant(self, used: int) -> int:
        return used if used < END else FAR

    def is_open(self, at: int) -> bool:
        return True

    def open_periods(self, start: int, end: int) -> list[Period]:
        return [(start, end)] if start < end else []

    def next_open(self, at: int) -> int | None:
        return at


def _local_ms(local: datetime) -> int:
    midnight = (local.toordinal() - _EPOCH_DAY) * _DAY_MS
    return midnight + ((local.hour * 60 + local.minute) * 60 + local.second) * 1000 + local.microsecond // 1000
