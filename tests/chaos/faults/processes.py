"""Processes that die or freeze: at random, at each step of a transaction, and past the session's time."""

from __future__ import annotations

import asyncio
import signal

from tests.chaos.arena import Arena, Fault
from tests.chaos.programs.dying_worker import STEPS
from tests.worker_support import WorkerProcess, eventually

DYING = ("-m", "tests.chaos.programs.dying_worker")


async def _finish(arena: Arena, *flags: str) -> None:
    last = arena.worker(*flags)
    await last.ready()
    await arena.settle(last)


async def kills(arena: Arena) -> None:
    """SIGKILL at random moments; static membership, so the next start goes on at once."""
    async with arena.load():
        for _ in range(arena.rounds):
            worker = arena.worker("--instance-id=only")
            await worker.ready()
            await asyncio.sleep(arena.chance.uniform(0.0, 1.5))  # the moment is the point
            assert worker.code is None, worker.log()
            arena.strike()
            worker.kill()
        await _finish(arena, "--instance-id=only")


async def transaction_steps(arena: Arena) -> None:
    """SIGKILL before and after each call that a transaction is made of."""
    async with arena.load():
        for _ in range(arena.rounds):
            for step in STEPS:
                number = arena.chance.randint(2, 8)
                worker = arena.worker("--instance-id=only", program=DYING, DIE_AT=f"{step}:{number}")
                assert await worker.ended(60) == -signal.SIGKILL, worker.log()
                arena.strike()
        await _finish(arena, "--instance-id=only")


async def frozen(arena: Arena) -> None:
    """SIGSTOP until another has taken over; awake again, the zombie commits nothing."""
    async with arena.load():
        other = await arena.worker().ready()
        for _ in range(arena.rounds):
            zombie = await arena.worker().ready()
            await eventually(lambda: _owned(zombie) == 2 == _owned(other), "two partitions each")  # noqa: B023
            zombie.signal(signal.SIGSTOP)
            arena.strike()
            await eventually(lambda: _owned(other) == 4, "the other has taken over", 40)
            zombie.signal(signal.SIGCONT)
            await eventually(lambda: zombie.code is not None or _owned(zombie) == 2, "left or begun anew", 40)  # noqa: B023
            assert zombie.code in (None, 3), zombie.log()
            zombie.kill()
            await eventually(lambda: _owned(other) == 4, "the other alone again", 40)
        await arena.settle(other)


def _owned(worker: WorkerProcess) -> float | None:
    """Partitions at work; None when it cannot be asked just now."""
    try:
        return worker.metric("sla_partitions_ready")
    except OSError:
        return None


FAULTS = (
    Fault("kill -9 of the worker", kills, short=10, long=200),
    Fault("kill -9 at each step of a transaction", transaction_steps, short=1, long=10),
    Fault("SIGSTOP past the session", frozen, short=1, long=5),
)
