"""The ingest worker's Kafka clients: one consumer in the group, and a producer for each source partition."""

from __future__ import annotations

from typing import Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.structs import TopicPartition

from sla_stream.formats.setting_model import Settings
from sla_stream.ingest.shared import group_id, transactional_id
from sla_stream.kafka.clients import connection

REBALANCE_TIMEOUT_MS: Final = 60_000
NEVER_MS: Final = 2**31 - 1


def group_consumer(settings: Settings) -> AIOKafkaConsumer:
    """The group's consumer. Positions are ours (`lane`), and so are commits.

    A partition that is full or paused is not fetched for; that is no reason to leave the group, so the poll
    interval has no limit. A worker that hangs is found by /livez.
    """
    return AIOKafkaConsumer(
        **connection(settings, "ingest"),
        group_id=group_id(settings),
        group_instance_id=settings.instance_id,
        partition_assignment_strategy=[StickyPartitionAssignor],
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="none",
        fetch_max_wait_ms=100,
        max_partition_fetch_bytes=1 << 20,
        session_timeout_ms=settings.session_timeout,
        heartbeat_interval_ms=settings.session_timeout // 3,
        rebalance_timeout_ms=REBALANCE_TIMEOUT_MS,
        max_poll_interval_ms=NEVER_MS,
        request_timeout_ms=max(30_000, settings.session_timeout),
    )


def transactional_producer(settings: Settings, source: TopicPartition) -> AIOKafkaProducer:
    """The one producer of a source partition; starting it fences every earlier one."""
    return AIOKafkaProducer(
        **connection(settings, f"ingest-{source.topic}-{source.partition}"),
        transactional_id=transactional_id(settings, source),
        acks="all",
        linger_ms=0,
        retry_backoff_ms=10,
        max_batch_size=900_000,
        max_request_size=16 << 20,
        transaction_timeout_ms=15_000,
        request_timeout_ms=10_000,
    )
