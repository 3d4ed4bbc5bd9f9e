"""One worker process: the product's own partitions, assignment and fetch loop, with a membership as Faust keeps it.

A rebalance goes as with Faust on aiokafka: the flow stops, partitions stop, join, a new assignment with positions from
the committed offsets, partitions start, the flow goes on. A fetch that was under way all that time goes on with the new
assignment and moves its positions, although nobody will take what it brings.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine, Mapping
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, NoReturn

from sla_stream.worker.assignment import STOP_GRACE, Assignment
from sla_stream.worker.fetching import Delivery, fetch_once
from sla_stream.worker.inbox import Batch
from sla_stream.worker.partition import Partition
from sla_stream.worker.shared import Shared
from tests.simulation.clients import LogEnds, Producer, Reader
from tests.simulation.group import HEARTBEAT
from tests.simulation.log import Read
from tests.simulation.loop import OWNER, Owner, pass_time
from tests.simulation.plan import Fault
from tests.simulation.policies import Feed
from tests.simulation.wire import OUTSIDE, Wire

if TYPE_CHECKING:
    from tests.simulation.world import World

FETCH_MAX_WAIT = 0.1
NO_FLOW = 0.02


class ProcessEnded(BaseException):
    """What `fail` raises; nothing of the process runs after it."""


class BrokerTime:
    """The broker's time as a worker knows it: never ahead of it, a little behind."""

    virtual = False

    def __init__(self, world: World, behind: int, off: int) -> None:
        """`behind`: ms at most. `off`: ms by which the machine's own clock is wrong."""
        self._world = world
        self._off = off
        self._behind = behind
        self._last = 0

    def now(self) -> int:
        self._last = max(self._last, self._world.broker.now() - self._world.chance.randrange(self._behind + 1))
        return self._last

    def wall(self) -> int:
        """What the machine's own clock shows, which nothing may rely on."""
        return self._world.broker.now() + self._off


