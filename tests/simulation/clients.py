"""aiokafka's clients as the worker uses them, with the habits that matter of aiokafka 0.14.

A commit sends what is left, whether every batch got through or not. A failed batch does not fail the transaction. After
a fencing, or an unknown outcome, a producer is beyond repair. Batches of one partition go one after the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from aiokafka.errors import IllegalOperation, KafkaError, ProducerFenced, RequestTimedOutError
from aiokafka.structs import TopicPartition

from tests.simulation.broker import Broker, Place, Record
from tests.simulation.log import Entry, Headers
from tests.simulation.loop import pass_time
from tests.simulation.wire import Wire

FATAL = "fatal"
"""The state of a producer that was fenced, and all that its later calls say."""

BATCH = 40
"""Records in one batch at most."""


class Metadata(NamedTuple):
    """What a send returns."""

    offset: int


class Batch:
    """aiokafka's batch builder."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.closed = False

    def append(
        self, *, timestamp: int | None, key: bytes | None, value: bytes | None, headers: Headers = ()
    ) -> Metadata | None:
        assert not self.closed
        if len(self.records) == BATCH:
            return None
        self.records.append((timestamp, key, value, tuple(headers)))
        return Metadata(len(self.records) - 1)

    def close(self) -> None:
        self.closed = True

    def record_count(self) -> int:
        return len(self.records)


class Producer:
    """A transactional producer."""

    def __init__(self, wire: Wire, broker: Broker, id_: str, holder: Any) -> None:
        self.epoch = -1
        self._wire = wire
        self._broker = broker
        self._id = id_
        self._holder = holder
        self._state = "new"
        self._sends: list[asyncio.Future[Metadata]] = []
        self._offsets: asyncio.Future[None] | None = None
        self._last_in: dict[Place, asyncio.Future[Metadata]] = {}

    async def start(self) -> None:
        while self._state == "new":
            try:
                self.epoch = await self._wire.ask("init", lambda: self._broker.init(self._id, self._holder))
            except RequestTimedOutError:
                continue
            self._state = "ready"

    async def partitions_for(self, topic: str) -> set[int]:
        found: set[int] = await self._wire.ask("metadata", lambda: set(range(self._broker.partitions)))
        return found

    def create_batch(self) -> Batch:
        return Batch()

    async def begin_transaction(self) -> None:
        assert self._state == "ready", self._state
        self._state = "in transaction"
        self._sends, self._offsets, self._last_in = [], None, {}

    async def send_batch(self, batch: Batch, topic: str, *, partition: int) -> asyncio.Future[Metadata]:
        assert self._state == "in transaction", self._state
        await self._wire.hop("send")
        place = (topic, partition)
        sending = asyncio.ensure_future(self._send(place, batch.records, self._last_in.get(place)))
        self._last_in[place] = sending
        self._sends.append(sending)
        return sending

    async def _send(self, place: Place, records: list[Record], before: asyncio.Future[Metadata] | None) -> Metadata:
        if before is not None:
            await asyncio.wait([before])
        first: int = await self._guarded("produce", lambda: self._broker.produce(self._id, self.epoch, place, records))
        return Metadata(first)

    async def send_offsets_to_transaction(self, offsets: Mapping[TopicPartition, Any], group: str) -> None:
        if self._state != "in transaction":
            raise IllegalOperation("not in the middle of a transaction")
        at: dict[Place, int] = {(tp.topic, tp.partition): one.offset for tp, one in offsets.items()}
        self._offsets = asyncio.ensure_future(
            self._guarded("offsets", lambda: self._broker.add_offsets(self._id, self.epoch, at))
        )
        await asyncio.shield(self._offsets)

    async def commit_transaction(self) -> None:
        assert self._state == "in transaction", self._state
        self._state = "committing"
        flushed = [*self._sends, *([self._offsets] if self._offsets is not None else [])]
        if flushed:
            await asyncio.wait(flushed)
        assert self._state == "committing", self._state
        await self._guarded("end_txn", lambda: self._broker.end(self._id, self.epoch, committed=True))
        self._state = "ready"

    async def stop(self) -> None:
        """Lets go without a word: what is open is aborted by the next owner, or by the broker after a while."""
        self._state = "closed"

    async def _guarded(self, point: str, serve: Any) -> Any:
        try:
            return await self._wire.ask(point, serve)
        except ProducerFenced:
            self._state = FATAL
            raise


class Reader:
    """A consumer of no group, for one changelog partition."""

    def __init__(self, wire: Wire, broker: Broker) -> None:
        self._wire = wire
        self._broker = broker
        self._position = 0
        self._open = True

    async def start(self) -> None:
        await self._wire.ask("metadata", lambda: None)

    async def stop(self) -> None:
        self._open = False

    def assign(self, partitions: Collection[TopicPartition]) -> None:
        (self._changelog,) = partitions

    async def beginning_offsets(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        (one,) = partitions
        return {one: await self._wire.ask("begin_offset", lambda: 0)}

    async def end_offsets(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """Read_committed: the last stable offset."""
        (one,) = partitions
        return {one: await self._wire.ask("stable_offset", lambda: self._broker.logs[one].stable)}

    def seek(self, partition: TopicPartition, offset: int) -> None:
        assert partition == self._changelog
        self._position = offset

    async def position(self, partition: TopicPartition) -> int:
        return self._position

    async def getmany(self, partition: TopicPartition, timeout_ms: int) -> dict[TopicPartition, list[Entry]]:
        found = await self._wire.ask(
            "changelog", lambda: self._broker.logs[partition].read(self._position, self._wire.some(60))
        )
        if found is None:
            raise KafkaError("closed")
        if found.end == self._position:
            await pass_time(timeout_ms / 1000)
        self._position = found.end
        return {partition: found.records} if found.records else {}


class LogEnds:
    """Asks for the ends of logs, until it is told."""

    def __init__(self, wire: Wire, broker: Broker) -> None:
        self._wire = wire
        self._broker = broker

    async def latest(self, topic: str, partitions: Collection[int]) -> dict[int, int]:
        while True:
            try:
                found: dict[int, int] = await self._wire.ask(
                    "end_offsets", lambda: {number: self._broker.logs[topic, number].end for number in partitions}
                )
                return found
            except KafkaError:
                await pass_time(0.02)
