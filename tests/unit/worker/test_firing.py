"""The end-offset proof: what fires when, and when nobody is asked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from sla_stream.worker.firing import OPEN_TRANSACTION_LIMIT, FiringProof


class Broker:
    """Answers with an end offset when it is let go."""

    def __init__(self, end: int) -> None:
        self.end = end
        self.asked = 0
        self.woken = asyncio.Event()
        self.let_go = asyncio.Event()
        self.let_go.set()

    async def ask(self) -> int:
        self.asked += 1
        await self.let_go.wait()
        return self.end

    def proof(self) -> FiringProof:
        ask: Callable[[], Awaitable[int]] = self.ask
        return FiringProof(ask, self.woken.set)


async def _answered(broker: Broker) -> None:
    await asyncio.wait_for(broker.woken.wait(), 5)


async def test_proven_when_the_position_reaches_the_end() -> None:
    broker = Broker(end=10)
    proof = broker.proof()
    assert proof.want(1_000)
    await _answered(broker)
    proof.settle(9, 10, time.time(), True)
    assert proof.proven == 0
    assert proof.pending
    proof.settle(10, 10, time.time(), False)
    assert proof.proven == 1_000
    assert not proof.pending


async def test_the_instant_is_that_of_the_question() -> None:
    broker = Broker(end=0)
    broker.let_go.clear()
    proof = broker.proof()
    assert proof.want(1_000)
    await asyncio.sleep(0)
    assert not proof.want(9_000)
    proof.settle(0, 0, time.time(), True)
    assert proof.proven == 0
    broker.let_go.set()
    await _answered(broker)
    proof.settle(0, 0, time.time(), True)
    assert proof.proven == 1_000
    assert broker.asked == 1


async def test_a_proof_never_goes_back() -> None:
    broker = Broker(end=0)
    proof = broker.proof()
    for instant in (2_000, 1_000):
        broker.woken.clear()
        assert proof.want(instant)
        await _answered(broker)
        proof.settle(0, 0, time.time(), True)
    assert proof.proven == 2_000


@pytest.mark.parametrize(
    ("position", "stable", "later", "idle", "fires"),
    [
        (5, 5, OPEN_TRANSACTION_LIMIT + 0.1, True, True),
        (5, 5, OPEN_TRANSACTION_LIMIT - 0.5, True, False),  # not yet
        (5, 5, OPEN_TRANSACTION_LIMIT + 0.1, False, False),  # fetched records wait: a backlog
        (5, 8, OPEN_TRANSACTION_LIMIT + 0.1, True, False),  # committed records are still to come: a backlog
        (5, 5, -60.0, True, False),  # no answer of the broker since: perhaps it is gone
    ],
)
async def test_an_open_source_transaction_is_waited_for_but_not_for_ever(
    position: int, stable: int, later: float, idle: bool, fires: bool
) -> None:
    broker = Broker(end=10)
    proof = broker.proof()
    proof.want(1_000)
    await _answered(broker)
    gave_up = proof.settle(position, stable, time.time() + later, idle)
    assert gave_up is fires
    assert proof.proven == (1_000 if fires else 0)


async def test_a_failed_question_is_raised_at_the_next() -> None:
    async def broken() -> int:
        raise ConnectionError("gone")

    proof = FiringProof(broken, lambda: None)
    assert proof.want(1)
    await asyncio.sleep(0)
    with pytest.raises(ConnectionError):
        proof.want(2)
