"""Many seeds on all cores."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from tests.simulation.making import make_plan
from tests.simulation.mistakes import mistaken
from tests.simulation.running import Result, run_plan, run_seed, shrink

CHUNK = 25
LAST_LINES = 40


def campaign(seeds: Iterable[int], mistake: str | None = None, processes: int | None = None) -> Iterator[Result]:
    """Results in the order of the seeds."""
    seeds = list(seeds)
    chunks = [(seeds[at : at + CHUNK], mistake) for at in range(0, len(seeds), CHUNK)]
    processes = min(processes or os.cpu_count() or 1, len(chunks))
    if processes <= 1:
        for chunk in chunks:
            yield from _run(chunk)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for results in pool.map(_run, chunks):
            yield from results


def _run(chunk: tuple[list[int], str | None]) -> list[Result]:
    seeds, mistake = chunk
    with mistaken(mistake):
        return [run_seed(seed) for seed in seeds]


def first_failure(seeds: Iterable[int], mistake: str | None = None) -> Result | None:
    """Of seeds tried one after the other."""
    with mistaken(mistake):
        return next((result for result in map(run_seed, seeds) if result.problems), None)


def explain(seed: int, mistake: str | None = None, smaller: bool = True) -> Iterator[str]:
    """The story of a failing seed, as small as it can be made."""
    with mistaken(mistake):
        plan = make_plan(seed)
        if smaller and run_plan(plan).problems:
            plan = shrink(plan)
        result = run_plan(plan, talkative=True)
    yield (
        f"seed {seed}: workers={plan.workers} static={plan.static} small={plan.small} guard={plan.guard} "
        f"settle={plan.settle} lateness={plan.lateness} drag={plan.drag}"
    )
    for one in plan.appends:
        held = "" if one.hold is None else f", in a transaction {'aborted' if one.aborted else 'open'} {one.hold} s"
        yield f"  at {one.at:.3f} s {one.value!r}{held}"
    yield from (f"  fault: {fault}" for fault in plan.faults)
    yield from result.lines[-LAST_LINES:]
    yield from (f"  {problem}" for problem in result.problems or ("nothing is wrong",))


def faults_told(results: Iterable[Result]) -> Counter[str]:
    """How often each fault came, by kind and place."""
    return Counter(f"{fault.kind} {fault.point}".strip() for result in results for fault in result.fired)
