"""A policy set is tried out before it is put in force: whoever reads it comes to the same verdict.

Files are checked when they are read, so this finds what nobody meant to be possible: a fault of this program, or a set
that another release wrote. Without it the fault would come up in every worker, with every ticket that the set concerns.
"""

from __future__ import annotations

from typing import Final

from sla_stream.core import cycle as clock
from sla_stream.core.cycle import MET
from sla_stream.core.metrics import DUE_DATE
from sla_stream.core.planner import all_targets
from sla_stream.core.policy import PolicySet, Target
from sla_stream.core.schedule import FAR
from sla_stream.core.timeline import Timeline

_HOUR: Final = 3_600_000
_PROMISED: Final = 48 * _HOUR


def try_out(policies: PolicySet, at: int, before: PolicySet | None = None) -> None:
    """Run a clock of each target from `at` (ms) through its thresholds, a pause and its end; raises what goes wrong.

    Targets of `before`, which is in force, are known to work.
    """
    sets = [(0, policies)] if before is None else [(0, before), (at, policies)]
    timeline = Timeline(sets)
    for instant in {at, *(policy.valid_from for policy in policies.policies if policy.valid_from is not None)}:
        timeline.at(instant).plan({})
    known = set() if before is None else {target.ref for target in all_targets(before)}
    for target in all_targets(policies):
        if target.ref not in known:
            _run(target, at)


def _run(target: Target, at: int) -> None:
    promised = at + _PROMISED if target.metric == DUE_DATE else None
    cycle = clock.begin(1, target, at, promised=promised)
    clock.pause(cycle, target, at + _HOUR)
    clock.resume(cycle, target, at + 2 * _HOUR)
    steps = len(target.warnings) + len(target.escalations) + 1
    last = at + 2 * _HOUR
    while steps and cycle.next_at < FAR:
        last = cycle.next_at
        clock.fire(cycle, target)
        steps -= 1
    clock.end(cycle, target, last, MET)
