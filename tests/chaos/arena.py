"""Where a fault happens: a cluster's topics, traffic, workers, a watcher; and the row that comes out."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos.load import Load, under
from tests.chaos.verdict import PUBLIC, Verdict, final_verdict
from tests.chaos.watch import Watch, watching
from tests.worker_support import Cluster, Traffic, WorkerProcess, traffic

SILENCE = 20.0
"""Seconds after a fault within which the longest silence counts as its recovery."""


@dataclass
class Arena:
    """What a recipe has in hand. `rounds`: how often it is to strike."""

    cluster: Cluster
    rounds: int
    chance: random.Random
    watch: Watch
    send: Traffic
    long: bool
    directory: Path
    broker: Any = None
    """The broker or brokers of this fault's own, if it has any: what `Fault.broker` gave."""
    struck: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    processes: list[WorkerProcess] = field(default_factory=list)

    def worker(self, *flags: str, **more: Any) -> WorkerProcess:
        """A new worker; killed at the end whatever happens."""
        process = WorkerProcess(self.cluster, *flags, **more)
        self.processes.append(process)
        return process

    def strike(self) -> None:
        """Note that a fault happens now."""
        self.struck.append(time.monotonic())

    def load(self, per_second: int = 100, bad: float = 0.01) -> contextlib.AbstractAsyncContextManager[Load]:
        """Traffic while the block runs."""
        return under(Load(self.send, self.chance.randrange(1 << 30), per_second, bad))

    async def settle(self, worker: WorkerProcess, patience: float = 60.0) -> None:
        """Wait until a worker has read everything."""
        await worker.until(lambda: worker.metric("sla_lag_offsets") == 0, "no lag", patience)


@dataclass(frozen=True)
class Fault:
    """A recipe: strike `rounds` times and leave a worker at work that can finish what is open."""

    name: str
    recipe: Callable[[Arena], Awaitable[None]]
    short: int
    long: int
    cluster: dict[str, Any] = field(default_factory=dict)
    """Arguments of Cluster that differ."""
    patience: float = 60.0
    broker: Callable[[], contextlib.AbstractContextManager[Any]] | None = None
    """Starts a broker of its own (with `bootstrap`), for faults that the others' must not suffer from."""
    steady: bool = True
    """False: not always over in the time it has on a busy machine, so only in the campaign."""


@dataclass
class Row:
    """One line of the campaign's table; times in seconds."""

    fault: str
    rounds: int
    verdict: Verdict
    worst_lateness: float | None
    """None for histories, whose deadlines lie years back."""
    recovery: float | None
    """The longest silence after a strike; None when nothing was struck."""
    seconds: float
    notes: list[str]

    def as_json(self) -> dict[str, Any]:
        return {"green": self.verdict.green, **asdict(self)}


async def strike(fault: Fault, kafka: str, prefix: str, directory: Path, seed: int, *, long: bool = False) -> Row:
    """Run one recipe and judge what it left behind. `kafka` is the broker of all who need none of their own."""
    if fault.broker is None:
        return await _strike(fault, kafka, prefix, directory, seed, long, None)
    with fault.broker() as own:
        return await _strike(fault, own.bootstrap, prefix, directory, seed, long, own)


async def _strike(fault: Fault, kafka: str, prefix: str, directory: Path, seed: int, long: bool, broker: Any) -> Row:
    began = time.monotonic()
    rounds = fault.long if long else fault.short
    cluster = await Cluster(kafka, prefix, directory, **fault.cluster).create()
    if cluster.publishes:
        await cluster.push(cluster.policies)
    topics = [cluster.settings.topic(role) for role in PUBLIC]
    async with watching(kafka, topics) as watch, traffic(cluster) as send:
        arena = Arena(cluster, rounds, random.Random(seed), watch, send, long, directory, broker)
        try:
            await fault.recipe(arena)
            verdict = await final_verdict(cluster, fault.patience)
        finally:
            for process in arena.processes:
                process.kill()
    silences = [watch.silence_after(at, at + SILENCE) for at in arena.struck]
    lateness = None if cluster.history else watch.worst_lateness
    return Row(
        fault.name, rounds, verdict, lateness, max(silences, default=None),
        time.monotonic() - began, arena.notes,
    )  # fmt: skip
