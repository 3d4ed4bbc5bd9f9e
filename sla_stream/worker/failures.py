"""A record that the engine cannot take is remembered across starts, and set aside after three (contract rule 17)."""

from __future__ import annotations

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.structs import TopicPartition

from sla_stream.kafka.transaction import Batches, commit
from sla_stream.observe.logs import get_logger
from sla_stream.worker.table import FAULT_KEY, Fault

log = get_logger(__name__)


async def count_start(
    producer: AIOKafkaProducer, changelog: TopicPartition, group: str, before: Fault | None, offset: int
) -> None:
    """Count the start that the record at `offset` has brought down, in a transaction of its own, before we go.

    What the failed batch had changed in memory is not written: the state stays as it was before it.
    """
    starts = before.starts + 1 if before is not None and before.offset == offset else 1
    batches = Batches(producer)
    batches.add(changelog.topic, changelog.partition, FAULT_KEY, msgspec.msgpack.encode(Fault(offset, starts)))
    log.error("engine.failed", partition=changelog.partition, offset=offset, starts=starts)
    try:
        await commit(producer, batches, None, group, changelog)
    except BaseException as error:
        log.error("engine.failure_not_counted", partition=changelog.partition, error=repr(error))
