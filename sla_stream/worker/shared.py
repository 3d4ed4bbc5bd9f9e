"""What all partitions of a worker share: configuration, the way to the broker, the way out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NoReturn

from sla_stream.core.engine import EngineSettings
from sla_stream.formats.setting_model import Settings
from sla_stream.kafka.end_offsets import EndOffsets
from sla_stream.observe.metrics import Metrics
from sla_stream.worker.clock import Clock
from sla_stream.worker.policies import PolicyFeed
from sla_stream.worker.processing import Routes

Fail = Callable[[str, BaseException | None], NoReturn]
"""Ends the process: says why and exits with 3. Nothing is repaired in place."""

ReadCommitted = Callable[[int], Awaitable[int | None]]
"""The group's committed offset of an input partition, None when there is none."""


@dataclass(slots=True)
class Shared:
    settings: Settings
    policies: PolicyFeed
    clock: Clock
    end_offsets: EndOffsets
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
