"""Targets of a policy file, compiled: the policy's terms and the target's own joined, thresholds and rules
read.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from sla_stream.core.metrics import BUILT_IN, DUE_DATE
from sla_stream.core.policy import Conditions, PolicyTarget, Rules, Target, Threshold
from sla_stream.core.schedule import Schedule
from sla_stream.formats.durations import parse_duration
from sla_stream.formats.policy_file.calendars import Calendars
from sla_stream.formats.policy_file.conditions import check_pause, compile_conditions
from sla_stream.formats.policy_file.findings import Findings, Path, did_you_mean, one_of, quote
from sla_stream.formats.policy_file.model import (
    TARGET_EXPECTED,
    EscalationText,
    MetricText,
    PolicyText,
    StepActions,
    TargetText,
    Terms,
)
from sla_stream.formats.policy_file.scalars import Time, read_escalation, read_target, read_warning
from sla_stream.formats.policy_file.shape import Shaped

_MUST_HAPPEN: Final = ("start", "stop")
_RULES: Final = ("start", "stop", "cancel", "reset")
_NOT_FOR_PROMISES: Final = ("start", "cancel", "reset", "pause", "resume")
DEFAULT: Final = "default"


class Joined:
    """What holds for one target: its own terms first, then the policy's. Knows where each was written."""

    def __init__(self, target: TargetText, path: Path, policy: PolicyText, policy_path: Path) -> None:
        self._from: list[tuple[Terms, Path]] = [(target, path), (policy, policy_path)]

    def get(self, name: str) -> tuple[Any, Path]:
        """The value of a term and its place; (None, place of the target) if nobody says it."""
        for terms, path in self._from:
            value = getattr(terms, name)
            if value is not None:
                return value, (*path, "from" if name == "from_" else name)
        return None, self._from[0][1]

    def value(self, name: str, default: Any = None) -> Any:
        value, _ = self.get(name)
        return default if value is None else value


class Targets:
    """Compiles targets against the metrics and schedules of the file."""

    def __init__(
        self, metrics: dict[str, Rules], calendars: Calendars, findings: Findings, *, metrics_lost: bool
    ) -> None:
        self.metrics = metrics
        self.metrics_lost = metrics_lost
        self.calendars = calendars
        self.findings = findings

    def compile(
        self, policy: PolicyText, path: Path, metric: str, target: TargetText, *, metric_exists: bool
    ) -> PolicyTarget | None:
        """None if the target cannot be built. `policy_version` and `ref` are still to be filled in."""
        place = (*path, "targets", metric)
        joined = Joined(target, place, policy, path)
        rules = self._rules(metric, target, joined, place)
        schedule = self._schedule(joined)
        times = self._times(metric, target, place)
        template = {
            "warnings": self._warnings(joined),
            "escalations": self._escalations(joined),
            "reopen": joined.value("reopen", "resume"),
            "reopen_grace": parse_duration(joined.value("reopen_grace", "0s")),
            "starts_from": joined.value("from_", "start"),
            "kind": joined.value("kind") or "sla",
            "retarget": joined.value("retarget", "keep_elapsed"),
            "breach_actions": self._breach(joined, target, place),
        }
        if schedule is None or not metric_exists:
            return None
        built = {
            entry: Target(
                ref=0, policy=policy.name, policy_version="", metric=metric, schedule=schedule, rules=rules,
                duration=time.duration, business_days=time.business_days, **template,
            )
            for entry, time in times.items()
        }  # fmt: skip
        default = built.pop(DEFAULT, None)
        return PolicyTarget(metric, built, default)

    def check_metric(self, metric: str, path: Path) -> bool:
        """Whether the metric can be timed; says what is wrong otherwise."""
        if metric not in self.metrics and not self.metrics_lost:
            hint = did_you_mean(metric, self.metrics)
            self.findings.error(
                path, f"unknown metric {quote(metric)}; expected {one_of(self.metrics)}{hint}", key=True
            )
        return metric in self.metrics

    def _times(self, metric: str, target: TargetText, place: Path) -> dict[str, Time]:
        """What is allowed, by priority; for `due_date` the ticket itself says it."""
        if metric == DUE_DATE:
            if target.target is not None:
                self.findings.error(
                    (*place, "target"),
                    f"`{DUE_DATE}` takes no target: the deadline is the ticket's due_at; "
                    "expected the key to be left out",
                    key=True,
                )
            return {DEFAULT: Time(None)}
        if target.target is None:
            self.findings.error(place, f"`target` is missing; expected {TARGET_EXPECTED}", key=True)
            return {}
        return {entry: read_target(text) for entry, text in target.target.items()}

    def _breach(self, joined: Joined, target: TargetText, place: Path) -> dict[str, Any]:
        """Actions at a breach. A `kpi` has no credit: one of its own is an error, the policy's is not inherited."""
        found = actions(joined.value("breach"))
        if joined.value("kind") == "kpi" and "credit" in found:
            del found["credit"]
            if target.breach is not None:
                self.findings.error(
                    (*place, "breach", "credit"),
                    "a `kpi` has no consequences; expected no credit, or `kind: sla`",
                    key=True,
                )
        return found

    def _schedule(self, joined: Joined) -> Schedule | None:
        name, place = joined.get("schedule")
        schedule = self.calendars.find(name, place)
        if schedule is not None and self.calendars.is_never_open(schedule):
            self.findings.error(
                place, f"schedule {quote(schedule.name)} is never open; expected one with opening hours"
            )
        return schedule

    def _rules(self, metric: str, target: TargetText, joined: Joined, path: Path) -> Rules:
        changed: dict[str, Any] = {}
        for name in _RULES:
            written = getattr(target, name)
            if written is not None:
                changed[name] = compile_conditions(written, (*path, name), self.findings)
                if name in _MUST_HAPPEN and not written:
                    self.findings.error((*path, name), "an empty list; expected at least one condition")
        rules = self.metrics.get(metric, Rules())
        if metric == DUE_DATE:
            self._check_promise(target, path)
            return replace(rules, stop=changed.get("stop", rules.stop))
        return replace(rules, **changed, **self._pauses(joined))

    def _check_promise(self, target: TargetText, path: Path) -> None:
        """A promised date is a date: nothing but `stop` can be said otherwise."""
        for name in _NOT_FOR_PROMISES:
            if getattr(target, name) is not None:
                text = f"`{name}` has no place in `{DUE_DATE}`: it runs from the promise to the promised date"
                self.findings.error((*path, name), f"{text}; expected the key to be left out", key=True)

    def _pauses(self, joined: Joined) -> dict[str, Any]:
        """`pause` and `resume` belong together: whoever says `pause` says both."""
        pause, pause_place = joined.get("pause")
        resume, resume_place = joined.get("resume")
        if pause is None:
            if resume is not None:
                self.findings.error(resume_place, "`resume` without `pause`; expected both", key=True)
            return {}
        if resume is not None and resume_place[:-1] != pause_place[:-1]:
            resume = None
        return compile_pauses(pause, pause_place, resume, resume_place, self.findings)

    def _warnings(self, joined: Joined) -> tuple[Threshold, ...]:
        written, place = joined.get("warn")
        found: dict[tuple[float | None, int | None], str] = {}
        for index, text in enumerate(written or ()):
            threshold = read_warning(text)
            key = (threshold.percent, threshold.before)
            self._check_once(found, key, text, (*place, index))
        return tuple(read_warning(text) for text in written or ())

    def _escalations(self, joined: Joined) -> tuple[Threshold, ...]:
        written, place = joined.get("escalate")
        found: dict[int | None, str] = {}
        steps: list[EscalationText] = written or []
        for index, step in enumerate(steps):
            self._check_once(found, read_escalation(step.at).after, step.at, (*place, index, "at"))
        return tuple(replace(read_escalation(step.at), actions=actions(step)) for step in steps)

    def _check_once(self, found: dict[Any, str], key: Any, text: str, path: Path) -> None:
        if key in found:
            same = "" if found[key] == text else f", the same as {quote(found[key])}"
            self.findings.error(path, f"{quote(text)} a second time{same}; expected each threshold once")
        found.setdefault(key, text)


