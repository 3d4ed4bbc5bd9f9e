"""Topics that change under the workers: partitions added. Refused, with what to do."""

from __future__ import annotations

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from tests.chaos.arena import Arena, Fault
from tests.worker_support import WorkerProcess


def _last_words(worker: WorkerProcess) -> str:
    return "\n".join(str(line) for line in worker.lines)


async def added(arena: Arena) -> None:
    """More partitions: keys would move away from their state. The next start refuses, and says what to do."""
    cluster = arena.cluster
    name = cluster.settings.topic("ticket_events")
    worker = await arena.worker("--instance-id=only").ready()
    async with arena.load():
        await worker.until(lambda: worker.metric("sla_outputs_total") > 50, "SLA events")
    await cluster.until_all_said()
    assert (await worker.stop())[0] == 0
    admin = AIOKafkaAdminClient(bootstrap_servers=cluster.kafka)
    await admin.start()
    try:
        await admin.create_partitions({name: NewPartitions(cluster.partitions + 1)})
    finally:
        await admin.close()
    arena.strike()
    refused = arena.worker("--instance-id=only")
    assert await refused.ended() == 2, refused.log()
    words = _last_words(refused)
    assert name in words and "partition" in words, words
    arena.notes.append("refused, exit 2: " + _reason(refused))


def _reason(worker: WorkerProcess) -> str:
    texts = [str(line.get("text") or line.get("why") or line.get("error") or "") for line in worker.lines]
    return " ".join(text for text in texts if text)[:200]


FAULTS = (Fault("partitions added", added, short=1, long=1),)
