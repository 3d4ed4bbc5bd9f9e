"""Rows: what is looked up for an event is what its conditions say; a clock that is left out would not have moved."""

from __future__ import annotations

from itertools import islice, product
from pathlib import Path
from typing import Any

import pytest

import sla_stream.demo
from sla_stream.core import fold
from sla_stream.core.cycle import Cycle
from sla_stream.core.planner import Planner
from sla_stream.core.policy import Match, PolicySet
from sla_stream.core.rows import Row
from sla_stream.demo.history import read_history
from sla_stream.formats.codec import decode_ticket_event
from sla_stream.formats.policy_file import load_policies
from tests.builders import HOUR, Run, event, policies, policy, target

STATES: list[dict[str, Any]] = [
    {"status": "open"},
    {"status": "pending"},
    {"status": "resolved"},
    {"status": "open", "tags": ["vip"]},
    {"status": "resolved", "tags": ["vip"]},
]


def test_a_row_is_what_plan_and_conditions_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every combination twice: from the memory, and from one that is emptied again and again."""
    monkeypatch.setattr(Planner, "LIMIT", 3)
    vip = policy(target("resolution", HOUR, policy="vip"), name="vip", match=Match((("tags", "any", ("vip",)),)))
    planner = Planner(policies(vip, policy(target("resolution", 2 * HOUR), target("first_response", HOUR))))
    for kind, before, after, _ in product(("created", "updated", "reopened"), STATES, STATES, range(2)):
        told = event("Mon 09:00", kind)
        row = planner.row(told, before, after, False)
        assert row.plan == planner.plan(after)
        assert row.bits == planner.actions.look_up(told, before, after, False)
        assert row.reopening == (before["status"] == "resolved" != after["status"])
        assert [place.metric for place in row.places] == ["first_response", "resolution"]


def test_a_clock_that_is_left_out_would_not_have_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Real lives, with every clock asked at every event and with those only that a glance does not rule out."""
    rules = load_policies(Path(sla_stream.demo.__file__).parent / "policies.yaml")
    glanced = _states(rules)
    asked = 0

    def all_clocks(row: Row, clocks: dict[str, list[Cycle]]) -> list[tuple[str, int]]:
        nonlocal asked
        asked += 1
        return [(place.metric, place.number) for place in row.places]

    monkeypatch.setattr(fold, "moved", all_clocks)
    assert _states(rules) == glanced
    assert asked > 2_000


def _states(rules: PolicySet) -> tuple[list[Any], list[tuple[str, bytes | None]]]:
    run = Run(rules, retain_closed=None)
    for line in islice(read_history(), 2_500):
        run.read(decode_ticket_event(line.value))
    said = [(each.id, each.type, each.at, each.elapsed) for each in run.said]
    return said, sorted(run.engine.flush())
