"""Zendesk's JSON of SLA policies, checked: the answers of its API, one file or several pages.

Read are the lists `sla_policies` (GET /api/v2/slas/policies) and `group_sla_policies` (GET
/api/v2/group_slas/policies), and the single `sla_policy` and `group_sla_policy`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sla_stream.formats.policy_file.findings import Findings, Path, show
from sla_stream.formats.policy_file.located import read

LISTS: Final = ("sla_policies", "group_sla_policies")
SINGLES: Final = ("sla_policy", "group_sla_policy")
_TAKEN: Final = {
    "policy": frozenset(
        ("id", "url", "title", "description", "position", "created_at", "updated_at", "filter", "policy_metrics")
    ),
    "metric": frozenset(("priority", "metric", "target", "target_in_seconds", "business_hours")),
    "filter": frozenset(("all", "any")),
    "condition": frozenset(("field", "operator", "value")),
}


@dataclass(frozen=True, slots=True)
class ZendeskCondition:
    """`where` is its place in the policy, such as `filter.all[1]`."""

    where: str
    field: str
    operator: str | None
    value: Any


@dataclass(frozen=True, slots=True)
class ZendeskMetric:
    """A target. `seconds` is None where there is none; `by_minutes`: only `target` said how long it is."""

    priority: str
    metric: str
    seconds: int | None
    business_hours: bool
    by_minutes: bool


@dataclass(frozen=True, slots=True)
class ZendeskPolicy:
    """A policy as it was given. `other` are settings that nobody here knows: path and value."""

    title: str
    ident: str | None
    description: str | None
    position: int | None
    all: tuple[ZendeskCondition, ...]
    any: tuple[ZendeskCondition, ...]
    metrics: tuple[ZendeskMetric, ...]
    group: bool
    other: tuple[tuple[str, Any], ...] = ()


@dataclass(slots=True)
class Export:
    """All policies in the order in which Zendesk asks them. `unfinished`: files with a page after them."""

    policies: list[ZendeskPolicy] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)


def read_export(files: Iterable[tuple[str, str]]) -> Export:
    """(name, text) of each file. ConfigError with every problem of the first file that has any."""
    export = Export()
    for name, text in files:
        findings = Findings()
        value = read(text, f"{name}.json", findings)
        if not findings.errors:
            reader = _Reader(findings)
            export.policies += reader.document(value)
            if isinstance(value, dict) and value.get("next_page"):
                export.unfinished.append(name)
        findings.raise_errors(name)
    export.policies.sort(key=lambda policy: (policy.group, policy.position is None, policy.position or 0))
    return export


class _Reader:
    """Takes what has the right form; reports the rest."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings

    def document(self, value: Any) -> Iterator[ZendeskPolicy]:
        found = False
        if isinstance(value, dict):
            for key in (*LISTS, *SINGLES):
                if key not in value:
                    continue
                found = True
                single = key in SINGLES
                items = [value[key]] if single else self._list(value[key], (key,))
                for index, item in enumerate(items):
                    policy = self._policy(item, (key,) if single else (key, index), group=key.startswith("group"))
                    if policy is not None:
                        yield policy
        if not found:
            expected = "the JSON of GET /api/v2/slas/policies, with a list `sla_policies`"
            self.findings.error((), f"found {show(value)} without policies; expected {expected}")

    def _policy(self, value: Any, path: Path, *, group: bool) -> ZendeskPolicy | None:
        if not self._mapping(value, path):
            return None
        title = self._text(value, "title", path)
        filters = value.get("filter") or {}
        if not self._mapping(filters, (*path, "filter")):
            return None
        metrics = self._list(value.get("policy_metrics") or [], (*path, "policy_metrics"))
        position = value.get("position")
        if position is not None and (isinstance(position, bool) or not isinstance(position, int)):
            self._refuse((*path, "position"), position, "a whole number")
            return None
        ident = value.get("id")
        read_metrics = [self._metric(each, (*path, "policy_metrics", i)) for i, each in enumerate(metrics)]
        description = value.get("description")
        return ZendeskPolicy(
            title or "",
            None if ident is None else str(ident),
            description if isinstance(description, str) and description.strip() else None,
            position,
            tuple(self._conditions(filters, "all", path)),
            tuple(self._conditions(filters, "any", path)),
            tuple(metric for metric in read_metrics if metric is not None),
            group,
            tuple(_unknown(value, filters, metrics)),
        )

    def _conditions(self, filters: dict[str, Any], key: str, path: Path) -> Iterator[ZendeskCondition]:
        for index, value in enumerate(self._list(filters.get(key) or [], (*path, "filter", key))):
            place = (*path, "filter", key, index)
            if not self._mapping(value, place):
                continue
            name, operator = self._text(value, "field", place), value.get("operator")
            if operator is not None and not isinstance(operator, str):
                self._refuse((*place, "operator"), operator, "text such as is")
            elif name is not None:
                yield ZendeskCondition(f"filter.{key}[{index}]", name, operator, value.get("value"))

    def _metric(self, value: Any, path: Path) -> ZendeskMetric | None:
        if not self._mapping(value, path):
            return None
        priority, metric = self._text(value, "priority", path), self._text(value, "metric", path)
        minutes, seconds = (self._number(value, key, path) for key in ("target", "target_in_seconds"))
        business = value.get("business_hours", False)
        if not isinstance(business, bool):
            self._refuse((*path, "business_hours"), business, "true or false")
        if priority is None or metric is None:
            return None
        time = seconds or (minutes or 0) * 60
        return ZendeskMetric(priority.lower(), metric, time or None, bool(business), not seconds)

    def _number(self, value: dict[str, Any], key: str, path: Path) -> int | None:
        found = value.get(key)
        if found is None or (isinstance(found, int) and not isinstance(found, bool) and found >= 0):
            return found
        self._refuse((*path, key), found, "a whole number, zero or more")
        return None

    def _text(self, value: dict[str, Any], key: str, path: Path) -> str | None:
        found = value.get(key)
        if isinstance(found, str) and found.strip():
            return found.strip()
        if key in value:
            self._refuse((*path, key), found, "text")
        else:
            self.findings.error(path, f"`{key}` is missing; expected text")
        return None

    def _mapping(self, value: Any, path: Path) -> bool:
        return isinstance(value, dict) or self._refuse(path, value, "a mapping")

    def _list(self, value: Any, path: Path) -> Sequence[Any]:
        if isinstance(value, list):
            return value
        self._refuse(path, value, "a list")
        return []

    def _refuse(self, path: Path, value: Any, expected: str) -> bool:
        found = "an empty text" if value == "" else show(value)
        self.findings.error(path, f"found {found}; expected {expected}")
        return False


def _unknown(policy: dict[str, Any], filters: dict[str, Any], metrics: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    """Settings beside the documented ones that are set to something."""
    yield from _beside("policy", policy, "")
    yield from _beside("filter", filters, "filter.")
    for key in ("all", "any"):
        for index, condition in enumerate(filters.get(key) or []):
            if isinstance(condition, dict):
                yield from _beside("condition", condition, f"filter.{key}[{index}].")
    for index, metric in enumerate(metrics):
        if isinstance(metric, dict):
            yield from _beside("metric", metric, f"policy_metrics[{index}].")


def _beside(kind: str, value: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, found in value.items():
        if key not in _TAKEN[kind] and _is_set(found):
            yield f"{prefix}{key}", found


def _is_set(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_is_set, value.values()))
    return value is not None and value is not False and value not in ("", [])
