"""A cluster without a network: logs, the transaction coordinator, committed offsets, and a clock for each leader.

The rules are those of Kafka 4 with transaction version 2: InitProducerId returns when the transaction before is
decided and all its markers are written; EndTxn is answered when the decision is kept, before any marker; nothing of an
old epoch is taken.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka.errors import ProducerFenced

from tests.simulation.log import Headers, Log
from tests.simulation.loop import SimulatedLoop

EPOCH_MS = 1_767_600_000_000
"""The instant at which every simulation begins: Monday 2026-01-05, 08:00 UTC."""

TRANSACTION_TIMEOUT = 15.0

Place = tuple[str, int]
Record = tuple[int | None, bytes | None, bytes | None, Headers]
"""Timestamp (None: now), key, value, headers."""

EMPTY, ONGOING, DECIDED = "empty", "ongoing", "decided"


@dataclass(eq=False, slots=True)
class Transaction:
    """What the coordinator keeps for one transactional id."""

    id: str
    epoch: int = -1
    state: str = EMPTY
    serial: int = 0
    places: list[Place] = field(default_factory=list)
    offsets: dict[Place, int] = field(default_factory=dict)
    waiting: list[asyncio.Future[None]] = field(default_factory=list)
    holders: list[Any] = field(default_factory=list)
    """Who asked for each epoch, by its number; None where the coordinator raised it itself."""

    def fence(self, holder: Any) -> int:
        self.epoch += 1
        self.holders.append(holder)
        return self.epoch


class Broker:
    """All brokers of the cluster, and what they keep."""

    def __init__(
        self,
        loop: SimulatedLoop,
        chance: random.Random,
        topics: Sequence[str],
        partitions: int,
        delay: Callable[[], float],
    ) -> None:
        self.logs: dict[Place, Log] = {(topic, number): Log() for topic in topics for number in range(partitions)}
        self.partitions = partitions
        self.committed: dict[Place, int] = {}
        self.skew: dict[int, int] = dict.fromkeys(range(partitions), 0)
        """How far the clock of a partition's leader is ahead, ms."""
        self.marker_delay = delay
        self._transactions: dict[str, Transaction] = {}
        self._loop = loop
        self._chance = chance

    def now(self) -> int:
        """True time, ms."""
        return EPOCH_MS + int(self._loop.instant * 1000)

    def transaction(self, id_: str) -> Transaction:
        return self._transactions.setdefault(id_, Transaction(id_))

    @property
    def decided(self) -> bool:
        """No worker's transaction is open, or waits for a marker."""
        return all(one.state == EMPTY for one in self._transactions.values())

    # --- producers

    def init(self, id_: str, holder: Callable[[], Any]) -> asyncio.Future[int]:
        """A new epoch, once the transaction before is decided everywhere. An open one is aborted."""
        transaction = self.transaction(id_)
        return self._when_decided(transaction, lambda: transaction.fence(holder()), opens=False)

    def produce(self, id_: str, epoch: int, place: Place, records: Sequence[Record]) -> asyncio.Future[int]:
        """Append in the transaction; the offset of the first record."""
        transaction = self.transaction(id_)

        def append() -> int:
            self._join(transaction, epoch)
            if place not in transaction.places:
                transaction.places.append(place)
            log, now = self.logs[place], self.now()
            first = log.end
            for timestamp, key, value, headers in records:
                log.append(now, now if timestamp is None else timestamp, key, value, headers, producer=id_)
            return first

        return self._when_decided(transaction, append)

    def add_offsets(self, id_: str, epoch: int, offsets: dict[Place, int]) -> asyncio.Future[None]:
        transaction = self.transaction(id_)

        def add() -> None:
            self._join(transaction, epoch)
            transaction.offsets |= offsets

        return self._when_decided(transaction, add)

    def end(self, id_: str, epoch: int, committed: bool) -> None:
        """Decide. Asked again with the same epoch, it is no error."""
        transaction = self.transaction(id_)
        self._check(transaction, epoch)
        if transaction.state == ONGOING:
            self._decide(transaction, committed)

    # --- sources

    def append_input(self, place: Place, key: bytes | None, value: bytes | None, producer: Any = None) -> int:
        """Append with LogAppendTime."""
        now = self.now()
        return self.logs[place].append(now, now + self.skew[place[1]], key, value, producer=producer)

    # --- inside

    def _join(self, transaction: Transaction, epoch: int) -> None:
        self._check(transaction, epoch)
        if transaction.state == EMPTY:
            transaction.state = ONGOING
            transaction.serial += 1
            self._loop.call_later(TRANSACTION_TIMEOUT, self._expire, transaction, transaction.serial)

    def _check(self, transaction: Transaction, epoch: int) -> None:
        if epoch != transaction.epoch:
            raise ProducerFenced(f"{transaction.id}: epoch {epoch}, {transaction.epoch} is the present one")

    def _expire(self, transaction: Transaction, serial: int) -> None:
        if transaction.state == ONGOING and transaction.serial == serial:
            transaction.fence(None)
            self._decide(transaction, committed=False)

    def _decide(self, transaction: Transaction, committed: bool) -> None:
        transaction.state = DECIDED
        left: list[Callable[[], None]] = [
            lambda place=place: self.logs[place].mark(transaction.id, committed, self.now())
            for place in transaction.places
        ]
        if committed and transaction.offsets:
            offsets = dict(transaction.offsets)
            left.append(lambda: self.committed.update(offsets))
        transaction.places, transaction.offsets = [], {}
        self._chance.shuffle(left)
        self._mark_next(transaction, left)

    def _mark_next(self, transaction: Transaction, left: list[Callable[[], None]]) -> None:
        if left:
            self._loop.call_later(self.marker_delay(), self._mark, transaction, left)
            return
        transaction.state = EMPTY
        waiting, transaction.waiting = transaction.waiting, []
        for waiter in waiting:
            waiter.set_result(None)

    def _mark(self, transaction: Transaction, left: list[Callable[[], None]]) -> None:
        left.pop()()
        self._mark_next(transaction, left)

    def _when_decided(
        self, transaction: Transaction, serve: Callable[[], Any], opens: bool = True
    ) -> asyncio.Future[Any]:
        """Serve at once, or after the markers of the transaction before, as retries would have it.

        `opens` False: not even an open transaction is waited for; it is fenced and aborted.
        """
        answer: asyncio.Future[Any] = self._loop.create_future()

        def try_it() -> None:
            if transaction.state == ONGOING and not opens:
                transaction.fence(None)
                self._decide(transaction, committed=False)
            if transaction.state == DECIDED:
                waiter: asyncio.Future[None] = self._loop.create_future()
                waiter.add_done_callback(lambda _: try_it())
                transaction.waiting.append(waiter)
                return
            try:
                answer.set_result(serve())
            except ProducerFenced as error:
                answer.set_exception(error)

        try_it()
        return answer
