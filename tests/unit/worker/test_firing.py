"""The end-offset proof: what fires when, and when nobody is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from sla_stream.worker.firing import NO_POLL, OPEN_TRANSACTION_LIMIT, FiringProof, Poll

NOW = 1_767_600_000.0


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
    proof.settle(9, Poll(10, 10, NOW), NO_POLL, True)
    assert proof.proven == 0
    assert proof.pending
    proof.settle(10, Poll(10, 10, NOW), NO_POLL, False)
    assert proof.proven == 1_000
    assert not proof.pending


async def test_the_instant_is_that_of_the_question() -> None:
    broker = Broker(end=0)
    broker.let_go.clear()
    proof = broker.proof()
    assert proof.want(1_000)
    await asyncio.sleep(0)
    assert not proof.want(9_000)
    proof.settle(0, Poll(0, 0, NOW), NO_POLL, True)
    assert proof.proven == 0
    broker.let_go.set()
    await _answered(broker)
    proof.settle(0, Poll(0, 0, NOW), NO_POLL, True)
    assert proof.proven == 1_000
    assert broker.asked == 1


async def test_a_proof_never_goes_back() -> None:
    broker = Broker(end=0)
    proof = broker.proof()
    for instant in (2_000, 1_000):
        broker.woken.clear()
        assert proof.want(instant)
        await _answered(broker)
        proof.settle(0, Poll(0, 0, NOW), NO_POLL, True)
    assert proof.proven == 2_000


LIMIT = OPEN_TRANSACTION_LIMIT


async def _settled(polls: list[Poll], position: int = 5, idle: bool = True) -> bool:
    """Whether the end 10 is given up waiting for after these fetches."""
    broker = Broker(end=10)
    proof = broker.proof()
    proof.want(1_000)
    await _answered(broker)
    gave_up = [
        proof.settle(position, poll, before, idle) for before, poll in zip([NO_POLL, *polls], polls, strict=False)
    ]
    assert proof.proven == (1_000 if any(gave_up) else 0)
    return any(gave_up)


@pytest.mark.parametrize(
    ("stable", "sent_after", "idle", "fires"),
    [
        (5, LIMIT, True, True),
        (5, LIMIT - 0.1, True, False),  # not yet
        (5, LIMIT, False, False),  # fetched records wait: a backlog
        (8, LIMIT, True, False),  # committed records are still to come: a backlog
        (5, -60.0, True, False),  # the clock was set back
    ],
)
async def test_an_open_source_transaction_is_waited_for_but_not_for_ever(
    stable: int, sent_after: float, idle: bool, fires: bool
) -> None:
    """The third fetch was sent when the second one had arrived."""
    polls = [Poll(5, 10, NOW), Poll(5, 10, NOW + sent_after), Poll(stable, 10, NOW + sent_after + 0.1)]
    assert await _settled(polls, idle=idle) is fires


async def test_a_fetch_that_took_long_is_no_open_transaction() -> None:
    """It shows the log as it was when the broker answered: what came since is missing, and nothing is hidden."""
    assert not await _settled([Poll(5, 5, NOW), Poll(5, 5, NOW + 60.0), Poll(5, 5, NOW + 120.0)])


async def test_a_fetch_that_took_long_does_not_make_a_transaction_old() -> None:
    """The transaction was seen open; that it still was when the second fetch arrived, nobody has said."""
    assert not await _settled([Poll(5, 10, NOW), Poll(5, 10, NOW + 60.0)])


async def test_after_a_step_of_the_clock_waiting_begins_anew() -> None:
    back = NOW - 3_600.0
    polls = [Poll(5, 10, NOW), *(Poll(5, 10, back + second) for second in (0.0, 1.0, LIMIT - 0.1, LIMIT))]
    assert not await _settled(polls)
    assert await _settled([*polls, Poll(5, 10, back + LIMIT + 1.0)])


async def test_a_failed_question_is_raised_at_the_next() -> None:
    async def broken() -> int:
        raise ConnectionError("gone")

    proof = FiringProof(broken, lambda: None)
    assert proof.want(1)
    await asyncio.sleep(0)
    with pytest.raises(ConnectionError):
        proof.want(2)
