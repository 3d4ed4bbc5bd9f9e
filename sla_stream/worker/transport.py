"""The only module that reaches into Faust and aiokafka internals. Everything it overrides or touches:

Faust (faust-streaming 0.15.3)
  Transport.Consumer                    names our consumer
  Consumer._new_consumer_thread         our thread
  Consumer.on_partitions_revoked        our partitions stop first, then Faust's own
  Consumer.on_partitions_assigned       our partitions start, then Faust's own
  Consumer._drain_messages              the fetch loop: whole batches, with positions, in one sequence with seeks
  AIOKafkaConsumerThread._create_worker_consumer   read_committed, short fetches, sticky assignor
  AIOKafkaConsumerThread.on_thread_stop  aiokafka's stop may end in a cancellation that is not ours
  Schema.compile                        passes a batch through as one event
  TableManager.on_start                 without its pause of one second: there are no tables to wait for
  read: Consumer.flow_active, .can_resume_flow, .callback, ._stopped, ._get_active_partitions(), ._thread;
        thread.call_thread(), ._ensure_consumer(); App.consumer_generation_id, .create_event
aiokafka (0.14.0)
  PartitionRecords._consumer_record     becomes the identity: records stay the raw ones of the decoder, which saves
                                        1.8 µs each; so nobody in this process may read topic or partition of a record
  read: consumer._fetcher (fetched_records, _fetch_task, _closed, _subscriptions.fetch_context()),
        consumer._subscription.subscription.assignment (state_value: position, lso, highwater, timestamp),
        consumer._coordinator (check_errors, generation), consumer._client.close()

Why: one record at a time costs 35 times the CPU; Faust's seeks race with its fetches and lose records; its table
recovery never ends on a transactional changelog. `check_internals` fails loudly when the pinned versions change.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import inspect
import logging
from typing import TYPE_CHECKING, Any, Final

import aiokafka
import faust
from aiokafka.consumer.fetcher import Fetcher, PartitionRecords
from aiokafka.consumer.subscription_state import TopicPartitionState
from aiokafka.errors import ConsumerStoppedError
from aiokafka.structs import TopicPartition
from faust.tables.manager import TableManager
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from sla_stream.worker.connections import group_consumer
from sla_stream.worker.fetching import Delivery, fetch_once
from sla_stream.worker.inbox import Batch

if TYPE_CHECKING:
    from collections.abc import Mapping

faust_log = logging.getLogger("faust.sla_stream")
"""Where Faust's services of our own classes say that they start and stop."""

PINNED: Final = {"faust-streaming": "0.15.3", "aiokafka": "0.14.0", "mode-streaming": "0.7.1"}

CHECK_INTERVAL: Final = 1.0
"""Seconds between two looks at the errors that aiokafka keeps to itself."""


def install_raw_records() -> None:
    """Keep aiokafka's decoded records as they are. For the whole process."""
    PartitionRecords._consumer_record = lambda self, tp, record: record


class BatchThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """The thread that owns the group's consumer."""

    logger = faust_log

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        return group_consumer(self.app.settings)

    async def on_thread_stop(self) -> None:
        """Faust's own. Without the broker aiokafka cancels a fetch that waits for its next try, and then passes the
        cancellation on: the thread would end with a traceback, and nobody would hear that it has stopped.
        """
        try:
            await super().on_thread_stop()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            await self._consumer._client.close()

    async def fetch(self, wanted: Mapping[int, int | None], timeout: float) -> dict[int, Batch] | None:
        """Seek where an offset is given, then fetch. None: a rebalance came between, nothing counts."""
        batches: dict[int, Batch] | None = await self.call_thread(self._fetch, dict(wanted), timeout)
        return batches

    async def _fetch(self, wanted: dict[int, int | None], timeout: float) -> dict[int, Batch] | None:
        consumer = self._ensure_consumer()
        fetcher = consumer._fetcher
        if consumer._closed or fetcher._closed:
            raise ConsumerStoppedError
        subscription = consumer._subscription.subscription
        assignment = subscription.assignment if subscription is not None else None
        topic = self.app.input_topic
        tps = {TopicPartition(topic, number): offset for number, offset in wanted.items()}
        if not self.consumer.flow_active or assignment is None or not tps.keys() <= assignment.tps:
            return None
        for tp, offset in tps.items():
            if offset is not None:
                consumer.seek(tp, offset)
        starts = {tp: assignment.state_value(tp).position for tp in tps}
        with fetcher._subscriptions.fetch_context():
            records = await fetcher.fetched_records(list(tps), timeout=timeout)
        if not assignment.active:
            return None
        return {tp.partition: _batch(records.get(tp, ()), starts[tp], assignment.state_value(tp)) for tp in tps}

    async def committed(self, number: int) -> int | None:
        """The group's committed offset."""
        tp = TopicPartition(self.app.input_topic, number)
        offset: int | None = await self.call_thread(self._ensure_consumer().committed, tp)
        return offset


def _batch(records: Any, start: int, state: TopicPartitionState) -> Batch:
    if records:
        start = min(start, records[0].offset)
    return Batch(
        records,
        start,
        state.position,
        state.lso if state.lso is not None else -1,
        state.highwater if state.highwater is not None else state.position,
        (state.timestamp or 0) / 1000,
    )


