"""Why a schedule is closed, in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sla_stream.core.schedule import Schedule
from sla_stream.core.zones import spans_between

_LISTED = 5


def why_closed(schedule: Schedule, start: int, end: int) -> str:
    """`outside the hours of berlin (holiday 2026-12-25)` for closed time [start, end), ms."""
    rules = schedule.rules
    first, last = _local(schedule, start), _local(schedule, end - 1)
    notes: list[str] = []
    day = first.date()
    while day <= last.date() and len(notes) < _LISTED:
        if day in rules.dates:
            notes.append(f"{day} has hours of its own")
        elif day in rules.holidays:
            notes.append(f"holiday {day}")
        day += timedelta(days=1)
    if any(begin <= last and first < until for begin, until in rules.closed):
        notes.append("closed by exception")
    return f"outside the hours of {schedule.name}" + (f" ({', '.join(notes)})" if notes else "")


def _local(schedule: Schedule, at: int) -> datetime:
    """Wall-clock time without its zone."""
    offset = spans_between(schedule.rules.timezone, at, at + 1)[0].offset
    return datetime.fromtimestamp((at + offset) / 1000, UTC).replace(tzinfo=None)
