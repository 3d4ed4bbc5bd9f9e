"""What a seed means: the cluster, the ticket events and the faults, all plain data, so that a plan can be made smaller.

Faults are of two kinds. Those of a request come at the n-th time that somebody passes a point, counted over all
processes; those of a machine come at an instant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

EVERYWHERE = "any"
"""The point that every await passes."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`point` and `nth` for one of a request; `at` (s) and `slot` (which worker) for one of a machine."""

    kind: str
    point: str = ""
    nth: int = 0
    at: float = 0.0
    slot: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        where = f"at {self.point} {self.nth}" if self.point else f"at {self.at:.3f} s, worker {self.slot}"
        return f"{self.kind} {where}" + (f", {self.seconds:g} s" if self.seconds else "")


@dataclass(frozen=True, slots=True)
class Append:
    """A record that a source appends at `at` (s). `hold`: seconds its transaction stays open; None: without one."""

    at: float
    key: bytes
    value: bytes | None
    hold: float | None = None
    aborted: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    seed: int
    workers: int
    static: bool
    """Workers have instance ids: a quick restart is no rebalance."""
    small: bool
    """The worker's limits (records in a transaction, timers in a slice) are tiny, so that all of them are met."""
    guard: int
    """`fire_guard`, ms; the clocks of partition leaders differ by as much."""
    settle: int
    lateness: int
    """`allowed_lateness`, ms; state is kept as long."""
    drag: float
    sets: tuple[tuple[float, int], ...]
    """Policy sets on their topic: when published (s), and which variant. Empty: workers have a file."""
    appends: tuple[Append, ...]
    faults: tuple[Fault, ...]
    ends: float
    """Seconds after which nothing bad happens any more."""


class Faults:
    """A plan's faults while it runs."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        faults = list(faults)
        self.machines = sorted((one for one in faults if not one.point), key=lambda one: one.at)
        self.fired: list[Fault] = []
        self.outage_until = 0.0
        self.quiet = False
        """Nothing bad happens any more."""
        self.passed: Counter[str] = Counter()
        self._points = {(one.point, one.nth): one for one in faults if one.point}

    def at(self, point: str) -> Fault | None:
        """The fault that comes now that `point` is passed once more."""
        passed = self.passed
        passed[point] += 1
        passed[EVERYWHERE] += 1
        if self.quiet:
            return None
        fault = self._points.get((point, passed[point])) or self._points.get((EVERYWHERE, passed[EVERYWHERE]))
        if fault is not None:
            self.fired.append(fault)
        return fault
