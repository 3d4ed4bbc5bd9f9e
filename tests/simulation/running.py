"""A seed's result, and how to make a failing plan smaller."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tests.simulation.making import WEEK, make_plan
from tests.simulation.plan import Fault, Plan
from tests.simulation.verdict import problems
from tests.simulation.world import simulation


@dataclass(frozen=True, slots=True)
class Result:
    seed: int
    problems: tuple[str, ...]
    fired: tuple[Fault, ...]
    steps: int
    said: int
    """Records in the worker's topics: two runs of a seed must agree in it, and in `steps`."""
    lines: tuple[str, ...] = ()


def run_plan(plan: Plan, talkative: bool = False) -> Result:
    with simulation(plan, talkative) as world:
        found = problems(world)
        said = sum(log.end for log in world.broker.logs.values())
        return Result(
            plan.seed, tuple(found), tuple(world.faults.fired), world.loop.steps, said, tuple(world.told.lines)
        )


def run_seed(seed: int) -> Result:
    return run_plan(make_plan(seed))


def shrink(plan: Plan, fails: Callable[[Plan], Any] = lambda plan: run_plan(plan).problems, tries: int = 400) -> Plan:
    """A smaller plan that still fails: fewer faults, fewer ticket events, nothing special about the cluster."""
    budget = [tries]

    def holds(candidate: Plan) -> bool:
        budget[0] -= 1
        return budget[0] >= 0 and bool(fails(candidate))

    smaller = True
    while smaller and budget[0] > 0:
        before = plan
        plan = _fewer(plan, "faults", holds)
        plan = _fewer(plan, "appends", holds)
        plan = _fewer(plan, "sets", holds)
        for change in _SIMPLER:
            candidate = replace(plan, **change)
            if candidate != plan and candidate.workers <= plan.workers and holds(candidate):
                plan = candidate
        smaller = plan != before
    return plan


_SIMPLER: tuple[dict[str, Any], ...] = (
    {"small": False},
    {"drag": 0.0},
    {"guard": 0},
    {"settle": 0},
    {"static": False},
    {"lateness": WEEK},
    {"workers": 1},
    {"workers": 2},
)


def _fewer(plan: Plan, name: str, holds: Callable[[Plan], bool]) -> Plan:
    """Leave out halves, quarters, ... of a list, down to single entries."""
    size = max(1, len(getattr(plan, name)) // 2)
    while True:
        at = 0
        while at < len(getattr(plan, name)):
            kept = getattr(plan, name)
            candidate = replace(plan, **{name: kept[:at] + kept[at + size :]})
            if holds(candidate):
                plan = candidate
            else:
                at += size
        if size == 1:
            return plan
        size //= 2
