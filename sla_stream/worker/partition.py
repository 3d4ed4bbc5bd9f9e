"""One input partition and everything that belongs to it: table, engine, producer, position. Single writer, no locks.

    fence -> changelog -> committed offset -> loop: take what is there, fire what is due, one transaction

`next` is the only truth about the input position. It moves only when a transaction has committed; the transport
seeks to it and hands over batches that say where they start, and a gap ends the process. Anything but success in a
transaction ends the process too: the log knows what happened, this memory does not.
"""

from __future__ import annotations

import asyncio
import gc
import math
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidProducerEpoch, ProducerFenced
from aiokafka.structs import TopicPartition

from sla_stream.core.engine import Engine
from sla_stream.core.sla_events import SlaEvent
from sla_stream.kafka.transaction import Batches, commit
from sla_stream.observe.logs import get_logger
from sla_stream.worker.amendments import Amendments
from sla_stream.worker.failures import count_start
from sla_stream.worker.firing import Firing
from sla_stream.worker.gathering import MAX_EVENTS, GapInInput, Gathering
from sla_stream.worker.inbox import Batch, Inbox
from sla_stream.worker.processing import EngineFailed, Processing
from sla_stream.worker.recovery import Recovered, fence, recover
from sla_stream.worker.shared import Shared
from sla_stream.worker.timers_topic import TimersTopic

log = get_logger(__name__)

FULL: Final = 20_000
"""Records waiting at which a partition is left out of the fetches."""

LAGGING: Final = 5_000
"""Offsets behind the log's end at which the timers topic has to wait."""

FIRE_INTERVAL: Final = 0.02
"""Seconds between two transactions at least while timers fire."""

IDLE_WAIT: Final = 1.0


