"""The short form of `make simulate-faults`, and that a seed means the same everywhere."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from tests.simulation.campaign import campaign, explain, faults_told
from tests.simulation.making import POINTS, make_plan
from tests.simulation.running import run_plan, run_seed, shrink

SEEDS = 240
ROOT = Path(__file__).parents[2]


def test_no_seed_fails() -> None:
    results = list(campaign(range(SEEDS), processes=1))
    failed = [result for result in results if result.problems]
    assert not failed, "\n".join(explain(failed[0].seed))
    assert [result.seed for result in results] == list(range(SEEDS))
    told = faults_told(results)
    assert told.total() > 2 * SEEDS
    assert {fault.split()[1] for fault in told if " " in fault} == set(POINTS), "a point that no fault has come to"


def test_a_seed_means_the_same_in_every_process() -> None:
    """Whatever the order of sets, the speed of the machine, and what was run before."""
    seeds = (3, 13, 26)
    here = [(result.steps, result.said) for result in map(run_seed, seeds)]
    program = (
        "from tests.simulation.running import run_seed\n"
        f"print([(result.steps, result.said) for result in map(run_seed, {tuple(reversed(seeds))})][::-1])"
    )
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == str(here)


def test_a_plan_without_faults_says_something() -> None:
    plan = replace(make_plan(3), faults=())
    result = run_plan(plan, talkative=True)
    assert not result.problems and not result.fired
    assert result.said > len(plan.appends)
    assert any("transaction.committed" in line for line in result.lines)


def test_shrinking_leaves_what_the_failure_needs() -> None:
    plan = make_plan(1)
    while len(plan.faults) < 5 or len(plan.appends) < 10:
        plan = make_plan(plan.seed + 1)
    needed_fault, needed_append = plan.faults[3], plan.appends[7]
    small = shrink(plan, lambda one: needed_fault in one.faults and needed_append in one.appends)
    assert small.faults == (needed_fault,)
    assert small.appends == (needed_append,)
    assert small.workers == 1 and not small.small and not small.drag
