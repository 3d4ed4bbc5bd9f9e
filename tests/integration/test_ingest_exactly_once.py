"""Ingest killed, frozen, joined and left by others in mid-stream: each record's ticket events once, never twice."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition

from tests.ingest_support import Ground, IngestProcess, places, queue_record, source_producer
from tests.source_samples import mapping
from tests.worker_support import Cluster, eventually, workers

pytestmark = [pytest.mark.kafka, pytest.mark.chaos]

TOPICS = {"one": 3, "two": 2}
PER_BURST = 60


class Stream:
    """Traffic that goes on until told to end; a hundredth of it is poison."""

    def __init__(self, ground: Ground) -> None:
        self.sent = 0
        self.poison = 0
        self._ground = ground
        self._over = asyncio.Event()

    @contextlib.asynccontextmanager
    async def flowing(self) -> AsyncIterator[Stream]:
        self._task = asyncio.create_task(self._flow())
        try:
            yield self
        finally:
            await self.end()

    async def end(self) -> None:
        """Returns when everything is acknowledged."""
        self._over.set()
        await self._task

    async def _flow(self) -> None:
        chosen = random.Random(7)
        async with source_producer(self._ground.cluster.kafka) as producer:
            while not self._over.is_set():
                for _ in range(PER_BURST):
                    name = chosen.choice(list(TOPICS))
                    bad = self.sent % 100 == 50
                    value = b"poison" if bad else queue_record(chosen.randrange(97), self.sent)
                    topic, partition = self._ground.topic(name), chosen.randrange(TOPICS[name])
                    await producer.send(topic, value, partition=partition)
                    self.sent += 1
                    self.poison += bad
                await producer.flush()
                await asyncio.sleep(0.02)


async def make(kafka: str, prefix: str, path: Path) -> Ground:
    ground = await Ground(Cluster(kafka, prefix, path), TOPICS).create()
    ground.configure([{"topic": list(TOPICS), "mapping": "own-queue"}], commit_interval="10ms")
    return ground


async def assert_once(ground: Ground, stream: Stream) -> None:
    """Every record was sent once; what is committed must be exactly what the mapping makes of each."""
    await ground.until_read(stream.sent - stream.poison, stream.poison)
    events, letters = await ground.events(), await ground.letters()
    own = mapping("own-queue")
    expected: Counter[bytes] = Counter()
    bad = set()
    for name in TOPICS:
        for record in await ground.source(name):
            if record.value == b"poison":
                bad.add((ground.topic(name), record.partition, record.offset))
            else:
                expected.update(own.map(record.value))
    assert Counter(record.value for record in events) == expected
    assert places(letters) == Counter(bad)
    ground.assert_placed(events)


async def progress(ground: Ground, more: int) -> None:
    """Wait until so many more ticket events are committed."""
    before = len(await ground.events())

    async def grown() -> bool:
        return len(await ground.events()) >= before + more

    await eventually(grown, f"{more} more ticket events", 40, 0.1)


async def test_kill_9_in_mid_stream(kafka: str, prefix: str, tmp_path: Path) -> None:
    ground = await make(kafka, prefix, tmp_path)
    stream = Stream(ground)
    async with stream.flowing():
        for _ in range(3):
            process = IngestProcess(ground, "--instance-id=w1")
            with workers(process):
                await process.ready()
                await progress(ground, 200)
    survivor = IngestProcess(ground, "--instance-id=w1")
    with workers(survivor):
        await survivor.ready()
        await assert_once(ground, stream)
        assert (await survivor.stop())[0] == 0


def awake(zombie: IngestProcess) -> bool:
    """Fenced, and gone; or thrown out of the group, and back in it."""
    return zombie.code == 3 or len(zombie.said("group.assigned")) > 2


async def test_workers_come_and_go_and_a_zombie_commits_nothing(kafka: str, prefix: str, tmp_path: Path) -> None:
    """A second one joins; the first is frozen for longer than its session, replaced by a third, and thawed again while
    its partitions are others'; the second leaves. Partitions move each time.
    """
    ground = await make(kafka, prefix, tmp_path)
    stream = Stream(ground)
    first = IngestProcess(ground)
    with workers(first):
        async with stream.flowing():
            await first.ready()
            second = IngestProcess(ground)
            with workers(second):
                await second.ready()
                await second.until(lambda: second.metric("sla_ingest_partitions_ready") > 0, "its share", 40)
                await progress(ground, 200)
                assert second.metric("sla_ingest_events_total") > 0
                first.signal(signal.SIGSTOP)
                third = IngestProcess(ground)
                with workers(third):
                    await third.ready(40)
                    await third.until(lambda: third.metric("sla_ingest_partitions_ready") > 1, "its share", 40)
                    await progress(ground, 200)
                    first.signal(signal.SIGCONT)
                    await eventually(lambda: awake(first), "the zombie to notice", 40)
                    assert (await second.stop())[0] == 0
                    await progress(ground, 200)
                    await stream.end()
                    await assert_once(ground, stream)


async def test_records_that_retention_took_are_counted_and_another_log_is_noticed(
    kafka: str, prefix: str, tmp_path: Path
) -> None:
    """The position of a worker that was away is not in the log any more: before its beginning, or behind its end."""
    ground = await Ground(Cluster(kafka, prefix, tmp_path), {"one": 1, "two": 1}).create()
    ground.configure([{"topic": ["one", "two"], "mapping": "own-queue"}])
    taken, other = TopicPartition(ground.topic("one"), 0), TopicPartition(ground.topic("two"), 0)
    with workers(process := IngestProcess(ground)):
        async with source_producer(kafka) as producer:
            for number in range(10):
                await producer.send(taken.topic, queue_record(1, number))
            await producer.flush()
            await ground.until_read(10)
            assert (await process.stop())[0] == 0
            for number in range(10, 30):
                await producer.send(taken.topic, queue_record(1, number))
            for number in range(3):
                await producer.send(other.topic, queue_record(2, number))
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.delete_records({taken: RecordsToDelete(before_offset=25)})
    await admin.close()
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, group_id=f"{prefix}sla-stream-ingest")
    await consumer.start()
    consumer.assign([other])
    await consumer.commit({other: 10})
    await consumer.stop()
    with workers(process := IngestProcess(ground)):
        await ground.until_read(15)
        assert process.metric("sla_ingest_lost_total") == 15
        await eventually(lambda: "is paused" in process.http("/readyz")[1], "the other log to be noticed")
        assert process.http("/readyz")[1] == (
            f"not ready: partition {other.topic}[0] is paused: "
            "the topic ends at offset 3, before the 10 that were read of it\n"
        )
        assert [line["level"] for line in process.said("source.records_lost")] == ["error"]
    assert len(await ground.events()) == 15
