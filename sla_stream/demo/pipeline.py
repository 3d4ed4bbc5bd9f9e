"""The whole job on one machine: ground, worker, reader and feeder, begun in that order and ended in the other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Final

from sla_stream.demo.children import Child
from sla_stream.demo.feeder import Feeder, Pace
from sla_stream.demo.gauges import Gauges, WorkerEndpoint
from sla_stream.demo.ground import Ground, lay_ground
from sla_stream.demo.history import HistoryEvent, cut, live_shift, read_history, restamp
from sla_stream.demo.line import line
from sla_stream.demo.options import Options
from sla_stream.demo.progress import Progress
from sla_stream.demo.screen import Screen, make_screen
from sla_stream.demo.waiting import Interrupted, first_of, interruptible, until
from sla_stream.errors import SlaStreamError
from sla_stream.formats.policy_file import load_policies
from sla_stream.kafka.feed import Feed, Follower
from sla_stream.worker.clock import SharedClock

PROGRESS_EVERY_S: Final = 0.25


class WorkerEnded(SlaStreamError):
    """The demo's worker ended although nobody asked it to."""


async def run_demo(options: Options) -> int:
    """Runs to the end of the history (0) or to Ctrl-C (130). Raises ConfigError before anything is started."""
    load_policies(str(options.policies))
    with make_screen() as screen:
        try:
            async with interruptible(screen.say), lay_ground(options, screen.say) as ground:
                await Demo(options, ground, screen).run()
        except Interrupted:
            return 130
    return 0


class Demo:
    """One run on laid ground."""

    def __init__(self, options: Options, ground: Ground, screen: Screen) -> None:
        self._options = options
        self._ground = ground
        self._screen = screen
        self._progress = Progress()
        self._gauges = Gauges()

    async def run(self) -> None:
        """To the last word about the last event. Raises WorkerEnded if the worker ends before."""
        settings = self._ground.settings
        events, start = self._events()
        clock = None if self._options.live else SharedClock.create(self._ground.directory / "clock", start - 1)
        async with (
            Feed(settings, settings.topic("ticket_events")) as feed,
            Follower(settings, [settings.topic(role) for role in ("warnings", "breaches", "outcomes")]) as follower,
            WorkerEndpoint(settings.listen[1]) as endpoint,
        ):
            now = Pace(start - 1, self._options.speed) if clock else wall_clock
            feeder = Feeder(events, feed, now, clock.set if clock else lambda instant: None)
            if clock is None:
                # all of it before the worker lives: one that reads the log to its end takes it for the present
                self._screen.say("appending the weeks of history that come before now")
                await feeder.catch_up()
            async with self._worker(clock) as worker:
                await first_of(
                    self._play(feeder, follower, endpoint),
                    self._show(follower),
                    self._watch(feeder, endpoint),
                    self._mourn(worker),
                )

    def _events(self) -> tuple[Iterator[HistoryEvent], int]:
        """The events to play and the instant of the first."""
        start = next(read_history()).at
        events = cut(read_history(), self._options.events, self._options.until)
        if not self._options.live:
            return events, start
        shift = live_shift(start, wall_clock())
        return restamp(events, shift), start + shift

    @asynccontextmanager
    async def _worker(self, clock: SharedClock | None) -> AsyncIterator[Child]:
        arguments = ["--config", str(self._ground.config)]
        if clock is not None:
            arguments += ["--clock", str(clock.path)]
        worker = Child("sla_stream.demo.worker", arguments, self._ground.directory / "worker.log")
        try:
            await worker.start()
            yield worker
        finally:
            await worker.stop()

    async def _play(self, feeder: Feeder, follower: Follower, endpoint: WorkerEndpoint) -> None:
        await until(endpoint.ready)
        self._screen.say(self._opening())
        await feeder.run(self._options.until)
        end = max(self._options.until or 0, feeder.at)

        async def nothing_left() -> bool:
            gauges = await endpoint.gauges()
            return (
                gauges is not None
                and gauges.events >= feeder.appended
                and (gauges.next_due is None or gauges.next_due >= end)
            )

        await until(nothing_left)
        await until(follower.caught_up)
        self._gauges = await endpoint.gauges() or self._gauges
        self._screen.say(f"end: {self._progress.text(self._gauges, feeder.appended, end)}")

    def _opening(self) -> str:
        if self._options.live:
            return "worker ready; it goes through the past at once, and then lives with us. Ctrl-C ends it."
        return f"worker ready; {self._options.speed:,g} seconds of history pass in one. Ctrl-C ends it."

    async def _show(self, follower: Follower) -> None:
        async for record in follower.records():
            if record.value is not None:
                shown = line(record.value)
                self._progress.said[shown.kind] += 1
                self._screen.event(shown)

    async def _watch(self, feeder: Feeder, endpoint: WorkerEndpoint) -> None:
        while True:
            await asyncio.sleep(PROGRESS_EVERY_S)
            if feeder.appended and feeder.reached is not None:
                self._gauges = await endpoint.gauges() or self._gauges
                self._screen.progress(self._progress.text(self._gauges, feeder.appended, feeder.reached))

    async def _mourn(self, worker: Child) -> None:
        code = await worker.wait()
        raise WorkerEnded(f"the demo's worker ended with exit code {code}:\n{worker.last_words()}")


def wall_clock() -> int:
    """Now, ms."""
    return time.time_ns() // 1_000_000
