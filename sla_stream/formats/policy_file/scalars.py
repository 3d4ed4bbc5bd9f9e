"""How single values of a policy file are written: durations, thresholds, windows, days, dates, closures.

Each reader takes the text and returns the value, or raises ValueError with a sentence that says what was
found and what was expected.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from sla_stream.core.policy import Threshold
from sla_stream.core.zones import load_zone, zone_names
from sla_stream.formats.durations import parse_duration
from sla_stream.formats.policy_file.findings import did_you_mean, quote

DAY_S: Final = 86_400
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
TIMEZONE_EXPECTED: Final = "an IANA time zone such as Europe/Berlin"

MOST_BUSINESS_DAYS: Final = 2_000

_BUSINESS_DAYS: Final = re.compile(r"([0-9]{1,9})bd", re.ASCII)
_PERCENT: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,6})?%", re.ASCII)
_WINDOW: Final = re.compile(r"([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?-([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?", re.ASCII)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_LOCAL: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2})?", re.ASCII)


class Time(NamedTuple):
    """What a target allows: schedule time in ms, or business days. One of them is set."""

    duration: int | None
    business_days: int | None = None


def read_target(text: str) -> Time:
    """`8h` of schedule time or `2bd`, more than nothing."""
    match = _BUSINESS_DAYS.fullmatch(text)
    if match is None:
        return Time(_positive(text))
    days = int(match[1])
    if not 0 < days <= MOST_BUSINESS_DAYS:
        raise ValueError(f"{quote(text)}; expected 1 to {MOST_BUSINESS_DAYS} business days")
    return Time(None, days)


def _positive(text: str) -> int:
    duration = parse_duration(text)
    if duration == 0:
        raise ValueError(f"{quote(text)} is no time at all; expected more than zero")
    return duration


def read_extra(text: str) -> int:
    """What a relaxation adds to targets, ms, more than 0."""
    return _positive(text)


def read_warning(text: str) -> Threshold:
    """`80%` of the target, or `30m` before the deadline."""
    if text.endswith("%"):
        percent = float(text[:-1]) if _PERCENT.fullmatch(text) else 0.0
        if not 0 < percent < 100:
            raise ValueError(f"{quote(text)}; expected more than 0% and less than 100% (100% is the deadline itself)")
        return Threshold(name=text, percent=percent)
    if text.startswith("+"):
        raise ValueError(f"{quote(text)} lies after the deadline; expected it under `escalate`, as in {{at: {text}}}")
    if text.startswith("-"):
        raise ValueError(f"{quote(text)}; expected the time before the deadline without a sign: {quote(text[1:])}")
    return Threshold(name=f"-{text}", before=_positive(text))


def read_escalation(text: str) -> Threshold:
    """`+1h` after the deadline."""
    if not text.startswith("+"):
        raise ValueError(f"{quote(text)}; expected time after the deadline with a plus, such as '+1h'")
    return Threshold(name=text, after=_positive(text[1:]))


def read_window(text: str) -> tuple[int, int]:
    """(start, end) in seconds of the local day; an end beyond 86400 lies on the next day."""
    match = _WINDOW.fullmatch(text)
    if match is None:
        raise ValueError(f"{quote(text)}; expected a window 'HH:MM-HH:MM' (or HH:MM:SS), such as '08:00-17:30'")
    start, end = _seconds(text, *match.groups()[:3]), _seconds(text, *match.groups()[3:])
    if start == DAY_S:
        raise ValueError(f"{quote(text)} starts at 24:00; expected a start before it (00:00 of the next day)")
    if start == end:
        raise ValueError(f"{quote(text)} is empty; expected an end after the start ('00:00-24:00' is the whole day)")
    return start, end if end > start else end + DAY_S


def _seconds(text: str, hour: str | None, minute: str | None, second: str | None) -> int:
    h, m, s = int(hour or 0), int(minute or 0), int(second or 0)
    if h > 24 or m > 59 or s > 59 or (h == 24 and (m or s)):
        raise ValueError(f"{quote(text)}; expected times from 00:00 to 24:00")
    return h * 3600 + m * 60 + s


def read_days(text: str) -> tuple[int, ...]:
    """`mon`, `mon-fri`, `fri-mon` (over the weekend), `mon,wed-fri`: numbers of days, Monday is 0."""
    days: list[int] = []
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        start = _day(text, first)
        length = (_day(text, last) - start) % 7 + 1 if "-" in part else 1
        days += [(start + step) % 7 for step in range(length)]
    if len(set(days)) < len(days):
        raise ValueError(f"{quote(text)} names a day twice; expected each day once")
    return tuple(days)


def _day(text: str, name: str) -> int:
    try:
        return DAYS.index(name.strip().lower())
    except ValueError:
        suggestion = did_you_mean(name.strip()[:3], DAYS)
        raise ValueError(f"{quote(text)}; expected days such as mon, mon-fri or mon,wed,fri{suggestion}") from None


def read_date(text: str) -> date:
    if not _DATE.fullmatch(text):
        raise ValueError(f"{quote(text)}; expected a date such as '2026-12-24'")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{quote(text)} does not exist; expected a date of the calendar") from None


def read_closure(text: str) -> tuple[datetime, datetime]:
    """Local times without a zone, from and to."""
    parts = text.split("/")
    if len(parts) != 2 or not all(_LOCAL.fullmatch(part) for part in parts):
        raise ValueError(
            f"{quote(text)}; expected two local times without zone, such as '2026-03-04T10:00/2026-03-04T12:30'"
        )
    try:
        start, end = (datetime.fromisoformat(part) for part in parts)
    except ValueError:
        raise ValueError(f"{quote(text)} names a time that does not exist; expected times of the calendar") from None
    if start >= end:
        raise ValueError(f"{quote(text)} ends before it starts; expected from/to")
    return start, end


def read_timezone(text: str) -> ZoneInfo:
    try:
        return load_zone(text)
    except ValueError:
        suggestion = did_you_mean(text, zone_names())
        raise ValueError(f"unknown time zone {quote(text)}; expected {TIMEZONE_EXPECTED}{suggestion}") from None


def read_factor(value: float) -> float:
    """By how much a relaxation multiplies targets."""
    if not 1 < value <= 1_000:
        raise ValueError(f"{value:g}; expected a factor of more than 1 (a relaxation gives time, it never takes any)")
    return float(value)
