"""A request's way to the broker and back. What happens on it is drawn from the seed, or said by the plan's faults.

A request that is on its way arrives, whatever becomes of its sender: that is how a commit can succeed that nobody
waits for any more.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context
from typing import TYPE_CHECKING, Any

from aiokafka.errors import KafkaError, RequestTimedOutError

from tests.simulation.loop import SimulatedLoop, pass_time
from tests.simulation.plan import Fault, Faults

if TYPE_CHECKING:
    from tests.simulation.worker import Process

OUTSIDE = Context()
"""Where the broker's side of a request runs: it dies with nobody."""

REQUEST_TIMEOUT = 1.0
WRITING = {"send", "produce", "offsets", "end_txn"}


class Wire:
    """The network of one process."""

    def __init__(self, process: Process, loop: SimulatedLoop, chance: random.Random, faults: Faults) -> None:
        self._process = process
        self._loop = loop
        self._chance = chance
        self._faults = faults
        self.writing = 0
        """Requests of transactions that are under way."""
        self.pace = chance.choice((0.0004, 0.001, 0.003))
        """Seconds a usual leg takes."""

    def leg(self) -> float:
        """Seconds of one way: mostly short, sometimes long."""
        chance = self._chance
        if chance.random() < 0.03:
            return chance.uniform(0.01, 0.15)
        return self.pace * (0.5 + chance.random())

    def some(self, most: int) -> int:
        """How many records an answer brings: few or many."""
        return self._chance.choice((1, 3, most, most))

    async def hop(self, point: str) -> None:
        """A pause inside the process: a thread to be woken, a queue to be worked off."""
        fault = self._hit(point)
        if fault is not None and fault.kind.startswith("kill"):
            await self._die()
        slow = fault.seconds if fault is not None and fault.kind.startswith("slow") else 0.0
        with self._counted(point):
            await pass_time(self._chance.random() * self.pace + slow)

    async def ask(self, point: str, serve: Callable[[], Any]) -> Any:
        """The answer of `serve`, which runs at the broker and may return a future. KafkaError if a fault has it so."""
        process = self._process
        if not process.alive:
            return None
        fault = self._hit(point)
        kind = fault.kind if fault is not None else ""
        if kind == "kill_before":
            await self._die()
        answer: asyncio.Future[Any] = self._loop.create_future()
        there, back = self.leg(), self.leg()
        if fault is not None and kind in ("slow_there", "orphaned", "usurped"):
            there += fault.seconds
        elif fault is not None and kind == "slow_back":
            back += fault.seconds

        def arrive() -> None:
            if kind == "refused":
                self._later(back, _fail, answer, KafkaError(f"{point} refused"))
                return
            try:
                found = serve()
            except Exception as error:
                self._later(back, _fail, answer, error)
                return
            if isinstance(found, asyncio.Future):
                found.add_done_callback(served, context=OUTSIDE)
            else:
                returns(found)

        def served(found: asyncio.Future[Any]) -> None:
            error = found.exception()
            if error is not None:
                self._later(back, _fail, answer, error)
            else:
                returns(found.result())

        def returns(found: Any) -> None:
            if kind == "lost":
                self._later(REQUEST_TIMEOUT, _fail, answer, RequestTimedOutError(f"no answer to {point}"))
            elif kind == "kill_after":
                self._later(back, process.kill, f"killed when {point} was answered")
            else:
                self._later(back, _answer, answer, found)

        self._later(max(there, self._faults.outage_until - self._loop.instant), arrive)
        if kind == "usurped":
            process.lose_membership()
        if kind in ("kill_sent", "orphaned"):
            await self._die()
        with self._counted(point):
            return await answer

    @contextmanager
    def _counted(self, point: str) -> Iterator[None]:
        self.writing += point in WRITING
        try:
            yield
        finally:
            self.writing -= point in WRITING

    def _hit(self, point: str) -> Fault | None:
        fault = self._faults.at(point)
        if fault is not None:
            self._process.suffered.append(fault)
        return fault

    async def _die(self) -> None:
        self._process.kill("killed by the plan")
        await self._loop.create_future()

    def _later(self, seconds: float, do: Callable[..., Any], *what: Any) -> None:
        self._loop.call_later(seconds, do, *what, context=OUTSIDE)


def _answer(answer: asyncio.Future[Any], found: Any) -> None:
    if not answer.done():
        answer.set_result(found)


def _fail(answer: asyncio.Future[Any], error: BaseException) -> None:
    if not answer.done():
        answer.set_exception(error)
        answer.exception()  # the asker may have died meanwhile, and that is no oversight
