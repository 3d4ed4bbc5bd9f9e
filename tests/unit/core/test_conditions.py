"""Conditions: what one event means to one clock (contract §4)."""

from __future__ import annotations

from typing import Any

import pytest

from sla_stream.core import conditions as c
from sla_stream.core.conditions import ActionTable, attributes_of, compile_rules
from sla_stream.core.events import TicketEvent
from sla_stream.core.metrics import when
from sla_stream.core.policy import Rules
from tests.builders import event


def holds(
    told: Any, before: dict[str, Any] | None = None, first: bool = False, kind: str = "updated", **rest: Any
) -> bool:
    """Whether the start condition `told` is met by an event that leaves the ticket with `rest`."""
    made = event("Mon 09:00", kind, **{k: v for k, v in rest.items() if k in ("actor", "public")})
    after = {k: v for k, v in rest.items() if k not in ("actor", "public")}
    table = ActionTable([Rules(start=told)])
    return bool(table.look_up(made, before or {}, after, first)[0] & c.START)


@pytest.mark.parametrize(
    ("told", "before", "after", "met"),
    [
        (when(status="open"), {"status": "new"}, {"status": "open"}, True),
        (when(status="open"), {"status": "open"}, {"status": "open"}, False),
        (when(status=("open", "pending")), {"status": "open"}, {"status": "pending"}, True),
        (when(status="open"), {}, {"status": "pending"}, False),
        (when(left_status="open"), {"status": "open"}, {"status": "pending"}, True),
        (when(left_status="open"), {"status": "open"}, {"status": "open"}, False),
        (when(left_status=("open", "new")), {"status": "open"}, {"status": "new"}, False),
        (when(left_status="open"), {"status": "pending"}, {"status": "new"}, False),
        (when(changed="priority"), {"priority": "a"}, {"priority": "b"}, True),
        (when(changed="priority"), {"priority": "a"}, {"priority": "a"}, False),
        (when(changed="priority"), {"priority": "a"}, {}, True),
        (when(changed=("priority", "group")), {"group": "a"}, {"group": "b"}, True),
        (when(has="assignee"), {}, {"assignee": "ann"}, True),
        (when(has="assignee"), {"assignee": "ann"}, {"assignee": "ann"}, True),
        (when(has="assignee"), {"assignee": "ann"}, {}, False),
        (when(group=("a", "b")), {}, {"group": "b"}, True),
        (when(group="a"), {}, {"group": "b"}, False),
        (when(group="a"), {}, {}, False),
        (when(tags=("vip",)), {}, {"tags": ["new", "vip"]}, True),
        (when(tags=("vip",)), {}, {"tags": ["new"]}, False),
        (when(tags=("vip",)), {}, {}, False),
        (when(**{"custom.site": "north"}), {}, {"custom.site": "north"}, True),
        (when(status="open", group="a"), {}, {"status": "open", "group": "a"}, True),
        (when(status="open", group="a"), {}, {"status": "open", "group": "b"}, False),
        (when(group="a") + when(group="b"), {}, {"group": "b"}, True),
        ((), {}, {"group": "b"}, False),
    ],
)
def test_condition_at_an_event(told: Any, before: dict[str, Any], after: dict[str, Any], met: bool) -> None:
    assert holds(told, before, **after) is met


@pytest.mark.parametrize(
    ("told", "kind", "rest", "met"),
    [
        (when(kind="created"), "created", {}, True),
        (when(kind="created"), "updated", {}, False),
        (when(actor="bot"), "agent_replied", {"actor": "bot"}, True),
        (when(actor="bot"), "agent_replied", {}, False),
        (when(public=False), "note_added", {}, True),
        (when(public=False), "agent_replied", {}, False),
        (when(kind="agent_replied", public=True), "agent_replied", {}, True),
    ],
)
def test_condition_on_the_event_itself(told: Any, kind: str, rest: dict[str, Any], met: bool) -> None:
    assert holds(told, kind=kind, **rest) is met


def test_the_first_event_sets_its_status() -> None:
    assert holds(when(status="open"), {"status": "open"}, first=True, status="open")
    assert not holds(when(left_status="open"), {}, first=True, status="open")


def bits(rules: Rules, made: TicketEvent, before: dict[str, Any], after: dict[str, Any]) -> int:
    return ActionTable([rules]).look_up(made, before, after, False)[0]


def test_pause_holds_as_long_as_it_is_true() -> None:
    rules = Rules(pause=when(status="pending"))
    quiet = event("Mon 09:00", "updated")
    assert bits(rules, quiet, {"status": "pending"}, {"status": "pending"}) == c.HOLDS | c.PAUSE
    assert bits(rules, quiet, {"status": "pending"}, {"status": "open"}) == c.HOLDS


def test_pause_with_resume_is_tested_at_an_event() -> None:
    rules = Rules(pause=when(status="pending"), resume=when(status="open"))
    quiet = event("Mon 09:00", "updated")
    assert bits(rules, quiet, {"status": "pending"}, {"status": "pending"}) == 0
    assert bits(rules, quiet, {"status": "open"}, {"status": "pending"}) == c.PAUSE
    assert bits(rules, quiet, {"status": "pending"}, {"status": "open"}) == c.RESUME


def test_every_kind_of_condition_has_its_bit() -> None:
    told = when(kind="updated")
    rules = Rules(start=told, stop=told, pause=told, resume=told, cancel=told, reset=told)
    everything = c.START | c.STOP | c.PAUSE | c.RESUME | c.CANCEL | c.RESET
    assert bits(rules, event("Mon 09:00", "updated"), {}, {}) == everything
    assert bits(rules, event("Mon 09:00", "created"), {}, {}) == 0


def test_what_conditions_look_at() -> None:
    told = when(kind="created", status="open", group="a") + when(changed=("priority", "due_at")) + when(has="assignee")
    values, changes, *presence = attributes_of(told)
    assert changes == {"priority", "due_at"}
    assert "group" in values
    assert {"assignee"} in (values & {"assignee"}, *presence)
    assert not {"kind", "status"} & values


def test_table_remembers_classes_of_events_without_mixing_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every combination twice, from the memory and from a full one that is emptied, equals the plain rules."""
    monkeypatch.setattr(ActionTable, "LIMIT", 5)
    rules = Rules(
        start=when(kind="created"), stop=when(group="a"), reset=when(changed="priority"), cancel=when(tags=("x",)),
        pause=when(has="assignee"),
    )  # fmt: skip
    table, plain = ActionTable([rules]), compile_rules(rules)
    states: list[dict[str, Any]] = [
        {},
        {"group": "a"},
        {"priority": "p"},
        {"tags": ["x"]},
        {"assignee": "ann"},
        {"group": "a", "assignee": "bob"},
    ]
    for _ in range(2):
        for kind in ("created", "updated"):
            for before in states:
                for after in states:
                    made = event("Mon 09:00", kind)
                    expected = plain(c.Moment(made, before, after, False))
                    assert table.look_up(made, before, after, False) == (expected,)


def test_equal_rules_share_a_place() -> None:
    one, same, other = Rules(start=when(kind="created")), Rules(start=when(kind="created")), Rules()
    table = ActionTable([one, same, other])
    assert table.index(one) == table.index(same) != table.index(other)
    assert len(table.look_up(event("Mon 09:00", "created"), {}, {}, True)) == 2
