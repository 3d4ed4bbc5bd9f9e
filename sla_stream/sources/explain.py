"""Where each field of a ticket event came from: the slow way through a mapping, with every path written down."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sla_stream.errors import InvalidRecord
from sla_stream.formats.wire_errors import shown
from sla_stream.sources.compiler import compile_mapping
from sla_stream.sources.language import Traced
from sla_stream.sources.mapping import Mapping, Rule
from sla_stream.sources.scope import MISSING, Headers, Read, Scope


@dataclass(frozen=True, slots=True)
class Origin:
    """One field: its value as written (MISSING: not set), the paths that were read for it, and any refusal."""

    field: str
    value: Any
    read: list[tuple[str, Any]]
    refused: str | None = None


@dataclass(slots=True)
class Explained:
    """One ticket event. `place` is the entry of `events` that made it."""

    place: str
    origins: list[Origin] = field(default_factory=list)


@dataclass(slots=True)
class Explanation:
    """What a mapping makes of one record. `meaning`: why it gives no event, if it gives none."""

    named: list[Origin] = field(default_factory=list)
    events: list[Explained] = field(default_factory=list)
    meaning: str | None = None


def explain(
    mapping: Mapping, payload: bytes, headers: Headers = (), key: bytes | None = None, recorded_at: int | None = None
) -> list[Explanation]:
    """The explanation of a record, or of each of its elements. Raises InvalidRecord if it cannot be opened."""
    trace: Traced = []
    traced = compile_mapping(mapping.text, mapping.file, trace)
    names = list(traced.let_names)
    return [_explain_one(traced, names, scope, trace) for scope in traced.scopes(payload, headers, key, recorded_at)]


def _explain_one(mapping: Mapping, names: list[str], scope: Scope, trace: Traced) -> Explanation:
    explanation = Explanation()
    try:
        means = mapping.prepare(scope)
    except InvalidRecord as refused:
        explanation.meaning = f"refused: {refused.detail}"
        return explanation
    explanation.named = [
        Origin(f"${name}", scope.named[index], []) for index, name in enumerate(names) if index < len(scope.named)
    ]
    if not means:
        explanation.meaning = "ignored: a condition of `ignore` holds"
        return explanation
    for rule in mapping.rules:
        if rule.when is None or rule.when(scope):
            explanation.events.append(_explain_rule(rule, scope, trace))
            if not rule.goes_on:
                break
    if not explanation.events:
        explanation.meaning = f"refused: {mapping.no_rule().detail}"
    return explanation


def _explain_rule(rule: Rule, scope: Scope, trace: Traced) -> Explained:
    reads = {**rule.fields, **rule.attributes}
    ordered = [name for name, _ in rule.plain] + [f"custom.{name}" for name, _ in rule.custom]
    return Explained(rule.place, [_origin(name, reads[name], scope, trace) for name in ordered])


def _origin(name: str, read: Read, scope: Scope, trace: Traced) -> Origin:
    trace.clear()
    try:
        value, refused = read(scope), None
    except InvalidRecord as error:
        value, refused = MISSING, error.detail
    return Origin(name, value, list(trace), refused)


def render(explanation: Explanation) -> list[str]:
    """Lines for people: field, value, and for each path what was found there."""
    lines: list[str] = []
    for named in explanation.named:
        lines.append(f"{named.field:16} {_told(named.value)}")
    if explanation.meaning is not None:
        lines.append(explanation.meaning)
    for event in explanation.events:
        lines.append(f"-- {event.place}")
        lines += [_line(origin) for origin in event.origins]
    return lines


def _line(origin: Origin) -> str:
    paths = "; ".join(f"{path} = {_told(found)}" for path, found in origin.read) or "a constant"
    value = f"refused: {origin.refused}" if origin.refused else _told(origin.value)
    return f"   {origin.field:16} {value:32} <- {paths}"


def _told(value: Any) -> str:
    if value is MISSING:
        return "(not there)"
    return shown(value) if not isinstance(value, bytes) else f"({len(value)} bytes)"
