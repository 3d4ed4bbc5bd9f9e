"""From a compiled mapping to one Python function for it: what `Mapping.map` runs for every record.

The closures of a mapping say what it means; called one by one they cost three times what the work itself costs. So
the usual way through a mapping is written out as one function, and the closures remain for what is unusual, for
refusals, and for `explain`. `tests/property/test_mapping_damage.py` holds that both give the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import orjson

from sla_stream.sources.forms import Forms
from sla_stream.sources.scope import MISSING, Scope
from sla_stream.sources.writing import Writer, compiled

if TYPE_CHECKING:
    from sla_stream.sources.mapping import Mapping, Rule

Keyed = list[tuple[str, bytes]]
"""Ticket ids and events (JSON)."""

Run = Callable[[Scope, Keyed], None]
"""Appends the ticket events of a record."""

_AS_THEY_ARE: Final = frozenset(
    {"updated", "customer_replied", "agent_replied", "note_added", "answered", "unmerged", "deleted", "restored"}
)
"""Kinds that ask nothing of the other fields."""


def generate(mapping: Mapping, forms: Forms) -> Run:
    """The function for a mapping. Raises what `Mapping.interpret` raises."""
    writer = Writer(forms)
    refuse = writer.bind(mapping.prepare)
    writer.names["dumps"] = orjson.dumps
    writer.line("body = scope.body")
    writer.line(f"if body.__class__ is not dict: {refuse}(scope)")
    _write_lets(writer, mapping)
    if mapping.accept is not None:
        writer.line(f"if not {writer.condition(mapping.accept)}: {refuse}(scope)")
    if mapping.ignore is not None:
        writer.line(f"if {writer.condition(mapping.ignore)}: return")
    _write_rules(writer, mapping)
    return compiled(writer, "def run(scope, events):", f"mapping {mapping.name}")


def _write_lets(writer: Writer, mapping: Mapping) -> None:
    if mapping.lets:
        writer.line("named = scope.named = []")
    for position, read in enumerate(mapping.lets):
        name = writer.value(read)
        writer.line(f"named.append({name})")
        writer.remember(position, name)


def _write_rules(writer: Writer, mapping: Mapping) -> None:
    several = any(rule.goes_on for rule in mapping.rules)
    if several:
        writer.line("before = len(events)")
        writer.line("shared = 0")
    numbered = False
    for rule in mapping.rules:
        if rule.when is None:
            _write_rule(writer, rule, numbered)
        else:
            with writer.block(f"if {writer.condition(rule.when)}:"):
                _write_rule(writer, rule, numbered)
        numbered = numbered or (rule.goes_on and not rule.own_id)
        if rule.when is None and not rule.goes_on:
            return
    refusal = f"raise {writer.bind(mapping.no_rule)}()"
    writer.line(f"if len(events) == before: {refusal}" if several else refusal)


def _write_rule(writer: Writer, rule: Rule, numbered: bool) -> None:
    writer.line("event = {}")
    for name, read in rule.plain:
        _write_field(writer, "event", name, read)
    if rule.custom:
        writer.line("custom = {}")
        for name, read in rule.custom:
            _write_field(writer, "custom", name, read)
        writer.line("if custom: event['custom'] = custom")
    kind = writer.constant(rule.fields["kind"])
    if kind is None or kind.value not in _AS_THEY_ARE or (numbered and not rule.own_id):
        writer.line(f"{writer.bind(rule.finish)}(event, {'shared' if numbered else 0})")
    writer.line("events.append((event['ticket_id'], dumps(event)))")
    if not rule.goes_on:
        writer.line("return")
    elif not rule.own_id:
        writer.line("shared += 1")


def _write_field(writer: Writer, into: str, name: str, read: Callable[[Scope], Any]) -> None:
    constant = writer.constant(read)
    if constant is not None and constant.value is MISSING:
        return
    if writer.text(read, into, name):
        return
    value = writer.value(read)
    always = constant is not None or not writer.may_be_missing(read)
    writer.line(f"{'' if always else f'if {value} is not MISSING: '}{into}[{name!r}] = {value}")
