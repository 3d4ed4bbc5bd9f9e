"""The worker's Kafka clients: one consumer in the group, and for each partition a producer and a reader."""

from __future__ import annotations

from typing import Final, Protocol

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor

from sla_stream.formats.setting_model import Settings
from sla_stream.kafka.clients import connection

REBALANCE_TIMEOUT_MS: Final = 60_000
NEVER_MS: Final = 2**31 - 1


def group_consumer(settings: Settings) -> AIOKafkaConsumer:
    """The group's consumer; Faust subscribes it and fetches through it.

    A partition that is full or paused is not fetched for; that is no reason to leave the group, so the poll
    interval has no limit. A worker that hangs is found by /livez.
    """
    return AIOKafkaConsumer(
        **connection(settings, "worker"),
        group_id=settings.group_id,
        group_instance_id=settings.instance_id,
        partition_assignment_strategy=[StickyPartitionAssignor],
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=100,
        max_partition_fetch_bytes=1 << 20,
        session_timeout_ms=settings.session_timeout,
        heartbeat_interval_ms=settings.session_timeout // 3,
        rebalance_timeout_ms=REBALANCE_TIMEOUT_MS,
        max_poll_interval_ms=NEVER_MS,
        request_timeout_ms=max(30_000, settings.session_timeout),
    )


def transactional_producer(settings: Settings, partition: int) -> AIOKafkaProducer:
    """The one producer of an input partition; starting it fences every earlier one."""
    return AIOKafkaProducer(
        **connection(settings, f"partition-{partition}"),
        transactional_id=settings.transactional_id(partition),
        acks="all",
        linger_ms=0,
        retry_backoff_ms=10,
        max_batch_size=900_000,
        max_request_size=8 << 20,
        transaction_timeout_ms=15_000,
        request_timeout_ms=10_000,
    )


def recovery_consumer(settings: Settings, partition: int) -> AIOKafkaConsumer:
    """A reader of no group for a changelog partition."""
    return AIOKafkaConsumer(
        **connection(settings, f"recovery-{partition}"),
        group_id=None,
        isolation_level="read_committed",
        enable_auto_commit=False,
        fetch_max_wait_ms=20,
        max_partition_fetch_bytes=4 << 20,
    )


class Connections(Protocol):
    """How a partition comes to its clients: a broker's, or those of a simulated one."""

    def producer(self, partition: int) -> AIOKafkaProducer:
        """A new transactional producer of this input partition, not yet started."""

    def reader(self, partition: int) -> AIOKafkaConsumer:
        """A new reader of no group for the changelog partition of the same number, not yet started."""


class KafkaConnections:
    """Clients of the configured cluster."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def producer(self, partition: int) -> AIOKafkaProducer:
        return transactional_producer(self._settings, partition)

    def reader(self, partition: int) -> AIOKafkaConsumer:
        return recovery_consumer(self._settings, partition)
