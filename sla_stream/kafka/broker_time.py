"""The brokers' time, by our own steady clock: what a worker lives by, whatever its wall clock says.

The broker stamps every record of a LogAppendTime topic. So a small record goes to a private topic every now and then;
its stamp b comes back in the answer, and at that moment the broker's clock shows b or a little more. Hence

    broker time now >= b + time since the answer        (by our monotonic clock, which nobody sets)

and that lower bound is what `now()` says: it may lag by the time an answer takes, and is never ahead, so that no timer
fires early. Of the latest probes the quickest answer counts. Brokers are taken to agree among each other within the
`fire_guard`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from dataclasses import dataclass
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from sla_stream.errors import ConfigError
from sla_stream.formats.settings import Settings
from sla_stream.kafka.admin import Admin
from sla_stream.kafka.clients import REQUEST_TIMEOUT_MS, connection
from sla_stream.kafka.topics import wanted_topic

log = logging.getLogger(__name__)

_MEASURE_EVERY_S: Final = 10.0
_KEPT: Final = 6
_FIRST_PROBES: Final = 4
_LOG_APPEND_TIME: Final = 1
_STEP_MS: Final = 500
"""Probes that contradict each other by more mean that a clock was set; crystals alone drift far less."""


def _steady_ms() -> float:
    """Milliseconds of a clock that only runs. On Linux it also counts the time a machine was suspended."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)) * 1000


@dataclass(frozen=True, slots=True)
class Probe:
    """One measurement: steady clock when sent and answered, the broker's stamp in between; all in ms."""

    sent: float
    answered: float
    stamp: int

    @property
    def low(self) -> float:
        """Broker time minus steady clock is at least this."""
        return self.stamp - self.answered

    @property
    def high(self) -> float:
        """... and at most this; the stamp is cut to whole milliseconds."""
        return self.stamp + 1 - self.sent


class BrokerClock:
    """`now()` never goes back and is never ahead of the broker's clock (unless that is set back)."""

    virtual = False

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topic = settings.topic("clock")
        self._probes: deque[Probe] = deque(maxlen=_KEPT)
        self._offset: float | None = None
        self._last = 0
        self._measuring: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Makes the topic if it is missing, measures, and measures again every 10 s from then on.

        ConfigError when the topic cannot be made, or does not stamp its records.
        """
        async with Admin(self._settings) as admin:
            wanted = wanted_topic(self._settings, "clock")
            await admin.create([wanted])
            await admin.wait_for_leaders({wanted.name: wanted.partitions})
        self._producer = AIOKafkaProducer(
            **connection(self._settings, "clock"),
            acks=1,
            linger_ms=0,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            enable_idempotence=False,
        )
        try:
            await self._producer.start()
            for _ in range(_FIRST_PROBES):  # the first one pays for connecting
                await self.measure()
        except BaseException:
            await self._producer.stop()
            raise
        self._measuring = asyncio.create_task(self._keep_measuring())

    async def stop(self) -> None:
        if self._measuring is not None:
            self._measuring.cancel()
            await asyncio.gather(self._measuring, return_exceptions=True)
            await self._producer.stop()
            self._measuring = None

    def now(self) -> int:
        """Ms since 1970 by the broker's clock. Only after `start`."""
        assert self._offset is not None, "not started"
        self._last = max(self._last, int(_steady_ms() + self._offset))
        return self._last

    @property
    def skew_ms(self) -> int | None:
        """This machine's wall clock minus the broker's; None before the first measurement."""
        if self._offset is None:
            return None
        return round(time.time() * 1000 - (_steady_ms() + self._offset))

    @property
    def silent_s(self) -> float:
        """Seconds since the broker last answered a probe; 0 before the first one."""
        return (_steady_ms() - self._probes[-1].answered) / 1000 if self._probes else 0.0

    async def measure(self) -> Probe:
        """One probe, taken into account. KafkaError when the broker does not answer."""
        sent = _steady_ms()
        answer = await self._producer.send_and_wait(self._topic, b"", partition=0)
        probe = Probe(sent, _steady_ms(), answer.timestamp)
        if answer.timestamp_type != _LOG_APPEND_TIME:
            raise ConfigError(
                f"topic {self._topic}: found message.timestamp.type=CreateTime, expected LogAppendTime "
                "(`sla-stream topics create` makes it so)"
            )
        self.take(probe)
        return probe

    def take(self, probe: Probe) -> None:
        """The bound from here on: that of the quickest of the latest probes, or of this one after a step."""
        if any(probe.low - old.high > _STEP_MS or old.low - probe.high > _STEP_MS for old in self._probes):
            log.warning("the broker's clock and ours have moved against each other; measuring afresh")
            self._probes.clear()
        self._probes.append(probe)
        self._offset = min(self._probes, key=lambda one: one.answered - one.sent).low

    async def _keep_measuring(self) -> None:
        while True:
            await asyncio.sleep(_MEASURE_EVERY_S)
            try:
                await self.measure()
            except KafkaError as error:  # the bound still holds; it only gets staler
                log.warning("the broker's clock could not be measured: %r", error)
