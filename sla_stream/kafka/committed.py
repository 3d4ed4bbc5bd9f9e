"""How far a consumer group has come."""

from __future__ import annotations

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from sla_stream.errors import RetryableError
from sla_stream.formats.settings import Settings
from sla_stream.kafka.clients import connection


async def committed_offsets(settings: Settings, group_id: str, topic: str) -> dict[int, int]:
    """The next offset the group will read, by partition of the topic; empty for a group that is not known."""
    admin = AIOKafkaAdminClient(**connection(settings, "committed"))
    try:
        await admin.start()
        offsets = await admin.list_consumer_group_offsets(group_id)
    except KafkaError as error:
        raise RetryableError(f"group {group_id}: its offsets cannot be read: {error}") from error
    finally:
        await admin.close()
    return {one.partition: at.offset for one, at in offsets.items() if one.topic == topic and at.offset >= 0}
