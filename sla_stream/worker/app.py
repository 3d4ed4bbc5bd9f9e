"""The Faust app: built and wired here, decided nowhere here.

Faust keeps membership, subscription, rebalance callbacks, flow control, fetching, and the agent. Off: its producer, web
server, leader topic, topic declaration, standbys, commits, tables (see `transport` for why).
"""

from __future__ import annotations

import asyncio
from typing import Any

import faust
from faust.app.base import BootStrategy

from sla_stream.formats.setting_model import Settings
from sla_stream.worker.agents import add_ticket_event_agent
from sla_stream.worker.assignment import Assignment
from sla_stream.worker.shared import Fail
from sla_stream.worker.transport import (
    BatchThread,
    NoTables,
    SlaTransport,
    check_internals,
    faust_log,
    install_raw_records,
)

NEVER = 10.0 * 365 * 86_400
"""Seconds; for intervals of Faust's own commits, of which there are none."""


class ConsumingOnly(BootStrategy):  # type: ignore[misc]
    """Without Faust's own producer: partitions have theirs, and this one would not know how to log in."""

    enable_kafka_producer = False


class SlaApp(faust.App):  # type: ignore[misc]
    """A Faust app that knows its partitions."""

    logger = faust_log
    BootStrategy = ConsumingOnly

    settings: Settings
    assignment: Assignment
    input_topic: str
    fail: Fail
    stopping: bool = False
    last_beat: float = 0.0
    """When the fetch loop last went round, monotonic seconds."""

    def beat(self) -> None:
        self.last_beat = asyncio.get_running_loop().time()

    async def committed(self, partition: int) -> int | None:
        """The group's committed input offset."""
        thread: BatchThread = self.consumer._thread
        return await thread.committed(partition)

    def _create_directories(self) -> None:
        """Faust keeps no files here."""


def create_app(settings: Settings, fail: Fail) -> SlaApp:
    """The app, without its `assignment`, which needs a running loop. Fails when pinned internals differ."""
    problems = check_internals()
    if problems:
        fail("the transport does not fit the installed libraries: " + "; ".join(problems), None)
    install_raw_records()
    app = SlaApp(settings.group_id, **_options(settings))
    app.settings = settings
    app.fail = fail
    app.input_topic = settings.topic("ticket_events")
    app.transport = SlaTransport(app.conf.broker_consumer, app)
    add_ticket_event_agent(app)
    return app


def _options(settings: Settings) -> dict[str, Any]:
    return {
        "broker": "kafka://" + settings.kafka.replace(",", ";kafka://"),
        "store": "memory://",
        "TableManager": NoTables,
        "datadir": settings.data_dir or ".",
        "web_enabled": False,
        "topic_allow_declare": False,
        "topic_disable_leader": True,
        "topic_partitions": settings.partitions,
        "table_standby_replicas": 0,
        "stream_wait_empty": False,
        "consumer_auto_offset_reset": "earliest",
        "broker_commit_interval": NEVER,
        "broker_commit_livelock_soft_timeout": NEVER,
        "broker_session_timeout": settings.session_timeout / 1000,
        "broker_request_timeout": max(30.0, settings.session_timeout / 1000),
        "worker_redirect_stdouts": False,
        "autodiscover": False,
    }