def compile_metrics(shaped: Shaped, findings: Findings) -> dict[str, Rules]:
    """The rules of every built-in metric and of the file's own."""
    written = shaped.file.metrics
    metrics = dict(BUILT_IN)
    for name in shaped.broken_in("metrics") - written.keys():
        metrics.setdefault(name, Rules())
    for name, metric in written.items():
        path: Path = ("metrics", name)
        if name in BUILT_IN:
            findings.error(path, f"metric {quote(name)} is built in; expected another name", key=True)
            continue
        if not name.strip() or len(name) > 100:
            findings.error(path, f"{quote(name)}; expected a name of 1 to 100 characters", key=True)
        metrics[name] = _metric(metric, path, findings)
    return metrics


def _metric(metric: MetricText, path: Path, findings: Findings) -> Rules:
    compiled: dict[str, Any] = {}
    for name in _RULES:
        written = getattr(metric, name)
        compiled[name] = compile_conditions(written, (*path, name), findings)
        if name in _MUST_HAPPEN and not written:
            findings.error((*path, name), "an empty list; expected at least one condition")
    if metric.resume is not None and not metric.pause:
        findings.error((*path, "resume"), "`resume` without `pause`; expected both", key=True)
    pauses = compile_pauses(metric.pause, (*path, "pause"), metric.resume, (*path, "resume"), findings)
    return Rules(**compiled, **pauses, cycles="each")


def compile_pauses(
    pause: list[dict[str, Any]], pause_path: Path, resume: list[dict[str, Any]] | None, resume_path: Path,
    findings: Findings,
) -> dict[str, Conditions]:  # fmt: skip
    if resume is None:
        check_pause(pause, pause_path, findings)
    elif not resume:
        findings.error(resume_path, "an empty list; expected at least one condition")
    return {
        "pause": compile_conditions(pause, pause_path, findings),
        "resume": compile_conditions(resume or [], resume_path, findings),
    }


def actions(written: StepActions | None) -> dict[str, Any]:
    """`notify`, `runbook`, `credit`, as far as they were written."""
    if written is None:
        return {}
    given = written.model_dump(exclude_unset=True)
    return {name: given[name] for name in ("notify", "runbook", "credit") if name in given}
