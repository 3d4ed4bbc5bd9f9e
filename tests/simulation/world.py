"""One simulation: a plan played from its first ticket event until everything has come to rest."""

from __future__ import annotations

import asyncio
import functools
import gc
import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aiokafka.errors import ProducerFenced

from sla_stream.core.engine import EngineSettings
from sla_stream.formats.policy_history import PublishedSet
from sla_stream.formats.setting_model import Settings
from sla_stream.kafka.keys import partition_by_key
from sla_stream.observe.metrics import Metrics
from tests.simulation.broker import Broker
from tests.simulation.clients import FATAL
from tests.simulation.group import FencedInstance, Group
from tests.simulation.loop import NothingLeft, SimulatedLoop, pass_time
from tests.simulation.patches import Bug, simulated_surroundings
from tests.simulation.plan import Append, Fault, Faults, Plan
from tests.simulation.policies import published_set
from tests.simulation.wire import OUTSIDE
from tests.simulation.worker import Process

PARTITIONS = 2
PATIENCE = 90.0
"""Seconds after the last fault in which everything must come to rest."""

LAST_DEADLINE = 9.0
"""Seconds after the last ticket event at which the last alarm is due."""

LOOK = 0.5


@functools.cache
def metrics() -> Metrics:
    """One for all: nothing in a worker looks at them."""
    return Metrics()


class Hold(NamedTuple):
    """Who took a transactional id, and by what right."""

    process: Process
    rightful: bool
    """Its partition's owner by the newest generation."""
    generation: int
    """The newest one then."""


@dataclass
class Told:
    """What a simulation tells of itself."""

    problems: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


