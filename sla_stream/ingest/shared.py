"""What all lanes of an ingest worker share: configuration, routes, schemas, the way out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn

from aiokafka.structs import TopicPartition

from sla_stream.formats.setting_model import Settings
from sla_stream.ingest.metrics import IngestMetrics
from sla_stream.ingest.route import Route
from sla_stream.ingest.schemas import Schemas

Fail = Callable[[str, BaseException | None], NoReturn]
"""Ends the process: says why and exits with 3. Nothing is repaired in place."""


@dataclass(frozen=True, slots=True)
class Targets:
    """Where results go, and how: partitions by key as everywhere. `largest_letter`: bytes that the topic takes."""

    ticket_events: str
    dead_letters: str
    ticket_route: Callable[[bytes], int]
    letter_route: Callable[[bytes], int]
    largest_letter: int


@dataclass(frozen=True, slots=True)
class Shared:
    settings: Settings
    routes: Mapping[str, Route]
    schemas: Schemas
    targets: Targets
    metrics: IngestMetrics
    fail: Fail


def group_id(settings: Settings) -> str:
    """The consumer group of ingest workers; their transactional ids begin with it."""
    return f"{settings.group_id}-ingest"


def transactional_id(settings: Settings, source: TopicPartition) -> str:
    """One for each source partition: whoever starts its producer fences every earlier owner."""
    return f"{group_id(settings)}-{source.topic}-{source.partition}"
