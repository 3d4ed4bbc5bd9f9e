"""Case files: policies, what is given, what is expected. Every mistake in them is told, with its place.

A case file is a policy file with `cases`; or `policies` is the name of a policy file, seen from the case file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path as FilePath
from typing import Any, Final, TypeVar

from sla_stream.core.engine import EngineSettings
from sla_stream.core.policy import PolicySet
from sla_stream.core.zones import load_zone
from sla_stream.formats.durations import parse_setting_duration
from sla_stream.formats.policy_file import compile_sections, load_policies, read_policy_text
from sla_stream.formats.policy_file.findings import Findings, Path, did_you_mean, one_of, quote, show
from sla_stream.formats.policy_file.located import read
from sla_stream.formats.policy_file.scalars import read_date, read_timezone
from sla_stream.history.cases.given import TICKET, Given, read_given
from sla_stream.history.cases.said import Line, read_clock, read_line
from sla_stream.history.cases.states import ExpectedState, read_state
from sla_stream.history.cases.times import Times

SECTIONS: Final = ("apiVersion", "schedules", "metrics", "relaxations", "policies")
"""Those of a policy file."""
KEYS: Final = (*SECTIONS, "timezone", "week", "settings", "cases")
CASE_KEYS: Final = ("name", "given", "until", "says", "stands", "state", "counts", "known_gap")
COUNTS: Final = ("duplicates", "late", "too_late", "conflict", "future", "unknown_ticket", "no_policy")
DURATION_SETTINGS: Final = ("allowed_lateness", "settle_for", "hold_for", "retain_closed", "max_skew")
MAX_SKEW_MS: Final = 300_000

T = TypeVar("T")


@dataclass(slots=True)
class Case:
    """`says`: everything said, in order; `stands`: what is neither retracted nor superseded; None: not asked.

    `known_gap`: the case is expected to fail, and why.
    """

    name: str
    line: int
    given: list[Given] = field(default_factory=list)
    until: int | None = None
    says: list[Line] | None = None
    stands: list[Line] | None = None
    states: list[ExpectedState] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    known_gap: str | None = None


@dataclass(slots=True)
class CaseFile:
    """What a case file says, checked."""

    path: str
    times: Times
    policies: PolicySet
    settings: EngineSettings
    max_skew: int
    cases: list[Case]


def load_cases(path: str) -> CaseFile:
    """ConfigError with every mistake, one a line; also if the file, or the policy file it names, cannot be read."""
    findings = Findings()
    value = read(read_policy_text(path), path, findings)
    if not isinstance(value, dict):
        if not findings.found:
            findings.error((), f"found {show(value)}; expected a mapping with policies and cases")
        findings.raise_errors(path)
    return _Reader(path, value, findings).file()


class _Reader:
    """Reads the document; goes on after a mistake, so that all are found."""

    def __init__(self, path: str, value: dict[str, Any], findings: Findings) -> None:
        self.path = path
        self.value = value
        self.findings = findings
        self.times = Times(load_zone("UTC"), None)

    def file(self) -> CaseFile:
        self._check_keys(self.value, KEYS, ())
        zone = self._read(("timezone",), self.value.get("timezone", "UTC"), read_timezone)
        week = self._read(("week",), self.value["week"], _monday) if "week" in self.value else None
        self.times = Times(zone or load_zone("UTC"), week)
        policies = self._policies()
        settings, max_skew = self._settings()
        cases = self._cases()
        self.findings.raise_errors(self.path)
        assert policies is not None, "a file without errors has policies"
        return CaseFile(self.path, self.times, policies, settings, max_skew, cases)

    def _policies(self) -> PolicySet | None:
        base = FilePath(self.path).parent
        written = self.value.get("policies")
        if isinstance(written, str):
            return load_policies(base / written)
        if written is None:
            self.findings.error((), "`policies` is missing; expected the name of a policy file, or a list of policies")
            return None
        sections = {name: self.value[name] for name in SECTIONS if name in self.value}
        return compile_sections({"apiVersion": "sla-stream/v1", **sections}, base, self.findings)

    def _settings(self) -> tuple[EngineSettings, int]:
        written = self._mapping(("settings",), self.value.get("settings", {}))
        self._check_keys(written, (*DURATION_SETTINGS, "publish_from"), ("settings",))
        found: dict[str, Any] = {"retain_closed": None}
        for name in DURATION_SETTINGS:
            if name in written:
                found[name] = self._read(("settings", name), written[name], parse_setting_duration)
        if "publish_from" in written:
            found["publish_from"] = self._read(("settings", "publish_from"), written["publish_from"], self.times.read)
        max_skew = found.pop("max_skew", MAX_SKEW_MS)
        return EngineSettings(**found), max_skew

    def _cases(self) -> list[Case]:
        written = self.value.get("cases")
        if not isinstance(written, list) or not written:
            self.findings.error(("cases",), "expected a list of cases, each with name, given and what is expected")
            return []
        cases = [self._case(("cases", index), each) for index, each in enumerate(written)]
        first: dict[str, int] = {}
        for index, case in enumerate(cases):
            if case.name in first:
                text = f"case {quote(case.name)} a second time, first on line {first[case.name]}; expected another name"
                self.findings.error(("cases", index, "name"), text)
            first.setdefault(case.name, case.line)
        return cases

    def _case(self, path: Path, written: Any) -> Case:
        written = self._mapping(path, written)
        self._check_keys(written, CASE_KEYS, path)
        case = Case(str(written.get("name", "")), self.findings.places.of(path).line)
        if not isinstance(written.get("name"), str) or not written["name"]:
            self.findings.error(path, "`name` is missing; expected one sentence (text)", key=True)
        case.given = self._given((*path, "given"), written.get("given"))
        if "until" in written:
            case.until = self._read((*path, "until"), written["until"], self.times.read)
        case.says = self._lines((*path, "says"), written.get("says"))
        case.stands = self._lines((*path, "stands"), written.get("stands"))
        case.states = self._states((*path, "state"), written.get("state", {}))
        case.counts = self._counts((*path, "counts"), written.get("counts", {}))
        if "known_gap" in written:
            case.known_gap = self._read((*path, "known_gap"), written["known_gap"], str)
        if not written.keys() & {"says", "stands", "state", "counts"}:
            self.findings.error(path, "nothing is expected; expected says, stands, state or counts", key=True)
        return case

    def _given(self, path: Path, written: Any) -> list[Given]:
        if not isinstance(written, list) or not written:
            self.findings.error(path, "expected a list of ticket events such as 'Mon 09:00 created priority=high'")
            return []
        found = []
        for index, each in enumerate(written):
            try:
                found.append(read_given(each, index + 1, self.times))
            except ValueError as error:
                self.findings.error((*path, index), str(error))
        return found

    def _lines(self, path: Path, written: Any) -> list[Line] | None:
        if written is None:
            return None
        if not isinstance(written, list):
            self.findings.error(path, f"found {show(written)}; expected a list of SLA events ([] for none)")
            return None
        read_all = [self._read((*path, index), each, lambda text: read_line(text, self.times))
                    for index, each in enumerate(written)]  # fmt: skip
        return [line for line in read_all if line is not None]

    def _states(self, path: Path, written: Any) -> list[ExpectedState]:
        found = []
        for when, clocks in self._mapping(path, written).items():
            at = self._read((*path, when), when, self.times.read)
            for name, expected in self._mapping((*path, when), clocks).items():
                place = (*path, when, name)
                ticket, _, clock = name.rpartition(" ")
                named = self._read(place, clock, read_clock)
                try:
                    values = read_state(expected, self.times)
                except ValueError as error:
                    self.findings.error(place, str(error))
                    continue
                if at is not None and named is not None:
                    found.append(ExpectedState(at, ticket or TICKET, *named, values))
        return found

    def _counts(self, path: Path, written: Any) -> dict[str, int]:
        counts: dict[str, int] = self._mapping(path, written)
        self._check_keys(counts, COUNTS, path)
        for name, count in counts.items():
            if isinstance(count, bool) or not isinstance(count, int):
                self.findings.error((*path, name), f"found {show(count)}; expected a whole number")
        return counts

    def _read(self, path: Path, written: Any, reader: Callable[[str], T]) -> T | None:
        if not isinstance(written, str):
            self.findings.error(path, f"found {show(written)}; expected text")
            return None
        try:
            return reader(written)
        except ValueError as error:
            self.findings.error(path, str(error))
            return None

    def _mapping(self, path: Path, written: Any) -> dict[str, Any]:
        if isinstance(written, dict):
            return written
        self.findings.error(path, f"found {show(written)}; expected a mapping")
        return {}

    def _check_keys(self, written: dict[str, Any], known: tuple[str, ...], path: Path) -> None:
        for key in written:
            if key not in known:
                text = f"unknown key {quote(key)}; expected {one_of(known)}{did_you_mean(key, known)}"
                self.findings.error((*path, key), text, key=True)


def _monday(text: str) -> date:
    day = read_date(text)
    if day.weekday():
        raise ValueError(f"{quote(text)} is no Monday; expected the date of one")
    return day