class BatchConsumer(driver.Consumer):  # type: ignore[misc]
    """Faust's consumer, with our partitions between it and the agent."""

    logger = faust_log

    def _new_consumer_thread(self) -> BatchThread:
        return BatchThread(self, loop=self.loop, beacon=self.beacon)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        self.stop_flow()
        await self.app.assignment.revoke()
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        try:
            topic = self.app.input_topic
            mine = [tp.partition for tp in assigned if tp.topic == topic]
            self.app.assignment.assign(mine, generation_id)
        except Exception as error:
            self.app.fail("assignment failed", error)
        await super().on_partitions_assigned(assigned, generation_id)

    async def _drain_messages(self, fetcher: Any) -> None:
        try:
            await self._fetch_loop(fetcher)
        except ConsumerStoppedError as error:
            if not self.app.stopping:
                self.app.fail("the consumer stopped by itself", error)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self.app.fail("fetching failed", error)

    async def _fetch_loop(self, fetcher: Any) -> None:
        checked_at = 0.0
        loop = asyncio.get_running_loop()
        while not (self._stopped.is_set() or fetcher._stopped.is_set()):
            if not self.flow_active:
                await self.wait(self.can_resume_flow)
                continue
            if loop.time() - checked_at > CHECK_INTERVAL:
                checked_at = loop.time()
                self._check_errors()
            self.app.beat()
            await self._fetch_once()

    def _check_errors(self) -> None:
        """Faust fetches below the calls that would raise these; without a look the worker would fall silent."""
        consumer = self._thread._ensure_consumer()
        consumer._coordinator.check_errors()
        if consumer._fetcher._fetch_task.done():
            self.app.fail("the fetch task has died", None)

    async def _fetch_once(self) -> None:
        topic, active = self.app.input_topic, self._get_active_partitions()
        partitions = self.app.assignment.partitions.values()
        await fetch_once(TransportMembership(self), [one for one in partitions if TP(topic, one.number) in active])


class TransportMembership:
    """Faust's consumer as `fetching.Membership`; lives for one round."""

    def __init__(self, consumer: BatchConsumer) -> None:
        self._consumer = consumer

    @property
    def flowing(self) -> bool:
        return bool(self._consumer.flow_active)

    @property
    def generation(self) -> int:
        return int(self._consumer.app.consumer_generation_id)

    async def fetch(self, wanted: Mapping[int, int | None], timeout: float) -> dict[int, Batch] | None:
        thread: BatchThread = self._consumer._thread
        return await thread.fetch(wanted, timeout)

    async def send(self, delivery: Delivery, generation: int) -> None:
        """Through Faust's stream to the agent."""
        topic, number = self._consumer.app.input_topic, delivery.partition.number
        tp, last = TP(topic, number), delivery.batch.end - 1
        message = ConsumerMessage(
            topic, number, last, 0.0, 0, (), None, delivery, None, 0, 0, tp, generation_id=generation
        )
        await self._consumer.callback(message)
        self._consumer._read_offset[tp] = last


class SlaTransport(driver.Transport):  # type: ignore[misc]
    """Faust's transport with our consumer."""

    Consumer = BatchConsumer


class BatchSchema(faust.Schema):  # type: ignore[misc]
    """No decoding: a message's value already is a `Delivery`."""

    def compile(self, app: Any, **options: Any) -> Any:
        create_event = app.create_event

        async def decode(message: Any, *, propagate: bool = False) -> Any:
            return create_event(None, message.value, None, message)

        return decode


class NoTables(TableManager):  # type: ignore[misc]
    """Faust's table manager, which also resumes the flow after a rebalance; of tables it has none."""

    logger = faust_log

    async def on_start(self) -> None:
        await self._update_channels()
        await self.recovery.start()


def check_internals() -> list[str]:
    """What differs from the versions and signatures this module was written for; empty: all is well."""
    problems = [
        f"{name} {importlib.metadata.version(name)} is installed, {wanted} expected"
        for name, wanted in PINNED.items()
        if importlib.metadata.version(name) != wanted
    ]
    for function, parameters in _SIGNATURES:
        found = tuple(inspect.signature(function).parameters)
        if found != parameters:
            problems.append(f"{function.__qualname__} takes {found}, {parameters} expected")
    for owner, attribute in _ATTRIBUTES:
        if not hasattr(owner, attribute):
            problems.append(f"{owner.__name__}.{attribute} is gone")
    return problems


_SIGNATURES: Final[list[tuple[Any, tuple[str, ...]]]] = [
    (driver.Consumer._new_consumer_thread, ("self",)),
    (driver.Consumer.on_partitions_revoked, ("self", "revoked")),
    (driver.Consumer.on_partitions_assigned, ("self", "assigned", "generation_id")),
    (driver.Consumer._drain_messages, ("self", "fetcher")),
    (driver.AIOKafkaConsumerThread._create_worker_consumer, ("self", "transport")),
    (driver.AIOKafkaConsumerThread.on_thread_stop, ("self",)),
    (Fetcher.fetched_records, ("self", "partitions", "timeout", "max_records")),
    (TableManager.on_start, ("self",)),
    (
        faust.Schema.compile,
        ("self", "app", "on_key_decode_error", "on_value_decode_error", "default_propagate"),
    ),
]
_ATTRIBUTES: Final[list[tuple[Any, str]]] = [
    (TableManager, "_update_channels"),
    (driver.Consumer, "_get_active_partitions"),
    (driver.Consumer, "stop_flow"),
    (driver.AIOKafkaConsumerThread, "_ensure_consumer"),
    (driver.AIOKafkaConsumerThread, "call_thread"),
    (TopicPartitionState, "position"),
    (PartitionRecords, "_consumer_record"),
]
