"""The days that an iCalendar file names, within the years that count."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

from dateutil.rrule import rrulestr  # type: ignore[import-untyped]
from icalendar import Calendar

_FREQUENCIES: Final = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY")
_LONGEST: Final = 366
"""Days one event may last."""


def read_ics(path: Path, years: range) -> frozenset[date]:
    """Every date on which an event of the file takes place; repetitions are unfolded.

    Times count as the dates on which they stand in their own zone. ValueError, as a sentence, if the file
    cannot be read or holds something that cannot be unfolded.
    """
    try:
        calendar = Calendar.from_ical(path.read_bytes())
    except OSError as error:
        raise ValueError(f"{str(path)!r} cannot be read: {error.strerror or error}") from None
    except (ValueError, IndexError, KeyError, TypeError) as error:
        raise ValueError(f"{str(path)!r} is not an iCalendar file: {error}") from None
    days: set[date] = set()
    for event in calendar.walk("VEVENT"):
        try:
            days.update(day for day in _days(event, years) if day.year in years)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            summary = str(event.get("SUMMARY", "without a summary"))
            raise ValueError(f"{str(path)!r}: event {summary!r} cannot be read: {error}") from None
    return frozenset(days)


def _days(event: Any, years: range) -> Iterator[date]:
    if str(event.get("STATUS", "")).upper() == "CANCELLED":
        return
    if "RECURRENCE-ID" in event or "DTSTART" not in event:
        raise ValueError("it has no start of its own (DTSTART, no RECURRENCE-ID)")
    start = _day(event["DTSTART"].dt)
    length = _length(event, start)
    skipped = set(_listed(event, "EXDATE"))
    for first in {*_repeated(event, start, years), *_listed(event, "RDATE")} - skipped:
        for offset in range(length):
            yield first + timedelta(days=offset)


def _length(event: Any, start: date) -> int:
    """How many days the event covers, at least one; the end of a whole-day event is exclusive."""
    if "DTEND" in event:
        end = event["DTEND"].dt
        ends_inside = isinstance(end, datetime) and end.time() != time(0)
        length = (_day(end) - start).days + ends_inside
    elif "DURATION" in event:
        begin = event["DTSTART"].dt
        begin = begin if isinstance(begin, datetime) else datetime.combine(begin, time(0))
        last = begin + event["DURATION"].dt - timedelta(microseconds=1)
        length = (last.date() - start).days + 1
    else:
        length = 1
    if length > _LONGEST:
        raise ValueError(f"it lasts {length} days; expected at most {_LONGEST}")
    return max(length, 1)


def _repeated(event: Any, start: date, years: range) -> Iterator[date]:
    rules = event.get("RRULE")
    if rules is None:
        yield start
        return
    for rule in rules if isinstance(rules, list) else [rules]:
        frequency = str(rule.get("FREQ", ["?"])[0]).upper()
        if frequency not in _FREQUENCIES or {"BYHOUR", "BYMINUTE", "BYSECOND"} & set(rule):
            raise ValueError(f"it repeats {frequency}; expected one of {', '.join(_FREQUENCIES)}")
        plain = type(rule)({key: value for key, value in rule.items() if key != "UNTIL"})
        unfolded = rrulestr(plain.to_ical().decode(), dtstart=datetime.combine(start, time(0)))
        until = _day(rule["UNTIL"][0]) if "UNTIL" in rule else date(years[-1], 12, 31)
        for found in unfolded:
            day = found.date()
            if day > until or day.year > years[-1]:
                break
            yield day


def _listed(event: Any, name: str) -> Iterator[date]:
    entries = event.get(name, [])
    for entry in entries if isinstance(entries, list) else [entries]:
        for item in entry.dts:
            yield _day(item.dt)


def _day(value: Any) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    raise ValueError(f"{value!r} is not a date")
