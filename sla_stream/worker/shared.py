"""What all partitions of a worker share: configuration, the way to the broker, the way out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import NoReturn, Protocol

from sla_stream.core.engine import EngineSettings
from sla_stream.formats.setting_model import Settings
from sla_stream.observe.metrics import Metrics
from sla_stream.worker.clock import Clock
from sla_stream.worker.connections import Connections
from sla_stream.worker.policies import PolicyFeed
from sla_stream.worker.processing import Routes

Fail = Callable[[str, BaseException | None], NoReturn]
"""Ends the process: says why and exits with 3. Nothing is repaired in place."""

ReadCommitted = Callable[[int], Awaitable[int | None]]
"""The group's committed offset of an input partition, None when there is none."""


class LogEnds(Protocol):
    """Where partitions end (`kafka.end_offsets`)."""

    async def latest(self, topic: str, partitions: Collection[int]) -> dict[int, int]:
        """The offset after the last record of each, uncommitted included, as of some moment after this call."""


@dataclass(slots=True)
class Shared:
    """Everything outside of the process that a partition sees. Tests put a simulated cluster here."""

    settings: Settings
    policies: PolicyFeed
    clock: Clock
    connections: Connections
    end_offsets: LogEnds
    metrics: Metrics
    routes: Routes
    fire_guard: int
    fail: Fail
    read_committed: ReadCommitted
    engine_settings: EngineSettings = field(init=False)

    def __post_init__(self) -> None:
        chosen = self.settings
        self.engine_settings = EngineSettings(
            allowed_lateness=chosen.allowed_lateness,
            settle_for=chosen.settle_for,
            hold_for=chosen.hold_for,
            publish_from=chosen.publish_from,
            retain_closed=chosen.retain_closed,
        )
