"""Instants as text: RFC 3339 with a zone, in and out. Inside they are integer ms since 1970-01-01T00:00:00Z.

Both directions are on hot paths, so dates are looked up in small tables instead of being computed each time.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final

_DAY_MS: Final = 86_400_000
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
EARLIEST_MS: Final = (date.min.toordinal() - _EPOCH_DAY) * _DAY_MS
"""0001-01-01T00:00:00.000Z, the first instant that can be written."""
LATEST_MS: Final = (date.max.toordinal() - _EPOCH_DAY + 1) * _DAY_MS - 1
"""9999-12-31T23:59:59.999Z, the last one."""
_TABLE_LIMIT: Final = 20_000

_SHAPE: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
    r"(?:([Zz])|([+-])([0-9]{2}):([0-9]{2}))?",
    re.ASCII,
)


class _DayOfText(dict[str, int]):
    """`2026-01-02T` -> ms of its midnight, UTC. ValueError unless it is a date that exists, so written."""

    def __missing__(self, text: str) -> int:
        day = date.fromisoformat(text[:10])
        if f"{day.isoformat()}T" != text:
            raise ValueError("a week date, or another separator")
        if len(self) >= _TABLE_LIMIT:
            self.clear()
        self[text] = value = (day.toordinal() - _EPOCH_DAY) * _DAY_MS
        return value


class _TextOfDay(dict[int, str]):
    """Days since 1970 -> `2026-01-02T`."""

    def __missing__(self, day: int) -> str:
        if len(self) >= _TABLE_LIMIT:
            self.clear()
        self[day] = text = f"{date.fromordinal(day + _EPOCH_DAY).isoformat()}T"
        return text


_day_of_text: Final = _DayOfText()
_text_of_day: Final = _TextOfDay()
_MINUTES: Final = [f"{minute // 60:02}:{minute % 60:02}:" for minute in range(1440)]
_SECONDS: Final = [f"{second:02}." for second in range(60)]
_MILLIS: Final = [f"{milli:03}Z" for milli in range(1000)]
_MINUTE_OF_TEXT: Final = {text: minute * 60_000 for minute, text in enumerate(_MINUTES)}
_SECOND_OF_TEXT: Final = {text: second * 1000 for second, text in enumerate(_SECONDS)}
_LAST_SECOND_OF_TEXT: Final = {f"{text[:2]}Z": ms for text, ms in _SECOND_OF_TEXT.items()}
_MILLI_OF_TEXT: Final = {text: milli for milli, text in enumerate(_MILLIS)}


def parse_instant(text: str) -> int:
    """Ms of an RFC 3339 instant such as `2026-01-02T03:04:05Z` or `2026-01-02T04:04:05.678+01:00`.

    What is finer than a millisecond is rounded to the nearest one (half goes up). A leap second (`23:59:60Z`)
    counts as the second after it. ValueError, as a sentence, for anything else; also if the zone is missing.
    """
    # The two usual forms (…:05Z and …:05.678Z) are a few look-ups; `_parse` does the rest.
    try:
        if len(text) == 20:
            return _day_of_text[text[:11]] + _MINUTE_OF_TEXT[text[11:17]] + _LAST_SECOND_OF_TEXT[text[17:]]
        if len(text) == 24:
            second = _SECOND_OF_TEXT[text[17:20]] + _MILLI_OF_TEXT[text[20:]]
            return _day_of_text[text[:11]] + _MINUTE_OF_TEXT[text[11:17]] + second
    except (KeyError, ValueError):
        pass
    return _parse(text)


def _parse(text: str) -> int:
    match = _SHAPE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not an instant: expected RFC 3339 with a zone, as in 2026-01-02T03:04:05Z")
    day, hour, minute, second, fraction, utc, sign, zone_hour, zone_minute = match.groups()
    try:
        midnight = _day_of_text[f"{day}T"]
    except ValueError:
        raise ValueError(f"{text!r}: there is no such date as {day}") from None
    seconds = int(hour) * 3600 + int(minute) * 60 + int(second)
    if hour > "23" or minute > "59" or second > "60":
        raise ValueError(f"{text!r}: there is no such time of day as {hour}:{minute}:{second}")
    if utc is None:
        seconds -= _offset(text, sign, zone_hour, zone_minute)
    at = midnight + seconds * 1000
    if second == "60" and at % _DAY_MS:
        raise ValueError(f"{text!r}: second 60 exists only as a leap second, 23:59:60 UTC")
    if fraction is not None:
        at += int(fraction) if len(fraction) == 3 else _millis(fraction)
    if not EARLIEST_MS <= at <= LATEST_MS:
        raise ValueError(f"{text!r} lies outside the years 0001 to 9999 (UTC)")
    return at


def _offset(text: str, sign: str | None, hour: str, minute: str) -> int:
    if sign is None:
        raise ValueError(f"{text!r} has no zone: end it with Z, or with an offset such as +01:00")
    if hour > "23" or minute > "59":
        raise ValueError(f"{text!r}: there is no such offset as {sign}{hour}:{minute}")
    seconds = int(hour) * 3600 + int(minute) * 60
    return -seconds if sign == "-" else seconds


def _millis(fraction: str) -> int:
    """A decimal fraction of a second as ms, 0..1000, rounded half up."""
    return int(fraction[:3].ljust(3, "0")) + (fraction[3:4] >= "5")


def format_instant(at: int) -> str:
    """`2026-01-02T03:04:05.678Z` of an instant in ms. ValueError outside the years 0001 to 9999."""
    day, rest = divmod(at, 86_400_000)
    minute, rest = divmod(rest, 60_000)
    second, milli = divmod(rest, 1000)
    try:
        return _text_of_day[day] + _MINUTES[minute] + _SECONDS[second] + _MILLIS[milli]
    except (ValueError, OverflowError):
        raise ValueError(f"{at} ms lies outside the years 0001 to 9999 and cannot be written") from None