class Process(Owner):
    """A worker from its start to its end. `slot` names the place that a successor takes."""

    def __init__(self, world: World, slot: int, number: int) -> None:
        super().__init__()
        self.slot = slot
        self.name = f"worker {slot}.{number}"
        self.suffered: list[Fault] = []
        """The faults that hit it."""
        self.instance_id = f"static-{slot}" if world.plan.static else None
        self.instance_taken = False
        self.generation = 0
        """As it was told."""
        self.flowing = False
        self.ended: str | None = None
        chance = random.Random(world.chance.random())
        self._world = world
        self._chance = chance
        self._clock = BrokerTime(world, chance.choice((0, 3, 30)), chance.choice((0, 0, -3_600_000, 3_600_000)))
        self.wire = Wire(self, world.loop, chance, world.faults)
        self._feed = Feed(world.published)
        self._positions: dict[int, int] = {}
        self._reassigning = False
        self._deliveries: asyncio.Queue[Delivery] = asyncio.Queue()
        self._stopping = False
        self.assignment = Assignment(self._shared(world))

    def _shared(self, world: World) -> Shared:
        return Shared(
            settings=world.settings,
            policies=self._feed,
            clock=self._clock,
            connections=self,
            end_offsets=LogEnds(self.wire, world.broker),
            metrics=world.metrics,
            routes=world.routes,
            fire_guard=world.plan.guard,
            fail=self.fail,
            read_committed=self._read_committed,
        )

    # --- connections

    def producer(self, partition: int) -> Any:
        world = self._world
        return Producer(
            self.wire, world.broker, world.settings.transactional_id(partition), lambda: world.hold(self, partition)
        )

    def reader(self, partition: int) -> Any:
        return Reader(self.wire, self._world.broker)

    async def _read_committed(self, partition: int) -> int | None:
        place, committed = (self._world.input, partition), self._world.broker.committed
        found: int | None = await self.wire.ask("committed", lambda: committed.get(place))
        return found

    # --- life and death

    def start(self) -> None:
        for coroutine in (self._membership(), self._fetching(), self._conducting()):
            self.run(coroutine)

    def run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """As a task of the process."""
        context = copy_context()
        context.run(OWNER.set, self)
        self._world.loop.create_task(coroutine, context=context)

    def kill(self, why: str) -> None:
        """SIGKILL."""
        if self.alive:
            self.alive = False
            self.waiting.clear()
            self.ended = why
            self._world.note(f"{self.name} ends: {why}")
            self._world.succeed(self)

    def fail(self, why: str, error: BaseException | None) -> NoReturn:
        """The process ends itself."""
        if self.alive and not isinstance(error, ProcessEnded):
            self._world.judge_end(self, why, error)
            self.kill(f"{why}: {error!r}")
        raise ProcessEnded(why)

    async def hear_of_policies(self) -> None:
        """What follows the policies topic has read on."""
        await pass_time(self._chance.choice((0.0, 0.05, 0.5, 3.0)))
        self._feed.published[:] = self._world.published
        self.assignment.wake()

    def lose_membership(self) -> None:
        """The group takes it for dead and goes on without it, which it will learn by its next heartbeat."""
        self._world.group.leave(self)

    async def shut_down(self) -> None:
        """As on SIGTERM."""
        self._stopping = True
        self._world.note(f"{self.name} is asked to stop")
        await self.assignment.stop(STOP_GRACE)
        await self.wire.ask("leave", lambda: self._world.group.leave(self))
        await self.assignment.close()
        self.kill("stopped")

    # --- membership

    async def _membership(self) -> None:
        group = self._world.group
        while not self._stopping:
            self._reassigning = True
            self.generation, numbers = await self.wire.ask("join", lambda: group.join(self))
            committed, place = self._world.broker.committed, self._world.input
            self._positions = {number: committed.get((place, number), 0) for number in numbers}
            self._reassigning = False
            await self.wire.hop("assigned")
            if self._stopping:
                return
            self._world.note(f"{self.name} has {numbers} in generation {self.generation}")
            self.assignment.assign(numbers, self.generation)
            await self.wire.hop("resume")
            self.flowing = True
            await self._until_rebalance()
            self.flowing = False
            if not self._stopping:
                await self.assignment.revoke()

    async def _until_rebalance(self) -> None:
        going_on = True
        while going_on and not self._stopping:
            await pass_time(HEARTBEAT)
            try:
                going_on = await self.wire.ask("heartbeat", lambda: self._world.group.heartbeat(self))
            except Exception as error:
                self.fail("fetching failed", error)

    # --- fetching

    async def _fetching(self) -> None:
        while True:
            if not self.flowing:
                await pass_time(NO_FLOW)
                continue
            owned = [one for one in self.assignment.partitions.values() if one.number in self._positions]
            try:
                await fetch_once(self, owned)
            except Exception as error:
                self.fail("fetching failed", error)

    async def fetch(self, wanted: Mapping[int, int | None], timeout: float) -> dict[int, Batch] | None:
        """What the consumer's thread does."""
        await self.wire.hop("thread")
        positions = self._positions
        if not self.flowing or not wanted.keys() <= positions.keys():
            return None
        positions.update({number: offset for number, offset in wanted.items() if offset is not None})
        starts = dict(positions)
        found = await self._fetched(wanted, timeout)
        if self._positions is not positions:
            return None
        return {number: self._batch(found.get(number), starts[number], positions[number]) for number in wanted}

    def _batch(self, read: Read | None, start: int, position: int) -> Batch:
        if read is None:
            return Batch((), start, position, -1, position, 0.0)
        if read.records:
            start = min(start, read.records[0].offset)
        return Batch(read.records, start, position, read.stable, read.highwater, self._clock.wall() / 1000)

    async def _fetched(self, wanted: Mapping[int, int | None], timeout: float) -> dict[int, Read]:
        """Records by partition. Knows of no assignment: while it waits, the positions may be replaced by others."""
        loop, seen = self._world.loop, dict[int, Read]()
        until = loop.time() + timeout
        while True:
            while self._reassigning:
                await pass_time(NO_FLOW)
            positions = self._positions
            asked = {number: positions[number] for number in wanted if number in positions}
            answer: dict[int, Read] = await self.wire.ask("fetch", lambda asked=asked: self._read(asked))
            if positions is self._positions:
                seen = answer
                moved = {number: read for number, read in answer.items() if read.end > positions[number]}
                positions.update({number: read.end for number, read in moved.items()})
                if moved:
                    return seen
            if loop.time() >= until:
                return seen

    def _read(self, asked: Mapping[int, int]) -> asyncio.Future[dict[int, Read]]:
        """At the broker: answer when there is something, or after a while."""
        world = self._world
        logs = {number: world.broker.logs[world.input, number] for number in asked}
        most = self.wire.some(50)
        answer: asyncio.Future[dict[int, Read]] = world.loop.create_future()

        def look(last: bool) -> None:
            if answer.done():
                return
            found = {number: log.read(asked[number], most) for number, log in logs.items()}
            if last or any(read.end > asked[number] for number, read in found.items()):
                answer.set_result(found)
                return
            waiter: asyncio.Future[None] = world.loop.create_future()
            waiter.add_done_callback(lambda _: look(last=False), context=OUTSIDE)
            for log in logs.values():
                log.waiters.append(waiter)

        look(last=False)
        if not answer.done():
            world.loop.call_later(FETCH_MAX_WAIT, look, True, context=OUTSIDE)
        return answer

    async def send(self, delivery: Delivery, generation: int) -> None:
        self._deliveries.put_nowait(delivery)

    async def _conducting(self) -> None:
        """Faust's stream and our agent."""
        while True:
            delivery = await self._deliveries.get()
            await self.wire.hop("deliver")
            delivery.arrive()

    @property
    def partitions(self) -> Mapping[int, Partition]:
        return self.assignment.partitions
