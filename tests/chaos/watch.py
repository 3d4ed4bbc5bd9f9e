"""A read_committed reader that runs through a whole fault, as a notification service would."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from sla_stream.formats.instants import parse_instant
from tests.oracle import ALARMS


@dataclass
class Watch:
    """What arrived, and when."""

    arrivals: list[float] = field(default_factory=list)
    """time.monotonic() of each SLA event."""
    worst_lateness: float = 0.0
    """Seconds from the instant an alarm is about to its arrival, over alarms that no late record brought."""
    retractions: int = 0

    def take(self, value: bytes) -> None:
        event: dict[str, Any] = json.loads(value)
        self.arrivals.append(time.monotonic())
        if event["type"] == "sla.retraction.v1":
            self.retractions += 1
        elif event["type"] in ALARMS and not event["data"]["late_attach"]:
            self.worst_lateness = max(self.worst_lateness, time.time() - parse_instant(event["time"]) / 1000)

    def silence_after(self, since: float, until: float) -> float:
        """The longest time (s) without any arrival that began within [since, until] and has ended."""
        marks = [since, *(each for each in self.arrivals if since < each)]
        gaps = [late - early for early, late in pairwise(marks) if early <= until]
        return max(gaps, default=0.0)


@contextlib.asynccontextmanager
async def watching(kafka: str, topics: list[str]) -> AsyncIterator[Watch]:
    """Read the topics to the end of the block; a broker that is away for a while is no reason to give up."""
    consumer = AIOKafkaConsumer(
        *topics, bootstrap_servers=kafka, isolation_level="read_committed", auto_offset_reset="earliest",
        enable_auto_commit=False, fetch_max_wait_ms=50, retry_backoff_ms=50,
    )  # fmt: skip
    await consumer.start()
    watch = Watch()

    async def read() -> None:
        while True:
            try:
                async for record in consumer:
                    watch.take(record.value)
            except KafkaError:
                await asyncio.sleep(0.1)

    task = asyncio.create_task(read())
    try:
        yield watch
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await consumer.stop()