class Partition:
    """A life: `start`, then `stop` at each rebalance and `start` again while it stays ours, then `close`."""

    def __init__(self, number: int, shared: Shared) -> None:
        self.number = number
        self.epoch = 0
        """Counts the stops; a batch of an earlier epoch is not ours any more."""
        self.next = 0
        self.need_seek = True
        self.ready = False
        self.stopping = False
        self.paused: str | None = None
        self.lag = 0
        self.in_flight = 0
        """Records handed to the stream and not yet arrived here."""
        self._shared = shared
        self._changelog = TopicPartition(shared.settings.topic("changelog"), number)
        self._source = TopicPartition(shared.settings.topic("ticket_events"), number)
        self._inbox = Inbox()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._producer: AIOKafkaProducer | None = None
        self._processing: Processing | None = None
        self._amendments: Amendments | None = None
        self._gathering: Gathering | None = None
        self._changelog_end = 0
        self._last_commit = 0.0
        self._firing = Firing(self._ask_end, self._wake.set, shared.clock, shared.fire_guard, shared.metrics)

    # --- what the transport sees

    @property
    def takes(self) -> bool:
        """Wants to be fetched for."""
        full = self._inbox.records + self.in_flight >= FULL
        return self.ready and not self.stopping and self.paused is None and not full

    @property
    def asks(self) -> bool:
        """Wants to hear of its position even if nothing was fetched."""
        return self._firing.pending

    def deliver(self, batch: Batch) -> None:
        """Take over a fetched batch of the present epoch; a paused partition reads nothing any more."""
        if self.paused is None:
            self._inbox.put(batch)
            self._wake.set()

    def wake(self) -> None:
        """There is something new to look at."""
        self._wake.set()

    # --- life

    def start(self) -> None:
        """Begin, or go on after a rebalance."""
        if self._task is None or self._task.done():
            self.stopping = False
            self._task = asyncio.create_task(self._live(), name=f"partition-{self.number}")

    async def stop(self, grace: float) -> bool:
        """Finish the running transaction, at most `grace` seconds; False if it had to be abandoned."""
        self.stopping = True
        self._wake.set()
        finished = True
        if self._task is not None:
            if not self.ready:
                self._task.cancel()
            _, late = await asyncio.wait([self._task], timeout=grace)
            if late:
                finished = False
                self._task.cancel()
        self.epoch += 1
        self.need_seek = True
        self.in_flight = 0
        self._inbox.clear()
        self._firing.reset()
        return finished

    async def close(self) -> None:
        """Let go of the producer. The partition is not used again."""
        producer, self._producer = self._producer, None
        self.ready = False
        if self.paused is not None:
            self.paused = None
            self._shared.metrics.paused.dec()
        if producer is not None:
            await producer.stop()

    async def _live(self) -> None:
        try:
            if not self.ready:
                await self._recover()
            await self._run()
        except EngineFailed as failed:
            await self._remember_failure(failed)
            self._shared.fail(f"partition {self.number}: {failed}", failed.__cause__)
        except asyncio.CancelledError:
            if not self.stopping:
                self._shared.fail(f"partition {self.number}: cancelled from outside", None)
            raise
        except GapInInput as gap:
            self._shared.fail(f"partition {self.number}: {gap}", None)
        except (ProducerFenced, InvalidProducerEpoch) as error:
            self._shared.fail(f"partition {self.number}: {self._fenced()}", error)
        except BaseException as error:
            self._shared.fail(f"partition {self.number}: {type(error).__name__}", error)

    def _fenced(self) -> str:
        return (
            "another process has taken it over, and nothing of ours was committed since (ProducerFenced): either the "
            "group gave it away while we did not answer, or a second worker runs under our instance id "
            f"{self._shared.settings.instance_id!r} or with `app_id` {self._shared.settings.app_id!r} in another group"
        )

    async def _recover(self) -> None:
        began = asyncio.get_running_loop().time()
        self._producer = await fence(self._shared, self.number)
        found = await recover(self._shared, self.number)
        self._take_over(found)
        seconds = asyncio.get_running_loop().time() - began
        self._shared.metrics.recovery.labels(self.number).set(seconds)
        self.ready = True
        gc.freeze()
        log.info(
            "partition.ready", partition=self.number, position=self.next, seconds=round(seconds, 3),
            open_timers=found.engine.open_timers,
        )  # fmt: skip

    def _take_over(self, found: Recovered) -> None:
        shared, table = self._shared, found.table
        shown_from = table.meta.shown_from if table.meta is not None else 0
        timers = TimersTopic(shared.settings.timers_topic, table.dirty, shown_from)
        processing = Processing(
            shared.settings, self.number, found.engine, shared.routes, shared.metrics, timers, found.adopted
        )
        processing.fault = table.fault
        self._processing = processing
        self._amendments = Amendments(self.number, found.engine, found.adopted, shared.metrics)
        self._gathering = Gathering(self._inbox, self._firing, processing, self._amendments)
        self._changelog_end, self.next = table.end, found.position
        shared.metrics.open_timers.labels(self.number).set(found.engine.open_timers)
        shared.metrics.next_due.labels(self.number).set_function(self._next_due_seconds)

    # --- the loop

    async def _run(self) -> None:
        assert self._amendments is not None
        while not self.stopping:
            self._amendments.adopt(self._shared.policies.published)
            self._firing.settle(self.next, not self._inbox, self._due())
            if not (self._inbox or self._may_fire() or self._timers_due() or self._amendments.pending):
                await self._wait()
                continue
            await self._pace()
            if not self.stopping:
                await self._step()

    def _due(self) -> int | None:
        return self._engine.next_timer()

    def _next_due_seconds(self) -> float:
        due = self._due() if self.ready else None
        return math.inf if due is None else due / 1_000

    @property
    def _engine(self) -> Engine:
        assert self._processing is not None
        return self._processing.engine

    def _may_fire(self) -> bool:
        return self._gathering is not None and self._gathering.may_fire()

    def _timers_due(self) -> bool:
        assert self._processing is not None
        at = self._processing.timers.due_at()
        return at is not None and not self._lagging() and at <= asyncio.get_running_loop().time()

    def _lagging(self) -> bool:
        return self._inbox.records > LAGGING or self.lag > LAGGING

    async def _wait(self) -> None:
        """Until there is input or something is due."""
        self._wake.clear()
        if self._inbox or self.stopping:
            return
        try:
            async with asyncio.timeout(self._patience()):
                await self._wake.wait()
        except TimeoutError:
            pass

    def _patience(self) -> float:
        assert self._processing is not None
        patience = IDLE_WAIT
        at = self._processing.timers.due_at()
        if at is not None and not self._lagging():
            patience = min(patience, max(0.001, at - asyncio.get_running_loop().time()))
        return self._firing.patience(self._due(), patience)

    async def _pace(self) -> None:
        """Group what comes within the commit interval, unless a transaction is full already or an alarm waits."""
        interval = self._shared.settings.commit_interval / 1000
        if self._may_fire():
            interval = min(interval, FIRE_INTERVAL)
        left = self._last_commit + interval - asyncio.get_running_loop().time()
        if left > 0 and self._inbox.records < MAX_EVENTS:
            await asyncio.sleep(left)

    async def _step(self) -> None:
        processing, producer = self._processing, self._producer
        assert processing is not None and producer is not None and self._gathering is not None
        batches = Batches(producer)
        position, events, highwater = await self._gathering.gather(batches, self.next)
        if highwater is not None:
            self.lag = max(0, highwater - position)
            self._shared.metrics.lag.labels(self.number).set(self.lag)
        if processing.poison.exceeded and self.paused is None:
            self._pause(processing)
        outputs = processing.collect(batches)
        now = asyncio.get_running_loop().time()
        processing.save(batches, self._changelog_end, now, self._lagging(), position)
        if batches or events:
            await self._commit(producer, batches, position if events else None)
            self.next = position
            processing.count(outputs, self._shared.clock.now())
            self._observe(outputs, events)
        self.next = position

    def _pause(self, processing: Processing) -> None:
        self.paused = f"partition {self.number} is paused: {processing.poison.exceeded}"
        self._inbox.clear()
        self._shared.metrics.paused.inc()
        log.error(
            "partition.paused", partition=self.number, why=processing.poison.exceeded,
            help="repair the source and restart, or lift the limit: --max-dead-letters 0",
        )  # fmt: skip

    async def _commit(self, producer: AIOKafkaProducer, batches: Batches, position: int | None) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        offset = None if position is None else (self._source, position)
        end = await commit(producer, batches, offset, self._shared.settings.group_id, self._changelog)
        self._changelog_end = end if end is not None else self._changelog_end
        self._last_commit = loop.time()
        self._shared.metrics.transaction.observe(self._last_commit - began)

    def _observe(self, outputs: list[SlaEvent], events: int) -> None:
        metrics = self._shared.metrics
        metrics.events.labels(self.number).inc(events)
        metrics.transaction_events.observe(events)
        metrics.open_timers.labels(self.number).set(self._engine.open_timers)
        log.debug(
            "transaction.committed", partition=self.number, events=events, outputs=len(outputs),
            position=self.next, lag=self.lag,
        )  # fmt: skip

    async def _ask_end(self) -> int:
        ends: dict[int, Any] = await self._shared.end_offsets.latest(self._source.topic, [self.number])
        return int(ends[self.number])

    async def _remember_failure(self, failed: EngineFailed) -> None:
        if self._producer is None or self._processing is None or failed.offset < self.next:
            return
        group, before = self._shared.settings.group_id, self._processing.fault
        await count_start(self._producer, self._changelog, group, before, failed.offset)
