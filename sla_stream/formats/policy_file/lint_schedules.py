"""Schedules that are never open, and windows that begin or end where the clocks change."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

from sla_stream.core.zones import load_zone, spans_between
from sla_stream.formats.policy_file.compile import Compiled
from sla_stream.formats.policy_file.findings import Findings, quote
from sla_stream.formats.policy_file.model import ScheduleText
from sla_stream.formats.policy_file.scalars import read_closure, read_date, read_window

_NIGHT_END_S: Final = 3 * 3600
_YEARS_SEEN: Final = (2024, 2030)
_DAY_MS: Final = 86_400_000
_EPOCH: Final = datetime(1970, 1, 1)


def lint_schedules(compiled: Compiled, findings: Findings) -> None:
    """Warnings and notes about the schedules of a file."""
    used = {
        target.schedule.name
        for _, policy in compiled.placed
        for targets in policy.targets
        for target in (*targets.by_priority.values(), targets.default)
        if target is not None
    }
    for name, written in compiled.file.schedules.items():
        if name not in used and compiled.policies.schedules[name].never_open:
            findings.warning(("schedules", name), f"schedule {quote(name)} is never open", key=True)
        _check_hours(name, written, findings)
        _check_dated(name, written, findings)


def _check_hours(name: str, written: ScheduleText, findings: Findings) -> None:
    if not _clock_changes(written.timezone):
        return
    for days, windows in written.hours.items():
        for index, window in enumerate(windows):
            if any(0 < edge % 86_400 <= _NIGHT_END_S for edge in read_window(window)):
                findings.note(
                    ("schedules", name, "hours", days, index),
                    f"{quote(window)} begins or ends where the clocks of {written.timezone} change: "
                    f"on those nights it is shorter or longer",
                )


def _check_dated(name: str, written: ScheduleText, findings: Findings) -> None:
    """Local times of one certain day, which do not exist or come twice."""
    for day, windows in written.dates.items():
        midnight = datetime.combine(read_date(day), datetime.min.time())
        for index, window in enumerate(windows):
            edges = [midnight + timedelta(seconds=edge) for edge in read_window(window)]
            if said := next(filter(None, (_doubtful(written.timezone, edge) for edge in edges)), None):
                findings.note(("schedules", name, "dates", day, index), f"{quote(window)} begins or ends at {said}")
    for index, closure in enumerate(written.closed):
        if said := next(filter(None, (_doubtful(written.timezone, edge) for edge in read_closure(closure))), None):
            findings.note(("schedules", name, "closed", index), f"{quote(closure)} begins or ends at {said}")


def _doubtful(timezone: str, local: datetime) -> str | None:
    at = round((local - _EPOCH) / timedelta(milliseconds=1))
    for low, high, what in _changes(timezone, at):
        if low < at < high:
            return f"a local time that {what} in {timezone}"
    return None


def _changes(timezone: str, at: int) -> Iterator[tuple[int, int, str]]:
    """Stretches of local time around `at` that are skipped or come twice."""
    spans = spans_between(timezone, at - 2 * _DAY_MS, at + 2 * _DAY_MS)
    for before, after in pairwise(spans):
        old, new = after.start + before.offset, after.start + after.offset
        yield (old, new, "does not exist") if new > old else (new, old, "comes twice")


def _clock_changes(timezone: str) -> bool:
    zone = load_zone(timezone)
    first = datetime(_YEARS_SEEN[0], 1, 1, tzinfo=UTC)
    offsets = {(first + timedelta(days=30 * month)).astimezone(zone).utcoffset() for month in range(73)}
    return len(offsets) > 1
