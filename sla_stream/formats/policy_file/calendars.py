"""Schedules of a policy file, compiled: hours, holidays, dates and closures resolved, overlaps refused."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from pathlib import Path as FilePath
from typing import Final

from sla_stream.core.schedule import Schedule
from sla_stream.core.schedule_rules import ScheduleRules, Windows, overlaps
from sla_stream.formats.policy_file.findings import Findings, Path, did_you_mean, quote
from sla_stream.formats.policy_file.ics import read_ics
from sla_stream.formats.policy_file.model import HolidaySource, ScheduleText
from sla_stream.formats.policy_file.public_holidays import YEARS, UnknownPlace, public_holidays
from sla_stream.formats.policy_file.scalars import (
    DAYS,
    read_closure,
    read_date,
    read_days,
    read_window,
)
from sla_stream.formats.policy_file.shape import Shaped

ALWAYS: Final = "24x7"
Week = tuple[Windows, Windows, Windows, Windows, Windows, Windows, Windows]


class Calendars:
    """The schedules of one file by name, and the answer to "is there a schedule of this name"."""

    def __init__(self, shaped: Shaped, base: FilePath, findings: Findings) -> None:
        """`base`: the folder of the file, for ics."""
        written, broken = shaped.file.schedules, shaped.broken_in("schedules")
        self.findings = findings
        self.base = base
        self.partial = set(broken)
        self.lost = shaped.lost("schedules")
        self.names = {ALWAYS, *written, *broken}
        self.compiled: dict[str, Schedule] = {ALWAYS: Schedule.always(ALWAYS)}
        for name, schedule in written.items():
            self._compile(name, schedule)

    def find(self, name: str | None, path: Path) -> Schedule | None:
        """The schedule a policy names at `path` (None: 24x7); reports an unknown name. None if there is none."""
        name = ALWAYS if name is None else name
        if name not in self.names and not self.lost:
            hint = did_you_mean(name, self.names)
            known = ", ".join(sorted(self.names))
            self.findings.error(path, f"unknown schedule {quote(name)}; expected one of {known}{hint}")
        return self.compiled.get(name)

    def is_never_open(self, schedule: Schedule) -> bool:
        """False also where errors took part of the schedule away: it may well be open once they are mended."""
        return schedule.name not in self.partial and schedule.never_open

    def _compile(self, name: str, written: ScheduleText) -> None:
        path: Path = ("schedules", name)
        if name == ALWAYS:
            self.findings.error(path, f"{ALWAYS} is built in; expected another name", key=True)
            return
        if not name.strip() or len(name) > 200:
            self.findings.error(path, f"{quote(name)}; expected a name of 1 to 200 characters", key=True)
        before = len(self.findings.found)
        rules = ScheduleRules(
            name=name,
            timezone=written.timezone,
            hours=self._hours(written, path),
            holidays=self._holidays(written.holidays, (*path, "holidays")),
            dates={
                read_date(day): self._windows(windows, (*path, "dates", day)) for day, windows in written.dates.items()
            },
            closed=tuple(read_closure(closure) for closure in written.closed),
        )
        if len(self.findings.found) == before:
            self._check_midnight(rules, written, path)
        else:
            self.partial.add(name)
        self.compiled[name] = Schedule(rules)

    def _hours(self, written: ScheduleText, path: Path) -> Week:
        hours: list[Windows] = [()] * 7
        for day, days in self._day_keys(written, path).items():
            hours[day] = self._windows(written.hours[days], (*path, "hours", days))
        mon, tue, wed, thu, fri, sat, sun = hours
        return mon, tue, wed, thu, fri, sat, sun

    def _day_keys(self, written: ScheduleText, path: Path) -> dict[int, str]:
        """Under which key each day stands; a day named twice is an error."""
        keys: dict[int, str] = {}
        for days in written.hours:
            for day in read_days(days):
                if day in keys:
                    text = f"{DAYS[day]} is named a second time, first under {quote(keys[day])}; expected each day once"
                    self.findings.error((*path, "hours", days), text, key=True)
                keys.setdefault(day, days)
        return keys

    def _windows(self, windows: list[str], path: Path) -> Windows:
        read = [(read_window(window), index) for index, window in enumerate(windows)]
        ordered = sorted(read)
        for (earlier, first), (later, second) in pairwise(ordered):
            if later[0] < earlier[1]:
                self.findings.error(
                    (*path, max(first, second)),
                    f"{quote(windows[max(first, second)])} overlaps {quote(windows[min(first, second)])}; "
                    f"expected windows of a day apart from each other",
                )
        return tuple(window for window, _ in ordered)

    def _check_midnight(self, rules: ScheduleRules, written: ScheduleText, path: Path) -> None:
        """A window that runs over midnight must end before the next day's first one, on any date."""
        keys = self._day_keys(written, path)
        for overlap in overlaps(rules):
            day = overlap.day if isinstance(overlap.day, date) else overlap.other_day
            day = overlap.day if not isinstance(day, date) else day
            place = ("dates", day.isoformat()) if isinstance(day, date) else ("hours", keys[day])
            self.findings.error((*path, *place), f"{overlap}; expected no overlap across midnight", key=True)

    def _holidays(self, source: HolidaySource | None, path: Path) -> frozenset[date]:
        if source is None:
            return frozenset()
        days = self._country_days(source, path) | self._file_days(source, path)
        removed = {read_date(day) for day in source.remove}
        for index, day in enumerate(source.remove):
            if read_date(day) not in days:
                self.findings.warning(
                    (*path, "remove", index),
                    f"{day} is no holiday here anyway; expected the date of a holiday",
                )
        return frozenset((days - removed) | {read_date(day) for day in source.add})

    def _country_days(self, source: HolidaySource, path: Path) -> frozenset[date]:
        if source.country is None:
            if source.subdivision is not None:
                self.findings.error((*path, "subdivision"), "subdivision without country; expected both", key=True)
            if source.ics is None and not source.add:
                self.findings.error(path, "no holidays are named; expected dates, country or ics")
            return frozenset()
        try:
            return public_holidays(source.country, source.subdivision)
        except UnknownPlace as unknown:
            self.findings.error((*path, unknown.key), str(unknown))
            return frozenset()

    def _file_days(self, source: HolidaySource, path: Path) -> frozenset[date]:
        if source.ics is None:
            return frozenset()
        if source.country is not None:
            self.findings.error((*path, "ics"), "both country and ics; expected one of them", key=True)
            return frozenset()
        try:
            return read_ics(self.base / source.ics, YEARS)
        except ValueError as error:
            self.findings.error((*path, "ics"), f"{error}; expected an iCalendar file")
            return frozenset()
