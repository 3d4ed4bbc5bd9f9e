"""An ingest worker from start to exit.

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
from pathlib import Path
from typing import Final, NoReturn

from sla_stream.errors import ConfigError
from sla_stream.formats.setting_model import Settings
from sla_stream.ingest.group import STOP_GRACE, Group
from sla_stream.ingest.metrics import IngestMetrics
from sla_stream.ingest.readiness import Readiness
from sla_stream.ingest.registry import Registry
from sla_stream.ingest.route import Route
from sla_stream.ingest.schemas import Schemas
from sla_stream.ingest.shared import Shared, group_id
from sla_stream.ingest.sources_file import load_sources
from sla_stream.ingest.topic_check import check_topics
from sla_stream.observe.health import HealthServer
from sla_stream.observe.logs import get_logger

log = get_logger(__name__)

OK: Final = 0
FAULT: Final = 3

STOP_LIMIT: Final = 9.5
"""Seconds from the signal to the end, whatever hangs."""

LEAVE_LIMIT: Final = 1.5
"""Seconds for leaving the group and closing connections."""

WATCH_INTERVAL: Final = 0.1


def run_ingest(settings: Settings, settings_file: str | None) -> int:
    """Run one ingest worker in the foreground until SIGTERM or Ctrl-C; returns the exit code.

    A fault does not return: the process ends with 3. Raises ConfigError for wrong sources, missing topics, an
    unreachable cluster, a taken address.
    """
    if not __debug__:
        raise ConfigError("python -O: the Kafka client's state machine is made of asserts; run without -O")
    if settings.sources is None:
        raise ConfigError("sources: missing; expected a file of source topics and their mappings (--sources FILE)")
    same = settings_file is not None and Path(settings_file).resolve() == Path(settings.sources).resolve()
    routes = load_sources(settings.sources, with_settings=same)
    if settings.registry_url is None and any(route.value or route.key for route in routes.values()):
        raise ConfigError("registry_url: missing; expected the schema registry's address, since a source needs it")
    code = asyncio.run(_Worker(settings, routes).run())
    _flush()
    return code


def fail(why: str, error: BaseException | None) -> NoReturn:
    """Say why and end the process at once: the log repairs, the supervisor restarts."""
    with suppress(Exception):
        log.critical("worker.fault", why=why, error=repr(error) if error is not None else None, exc_info=error)
    _flush()
    os._exit(FAULT)


class _Worker:
    def __init__(self, settings: Settings, routes: dict[str, Route]) -> None:
        self._settings = settings
        self._routes = routes
        self._metrics = IngestMetrics()
        self._stop = asyncio.Event()
        self._ready_said = False

    async def run(self) -> int:
        self._listen_to_signals()
        settings = self._settings
        targets = await check_topics(settings, list(self._routes))
        async with AsyncExitStack() as stack:
            registry = None
            if settings.registry_url is not None:
                registry = await stack.enter_async_context(Registry(settings))
            group = Group(Shared(settings, self._routes, Schemas(registry), targets, self._metrics, fail))
            readiness = Readiness(group)
            health = HealthServer(settings.listen, self._metrics, live=readiness.not_live, ready=readiness.not_ready)
            await stack.enter_async_context(health)
            log.info("worker.starting", group=group_id(settings), health_port=health.port, topics=list(self._routes))
            await group.start()
            tasks = [asyncio.create_task(group.fetch()), asyncio.create_task(group.watch())]
            await self._watch(group, tasks)
            await self._shut_down(group, tasks)
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

    async def _watch(self, group: Group, tasks: list[asyncio.Task[None]]) -> None:
        """Until a signal comes."""
        while not self._stop.is_set():
            for task in tasks:
                if task.done() and not task.cancelled():
                    fail("a task has ended by itself", task.exception())
            lanes = group.lanes.values()
            self._metrics.ready.set(sum(lane.ready for lane in lanes))
            self._metrics.paused.set(sum(lane.paused is not None for lane in lanes))
            self._metrics.waiting.set(sum(lane.waiting is not None for lane in lanes))
            if group.ready and not self._ready_said:
                self._ready_said = True
                log.info("worker.ready", partitions=len(group.lanes), group=group_id(self._settings))
            with suppress(TimeoutError):
                async with asyncio.timeout(WATCH_INTERVAL):
                    await self._stop.wait()

    async def _shut_down(self, group: Group, tasks: list[asyncio.Task[None]]) -> None:
        if not await group.stop(STOP_GRACE):
            log.error("worker.transaction_abandoned", after_s=STOP_GRACE, help="the next start does it again")
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        try:
            async with asyncio.timeout(LEAVE_LIMIT):
                await group.close()
        except Exception as error:
            log.warning("worker.left_without_goodbye", error=repr(error))
            _leave_now()
        log.info("worker.stopped")


def _leave_now() -> None:
    _flush()
    os._exit(OK)


def _flush() -> None:
    for handler in logging.getLogger().handlers:
        with suppress(Exception):
            handler.flush()
    with suppress(Exception):
        sys.stderr.flush()