class World:
    def __init__(self, plan: Plan, loop: SimulatedLoop, talkative: bool = False) -> None:
        self.plan = plan
        self.loop = loop
        self.chance = random.Random(plan.seed)
        self.faults = Faults(plan.faults)
        self.settings = settings(plan)
        topics = list(self.settings.topics.values())
        self.input = self.settings.topic("ticket_events")
        self.broker = Broker(loop, random.Random(plan.seed + 1), topics, PARTITIONS, self._marker_delay)
        self.group = Group(loop, random.Random(plan.seed + 2), PARTITIONS)
        self.published: list[PublishedSet] = []
        """What is on the policies topic."""
        if plan.sets:
            self._publish(0)
        self.metrics = metrics()
        route = partition_by_key(PARTITIONS)
        self.routes = dict.fromkeys(self.settings.topics, route)
        self.engine_settings = EngineSettings(
            allowed_lateness=plan.lateness, settle_for=plan.settle, retain_closed=plan.lateness
        )
        self.told = Told()
        self.processes: list[Process] = []
        self.disturbed = False
        """Something bad has happened to the brokers, and so to everybody."""
        self.talkative = talkative
        self._started = 0

    def close(self) -> None:
        """Nothing that is left in the middle does any more than let go."""
        for process in self.processes:
            process.alive = False
        self.loop.bury()

    def note(self, line: str) -> None:
        if self.talkative:
            self.told.lines.append(f"{self.loop.instant:8.3f} {line}")

    def hold(self, process: Process, partition: int) -> Hold:
        return Hold(process, self.group.owner(partition) is process, self.group.generation)

    # --- processes

    def start(self, slot: int) -> None:
        """A worker in this slot, unless one lives there."""
        if any(one.alive and one.slot == slot for one in self.processes):
            return
        self._started += 1
        process = Process(self, slot, self._started)
        self.processes = [one for one in self.processes if one.alive] + [process]
        self.note(f"{process.name} starts")
        process.start()

    def succeed(self, process: Process) -> None:
        """The supervisor's work."""
        self.loop.call_later(self.chance.choice((0.05, 0.4, 2.0)), self.start, process.slot, context=OUTSIDE)

    def judge_end(self, process: Process, why: str, error: BaseException | None) -> None:
        """A process that ends by itself needs a reason that lies outside of it."""
        if isinstance(error, ProducerFenced) or str(error) == FATAL:
            excused = not self._should_have_known(process, why)
        else:
            excused = bool(process.suffered) or self.disturbed or isinstance(error, FencedInstance | Bug)
        if excused:
            return
        self.told.problems.append(f"{process.name} ended without need: {why}: {error!r}")

    def _should_have_known(self, process: Process, why: str) -> bool:
        """It is the owner, and was fenced by one that was the owner in an earlier generation."""
        partition = int(why.split()[1].rstrip(":"))
        if self.group.owner(partition) is not process or process.generation != self.group.generation:
            return False
        holders = self.broker.transaction(self.settings.transactional_id(partition)).holders
        last = next(hold for hold in reversed(holders) if hold is not None)
        return last.process is not process and last.rightful and last.generation < process.generation

    # --- life

    async def run(self) -> None:
        for slot in range(self.plan.workers):
            self.start(slot)
        disturbing = [asyncio.ensure_future(self._break_machines()), asyncio.ensure_future(self._publish_sets())]
        await self._append()
        await asyncio.gather(*disturbing)
        await pass_time(max(0.0, self.plan.ends - self.loop.instant))
        self._calm_down()
        deadline = self.loop.instant + PATIENCE
        rest = max(self.plan.ends, self._last_append()) + LAST_DEADLINE
        while self.loop.instant < rest or not self._at_rest():
            if self.loop.instant > deadline:
                self.told.problems.append(f"no rest {PATIENCE:.0f} s after the last fault: {self._why_not()}")
                return
            await pass_time(LOOK)

    def _last_append(self) -> float:
        return max((one.at + (one.hold or 0.0) for one in self.plan.appends), default=0.0)

    async def _append(self) -> None:
        ending = []
        for number, one in enumerate(self.plan.appends):
            await pass_time(max(0.0, one.at - self.loop.instant))
            place = (self.input, self.routes["ticket_events"](one.key))
            producer = None if one.hold is None else f"source {number}"
            self.broker.append_input(place, one.key, one.value, producer)
            if one.hold is not None:
                ending.append(asyncio.ensure_future(self._end_source(place, producer, one)))
        if ending:
            await asyncio.wait(ending)

    async def _end_source(self, place: tuple[str, int], producer: Any, one: Append) -> None:
        await pass_time(one.hold or 0.0)
        self.broker.logs[place].mark(producer, not one.aborted, self.broker.now())

    async def _publish_sets(self) -> None:
        for at, variant in self.plan.sets[1:]:
            await pass_time(max(0.0, at - self.loop.instant))
            self._publish(variant)
            self.note(f"policy set {len(self.published)} is published")
            for process in self.processes:
                if process.alive:
                    process.run(process.hear_of_policies())

    def _publish(self, variant: int) -> None:
        after = self.published[-1].published + 1 if self.published else 0
        self.published.append(published_set(variant, len(self.published) + 1, max(after, self.broker.now())))

    async def _break_machines(self) -> None:
        for fault in self.faults.machines:
            await pass_time(max(0.0, fault.at - self.loop.instant))
            self.faults.fired.append(fault)
            self.note(f"fault: {fault}")
            victim = next((one for one in self.processes if one.alive and one.slot == fault.slot), None)
            self._break(fault, victim)

    def _break(self, fault: Fault, victim: Process | None) -> None:
        match fault.kind:
            case "outage":
                self.disturbed = True
                self.faults.outage_until = self.loop.instant + fault.seconds
            case "skew":
                side = self.chance.randrange(PARTITIONS)
                self.broker.skew[side] = self.chance.choice((-1, 0, 1)) * self.plan.guard
            case "compact":
                for number in range(PARTITIONS):
                    self.broker.logs[self.settings.topic("changelog"), number].compact()
            case "rebalance":
                self.group.rebalance()
            case "join":
                self.start(self.plan.workers + fault.slot)
            case "kill" if victim is not None:
                victim.kill("killed by the plan")
            case "stop" if victim is not None:
                victim.run(victim.shut_down())
            case "freeze" if victim is not None and not victim.frozen:
                victim.suffered.append(fault)
                victim.frozen = True
                self.loop.call_later(fault.seconds, self.loop.thaw, victim, context=OUTSIDE)

    def _calm_down(self) -> None:
        self.faults.quiet = True
        self.faults.outage_until = 0.0
        for process in self.processes:
            if process.frozen:
                self.loop.thaw(process)

    def _marker_delay(self) -> float:
        fault = self.faults.at("marker")
        if fault is not None:
            self.disturbed = True
            return fault.seconds
        return self.chance.random() * 0.004

    # --- rest

    def _at_rest(self) -> bool:
        return not self._why_not()

    def _why_not(self) -> str:
        if not self.group.stable:
            return "the group rebalances"
        if not self.broker.decided:
            return "a transaction is open"
        for number in range(PARTITIONS):
            owner = self.group.owner(number)
            if owner is None or not owner.alive or number not in owner.partitions:
                return f"partition {number} has no owner"
            one = owner.partitions[number]
            if owner.wire.writing:
                return f"partition {number} writes"
            if not one.ready:
                return f"partition {number} recovers"
            if one.next != self.broker.logs[self.input, number].end:
                return f"partition {number} is at {one.next} of {self.broker.logs[self.input, number].end}"
            processing = one._processing
            assert processing is not None
            due = processing.engine.next_due()
            if due is not None and due < self.broker.now() - 1_000:
                return f"partition {number} fires nothing"
            if processing.timers.due_at() is not None:
                return f"partition {number} has timers to publish"
        return ""


def settings(plan: Plan) -> Settings:
    return Settings(
        partitions=PARTITIONS,
        settle_for=plan.settle,
        allowed_lateness=plan.lateness,
        retain_closed=plan.lateness,
        fire_guard=plan.guard,
    )


@contextmanager
def simulation(plan: Plan, talkative: bool = False) -> Iterator[World]:
    """A world that has come to its end, to be looked at."""
    loop = SimulatedLoop()
    with ExitStack() as stack:
        stack.callback(gc.unfreeze)  # each recovery freezes what is there
        stack.callback(loop.close)
        world = World(plan, loop, talkative)
        stack.enter_context(simulated_surroundings(world, loop))
        stack.callback(world.close)
        loop.drag = plan.drag
        try:
            loop.run_until_complete(world.run())
        except NothingLeft:
            world.told.problems.append("everybody waits for ever")
        loop.drag = 0.0
        world.told.problems += loop.errors
        yield world
