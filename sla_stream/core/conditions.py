"""Conditions of clocks, compiled: what one event means to one clock, as a set of bits.

A start, stop, reset, cancel or resume condition is tested at an event; a pause condition holds as long as it is
true, unless the clock has `resume` conditions: then it is tested at an event too (contract §4).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any, Final

from sla_stream.core.events import TicketEvent
from sla_stream.core.policy import CONDITION_KEYS, INNER_KEYS, Condition, Conditions, Rules

CANCEL: Final = 1
STOP: Final = 2
RESET: Final = 4
PAUSE: Final = 8
RESUME: Final = 16
START: Final = 32
HOLDS: Final = 64
"""The clock's pause is a state of the ticket: PAUSE tells whether it holds now."""

Attributes = dict[str, Any]


class Moment:
    """One event as conditions see it: `before` and `after` are the ticket's attributes around it."""

    __slots__ = ("after", "before", "event", "first", "status", "was")

    def __init__(self, event: TicketEvent, before: Attributes, after: Attributes, first: bool) -> None:
        self.event = event
        self.before = before
        self.after = after
        self.first = first
        self.was: str | None = before.get("status")
        self.status: str | None = after.get("status")


Test = Callable[[Moment], bool]


def compile_rules(rules: Rules) -> Callable[[Moment], int]:
    """The bits an event sets on a clock with these rules."""
    at_event = [
        (bit, _any(conditions, state=False))
        for bit, conditions in (
            (CANCEL, rules.cancel),
            (STOP, rules.stop),
            (RESET, rules.reset),
            (RESUME, rules.resume),
            (START, rules.start),
        )
        if conditions
    ]
    holds = not rules.resume
    if rules.pause:
        at_event.append((PAUSE, _any(rules.pause, state=holds)))
    fixed = HOLDS if holds else 0

    def bits(moment: Moment) -> int:
        found = fixed
        for bit, test in at_event:
            if test(moment):
                found |= bit
        return found

    return bits


def _any(conditions: Conditions, state: bool) -> Test:
    tests = [_all(condition, state) for condition in conditions]
    return lambda moment: any(test(moment) for test in tests)


def _all(condition: Condition, state: bool) -> Test:
    tests = [_term(key, values, state) for key, values in condition.terms]
    return lambda moment: all(test(moment) for test in tests)


def _term(key: str, values: tuple[Any, ...], state: bool) -> Test:
    allowed = frozenset(values)
    if key == "kind":
        return lambda m: m.event.kind in allowed
    if key == "actor":
        return lambda m: m.event.actor in allowed
    if key == "public":
        return lambda m: m.event.public in allowed
    if key == "left_status":
        return lambda m: m.was in allowed and m.status not in allowed
    if key == "status":
        if state:
            return lambda m: m.status in allowed
        return lambda m: m.status in allowed and (m.first or m.status != m.was)
    if key == "status_is":
        return lambda m: m.status in allowed
    if key == "lacks":
        return lambda m: all(m.after.get(name) is None for name in allowed)
    if key == "changed":
        return lambda m: any(m.before.get(name) != m.after.get(name) for name in allowed)
    if key == "has":
        return lambda m: any(m.after.get(name) is not None for name in allowed)
    if key == "tags":
        return lambda m: not allowed.isdisjoint(m.after.get("tags") or ())
    return lambda m: m.after.get(key) in allowed


def attributes_of(conditions: Iterable[Condition]) -> tuple[set[str], set[str], set[str]]:
    """Names whose value, whose change, whose presence matters, beside kind, actor, public and status."""
    values: set[str] = set()
    changes: set[str] = set()
    presence: set[str] = set()
    for condition in conditions:
        for key, names in condition.terms:
            if key == "changed":
                changes.update(names)
            elif key in ("has", "lacks"):
                presence.update(names)
            elif key not in CONDITION_KEYS + INNER_KEYS:
                values.add(key)
    return values, changes, presence


class ActionTable:
    """Bits of every distinct set of rules for an event, remembered by the class of the event.

    Events fall into few classes (kind, actor, public, status before and after, and the attributes that conditions
    look at), so nearly every event is one dictionary look-up.
    """

    __slots__ = ("_bits", "_changes", "_index", "_memo", "_plain", "_presence", "_values")

    LIMIT: Final = 50_000

    def __init__(self, rules: Collection[Rules]) -> None:
        distinct = list(dict.fromkeys(rules))
        self._index = {each: i for i, each in enumerate(distinct)}
        self._bits = [compile_rules(each) for each in distinct]
        values: set[str] = set()
        changes: set[str] = set()
        presence: set[str] = set()
        for each in distinct:
            for conditions in (each.start, each.stop, each.pause, each.resume, each.cancel, each.reset):
                more_values, more_changes, more_presence = attributes_of(conditions)
                values |= more_values
                changes |= more_changes
                presence |= more_presence
        self._values = sorted(values)
        self._changes = sorted(changes)
        self._presence = sorted(presence)
        self._plain = not (values or changes or presence)
        self._memo: dict[tuple[Any, ...], tuple[int, ...]] = {}

    def index(self, rules: Rules) -> int:
        """Position of these rules in what `look_up` returns."""
        return self._index[rules]

    def look_up(self, event: TicketEvent, before: Attributes, after: Attributes, first: bool) -> tuple[int, ...]:
        """The bits of each set of rules for this event."""
        key = self.class_of(event, before, after, first)
        found = self._memo.get(key)
        if found is None:
            if len(self._memo) >= self.LIMIT:
                self._memo.clear()
            moment = Moment(event, before, after, first)
            found = self._memo[key] = tuple(bits(moment) for bits in self._bits)
        return found

    def class_of(self, event: TicketEvent, before: Attributes, after: Attributes, first: bool) -> tuple[Any, ...]:
        """All that conditions can see of the event."""
        key = (event.kind, event.actor, event.public, before.get("status"), after.get("status"), first)
        if self._plain:
            return key
        return (
            *key,
            *[_hashable(after.get(name)) for name in self._values],
            *[before.get(name) != after.get(name) for name in self._changes],
            *[after.get(name) is None for name in self._presence],
        )


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
