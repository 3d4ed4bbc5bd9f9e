"""How far a consumer group has come."""

from __future__ import annotations

from sla_stream.formats.settings import Settings
from sla_stream.kafka.admin import Admin
from sla_stream.kafka.rights import Right


async def committed_offsets(settings: Settings, group_id: str, topic: str) -> dict[int, int]:
    """The next offset the group will read, by partition of the topic; empty for a group that is not known.

    ConfigError when the cluster does not let us in or look, RetryableError when it does not answer.
    """
    async with Admin(settings) as admin:
        await admin.require([Right("Describe", "group", group_id)])
        offsets = await admin.group_offsets(group_id)
    return {number: offset for (name, number), offset in offsets.items() if name == topic}
