"""Instants and durations as they are written in a case file, and back.

An instant is RFC 3339 with its zone (`2026-01-05T09:00:00Z`), a local time in the file's time zone
(`2026-01-05 09:00`), or a day of the file's week: `Mon 09:00`, `Tue+1 17:30:15` a week later.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sla_stream.formats.durations import parse_setting_duration
from sla_stream.formats.instants import format_instant, parse_instant

DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
EXPECTED: Final = "an instant such as 2026-01-05T09:00:00Z, '2026-01-05 09:00' or, with `week`, 'Mon 09:00'"

_LOCAL: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)(?:\+[0-9]{1,3})?) "
    r"([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,3}))?)?",
    re.ASCII,
)
_UNITS: Final = (("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1))


class Times:
    """The instants of one case file: `week` is the Monday that `Mon` stands for, if the file names one."""

    def __init__(self, zone: ZoneInfo, week: date | None) -> None:
        self.zone = zone
        self.week = week

    def read(self, text: str) -> int:
        """Ms. ValueError says what is wrong."""
        found = _LOCAL.fullmatch(text)
        if found is None:
            if "T" in text and ":" in text:
                return parse_instant(text)
            raise ValueError(f"{text!r}; expected {EXPECTED}")
        day, hour, minute, second, fraction = found.groups()
        try:
            time = timedelta(hours=int(hour), minutes=int(minute), seconds=int(second or 0))
            if not (int(hour) < 24 and int(minute) < 60 and int(second or 0) < 60):
                raise ValueError
            local = datetime.combine(self._day(day, text), datetime.min.time()) + time
        except ValueError as error:
            raise ValueError(str(error) or f"{text!r}: there is no such time of day") from None
        at = _ms(local.replace(tzinfo=self.zone)) + int((fraction or "").ljust(3, "0"))
        if fraction is None and self._local(at) != local:
            raise ValueError(f"{text!r} does not exist in {self.zone.key}: the clocks jump over it")
        return at

    def _day(self, day: str, text: str) -> date:
        if day[0].isdigit():
            try:
                return date.fromisoformat(day)
            except ValueError:
                raise ValueError(f"{text!r}: there is no such date as {day}") from None
        if self.week is None:
            raise ValueError(f"{text!r} names a day of the week; expected `week: 'YYYY-MM-DD'`, a Monday, in the file")
        name, _, weeks = day.partition("+")
        return self.week + timedelta(days=DAYS.index(name) + 7 * int(weeks or 0))

    def show(self, at: int) -> str:
        """As `read` takes it, in the manner of the file."""
        local = self._local(at)
        if _ms(local.replace(tzinfo=self.zone)) != at:
            return format_instant(at)  # the second time round of a repeated hour
        time = local.strftime("%H:%M:%S.%f")[:-3].removesuffix(".000").removesuffix(":00")
        if self.week is None or not 0 <= (days := (local.date() - self.week).days) < 700:
            return f"{local.date()} {time}"
        weeks, day = divmod(days, 7)
        return f"{DAYS[day]}{f'+{weeks}' if weeks else ''} {time}"

    def _local(self, at: int) -> datetime:
        moment = datetime.fromtimestamp(at // 1000, UTC) + timedelta(milliseconds=at % 1000)
        return moment.astimezone(self.zone).replace(tzinfo=None, fold=0)


def _ms(moment: datetime) -> int:
    since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return since // timedelta(milliseconds=1)


def read_duration(text: str) -> int:
    """Ms of `1h30m`, `45s`, `500ms`, `0s`; with a minus, of time that is overdrawn. ValueError otherwise."""
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text)
    if "d" in digits:
        raise ValueError(f"{text!r}; expected a duration such as 1h30m (a day is 24h)")
    return sign * parse_setting_duration(digits)


def show_duration(ms: int) -> str:
    """`1h30m`, `-10m`, `0s`: exact."""
    sign, rest = ("-", -ms) if ms < 0 else ("", ms)
    parts = ""
    for unit, size in _UNITS:
        count, rest = divmod(rest, size)
        parts += f"{count}{unit}" if count else ""
    return sign + (parts or "0s")
