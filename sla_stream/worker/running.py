"""A worker process from start to exit.

    0  stopped by SIGTERM or Ctrl-C: transactions finished (or abandoned after 7 s), group left
    2  wrong configuration: said before anything is touched
    3  a fault: said, and left to the supervisor; whatever was not committed is done again by the next start

Nothing needs the clean way out: a worker may be killed at any instant.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from contextlib import AsyncExitStack, suppress
from typing import Final, NoReturn

from sla_stream.core.policy import PolicySet
from sla_stream.errors import ConfigError
from sla_stream.formats.policy_file import load_policies
from sla_stream.formats.setting_model import Settings
from sla_stream.kafka.broker_time import BrokerClock
from sla_stream.kafka.end_offsets import EndOffsets
from sla_stream.kafka.keys import partition_by_key
from sla_stream.kafka.policy_log import PolicyLog
from sla_stream.observe.health import HealthServer
from sla_stream.observe.logs import get_logger
from sla_stream.observe.metrics import Metrics
from sla_stream.worker.app import SlaApp, create_app
from sla_stream.worker.assignment import STOP_GRACE, Assignment
from sla_stream.worker.clock import Clock
from sla_stream.worker.connections import KafkaConnections
from sla_stream.worker.policies import PolicyFeed, check_policies, end_quietly
from sla_stream.worker.readiness import Readiness
from sla_stream.worker.shared import Shared
from sla_stream.worker.topic_check import TopicFacts, check_topics

log = get_logger(__name__)

OK: Final = 0
FAULT: Final = 3

STOP_LIMIT: Final = 9.5
"""Seconds from the signal to the end, whatever hangs."""

LEAVE_LIMIT: Final = 2.0
"""Seconds for leaving the group and closing connections when a transaction took its time already."""

WATCH_INTERVAL: Final = 0.1


def run_worker(settings: Settings, clock: Clock | None = None) -> int:
    """Run one worker in the foreground until SIGTERM or Ctrl-C; returns the exit code.

    `clock` None: the broker's time. A fault does not return: the process ends with 3.
    Raises ConfigError for a wrong policy file, missing topics, an unreachable cluster, a taken address.
    """
    if not __debug__:
        raise ConfigError("python -O: the Kafka client's state machine is made of asserts; run without -O")
    file = None if settings.policies is None else load_policies(settings.policies)
    code = asyncio.run(_Worker(settings, file, clock).run())
    _flush()
    return code


def _flush() -> None:
    for handler in logging.getLogger().handlers:
        with suppress(Exception):
            handler.flush()
    with suppress(Exception):
        sys.stderr.flush()


def fail(why: str, error: BaseException | None) -> NoReturn:
    """Say why and end the process at once: the log repairs, the supervisor restarts."""
    with suppress(Exception):
        log.critical("worker.fault", why=why, error=repr(error) if error is not None else None, exc_info=error)
    _flush()
    os._exit(FAULT)


class _Worker:
    def __init__(self, settings: Settings, file: PolicySet | None, clock: Clock | None) -> None:
        self._settings = settings
        self._file = file
        self._clock = clock
        self._metrics = Metrics()
        self._stop = asyncio.Event()
        self._ready_said = False

    async def run(self) -> int:
        self._listen_to_signals()
        facts = await check_topics(self._settings)
        async with AsyncExitStack() as stack:
            policies = await self._policies(stack)
            app, readiness = await self._wire(facts, policies, stack)
            health = HealthServer(
                self._settings.listen, self._metrics, live=readiness.not_live, ready=readiness.not_ready
            )
            await stack.enter_async_context(health)
            log.info("worker.starting", group=self._settings.group_id, health_port=health.port)
            starting = asyncio.create_task(app.start())
            following = asyncio.create_task(policies.follow(app.assignment.wake))
            stack.push_async_callback(end_quietly, following)
            await self._watch(app, starting, following, readiness)
            await self._shut_down(app, starting)
        return OK

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal, number)

    def _on_signal(self, number: signal.Signals) -> None:
        if self._stop.is_set():
            return
        log.info("worker.stopping", signal=signal.Signals(number).name)
        self._stop.set()
        last_resort = threading.Timer(STOP_LIMIT, _leave_now)
        last_resort.daemon = True
        last_resort.start()

    async def _policies(self, stack: AsyncExitStack) -> PolicyFeed:
        """What is published by now; ConfigError when it does not go with the file."""
        log_ = await stack.enter_async_context(PolicyLog(self._settings))
        check_policies(self._file, self._settings.policies, log_.history, log_.topic)
        return PolicyFeed(log_, self._file, self._metrics)

    async def _wire(self, facts: TopicFacts, policies: PolicyFeed, stack: AsyncExitStack) -> tuple[SlaApp, Readiness]:
        settings = self._settings
        app = create_app(settings, fail)
        ends = EndOffsets(settings)
        await ends.start()
        stack.push_async_callback(ends.stop)
        clock = self._clock
        broker_clock: BrokerClock | None = None
        if clock is None:
            clock = broker_clock = BrokerClock(settings)
            await broker_clock.start()
            stack.push_async_callback(broker_clock.stop)
        shared = Shared(
            settings=settings,
            policies=policies,
            clock=clock,
            connections=KafkaConnections(settings),
            end_offsets=ends,
            metrics=self._metrics,
            routes={role: partition_by_key(count) for role, count in facts.partitions.items()},
            fire_guard=settings.fire_guard_ms(facts.replication),
            fail=fail,
            read_committed=app.committed,
        )
        app.assignment = Assignment(shared)
        return app, Readiness(app, app.assignment, broker_clock)

    async def _watch(
        self, app: SlaApp, starting: asyncio.Task[None], following: asyncio.Task[None], readiness: Readiness
    ) -> None:
        """Until a signal comes. A crash inside Faust is a fault like any other."""
        while not self._stop.is_set():
            if starting.done() and not starting.cancelled() and starting.exception() is not None:
                fail("the app did not start", starting.exception())
            if following.done() and not following.cancelled():
                fail("the policies topic is not followed any more", following.exception())
            if app.crashed or app.should_stop:
                fail("the app has stopped", app.crash_reason)
            self._observe(app, readiness)
            with suppress(TimeoutError):
                async with asyncio.timeout(WATCH_INTERVAL):
                    await self._stop.wait()

    def _observe(self, app: SlaApp, readiness: Readiness) -> None:
        owned = app.assignment.partitions
        self._metrics.ready.set(sum(one.ready for one in owned.values()))
        if readiness.skew_s is not None:
            self._metrics.skew.set(readiness.skew_s)
        if app.assignment.ready and not self._ready_said:
            self._ready_said = True
            log.info("worker.ready", partitions=sorted(owned), group=self._settings.group_id)

    async def _shut_down(self, app: SlaApp, starting: asyncio.Task[None]) -> None:
        began = asyncio.get_running_loop().time()
        app.stopping = True
        if not await app.assignment.stop(STOP_GRACE):
            log.error("worker.transaction_abandoned", after_s=STOP_GRACE, help="the next start does it again")
        left = STOP_LIMIT - LEAVE_LIMIT - (asyncio.get_running_loop().time() - began)
        try:
            async with asyncio.timeout(max(LEAVE_LIMIT, left) - 0.5):
                await app.stop()
                await app.assignment.close()
        except Exception as error:
            log.warning("worker.left_without_goodbye", error=repr(error))
            _leave_now()
        starting.cancel()
        log.info("worker.stopped")


def _leave_now() -> None:
    _flush()
    os._exit(OK)
