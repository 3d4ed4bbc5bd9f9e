"""Log ends, broker time and bounded reading, on a real broker that also dies and comes back."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaProducer

from sla_stream.broker import LocalKafka
from sla_stream.errors import ConfigError
from sla_stream.formats.settings import Settings
from sla_stream.kafka.admin import Admin
from sla_stream.kafka.broker_time import BrokerClock, Probe
from sla_stream.kafka.clients import connection
from sla_stream.kafka.end_offsets import EndOffsets
from sla_stream.kafka.reader import TopicReader
from sla_stream.kafka.topics import WantedTopic, wanted_topics

pytestmark = pytest.mark.kafka


@pytest.fixture
async def settings(kafka: str, prefix: str) -> Settings:
    """Of a cluster with our topics, two partitions each."""
    chosen = Settings(kafka=kafka, topic_prefix=prefix, partitions=2)
    await _make_topics(chosen)
    return chosen


async def _make_topics(settings: Settings) -> None:
    wanted = wanted_topics(settings)
    async with Admin(settings) as admin:
        await admin.create(wanted)
        await admin.wait_for_leaders({topic.name: topic.partitions for topic in wanted})


@asynccontextmanager
async def started(settings: Settings) -> AsyncIterator[EndOffsets]:
    ends = EndOffsets(settings)
    await ends.start()
    try:
        yield ends
    finally:
        await ends.stop()


@asynccontextmanager
async def producing(settings: Settings, **options: object) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(**connection(settings, "test"), **options)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def test_log_ends_count_what_is_acknowledged_and_what_is_not_committed_yet(settings: Settings) -> None:
    topic = settings.topic("ticket_events")
    async with started(settings) as ends, producing(settings, transactional_id=f"{settings.group_id}-t") as producer:
        assert await ends.latest(topic, [0, 1]) == {0: 0, 1: 0}
        async with producer.transaction():
            await producer.send_and_wait(topic, b"1", partition=0)
            await producer.send_and_wait(topic, b"2", partition=0)
            assert await ends.latest(topic, [0, 1]) == {0: 2, 1: 0}
        async with asyncio.timeout(10):  # the commit marker has an offset, too; it is written a little later
            while await ends.latest(topic, [0]) != {0: 3}:
                await asyncio.sleep(0.01)


async def test_callers_of_one_moment_share_a_request_and_later_ones_do_not(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = settings.topic("ticket_events")
    async with started(settings) as ends:
        await ends.latest(topic, [0, 1])
        sent: list[object] = []
        send = ends._client.send

        async def counting(node: int, request: object) -> object:
            sent.append(request)
            return await send(node, request)

        monkeypatch.setattr(ends._client, "send", counting)
        answers = await asyncio.gather(*(ends.latest(topic, [number % 2]) for number in range(10)))
        assert answers == [{number % 2: 0} for number in range(10)]
        assert len(sent) == 1
        first = asyncio.create_task(ends.latest(topic, [0]))
        while len(sent) < 2:
            await asyncio.sleep(0)
        await ends.latest(topic, [0])  # asked while the first is on its way: its answer may be too old for us
        await first
        assert len(sent) == 3


async def test_whoever_waits_at_stop_is_cancelled(settings: Settings) -> None:
    ends = EndOffsets(settings)
    await ends.start()
    waiting = asyncio.create_task(ends.latest(settings.topic_prefix + "never-there", [0]))
    await asyncio.sleep(0)
    await ends.stop()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_a_log_end_is_worth_waiting_for(caplog: pytest.LogCaptureFixture) -> None:
    """The broker is killed: no answer, no storm of requests or lines; when it is back the answer comes."""
    with LocalKafka() as broker:
        settings = Settings(kafka=broker.bootstrap, partitions=1)
        topic = settings.topic("ticket_events")
        await _make_topics(settings)
        async with started(settings) as ends, producing(settings) as producer:
            await producer.send_and_wait(topic, b"1", partition=0)
            assert await ends.latest(topic, [0]) == {0: 1}
            await asyncio.to_thread(broker.kill)
            with caplog.at_level(logging.WARNING, "sla_stream"):
                asked = asyncio.create_task(ends.latest(topic, [0]))
                done, _ = await asyncio.wait([asked], timeout=1.5)
                assert not done
                await asyncio.to_thread(broker.start)
                async with asyncio.timeout(20):
                    assert await asked == {0: 1}
            lines = [record for record in caplog.records if record.name.startswith("sla_stream")]
            assert 1 <= len(lines) <= 4


async def test_broker_time_is_never_ahead_and_hardly_behind(settings: Settings) -> None:
    clock = BrokerClock(settings)
    assert clock.skew_ms is None
    await clock.start()
    try:
        topic = settings.topic("ticket_events")
        async with producing(settings, linger_ms=0) as producer:
            await producer.send_and_wait(topic, b"0", partition=0)
            for _ in range(50):
                before = clock.now()
                stamp = (await producer.send_and_wait(topic, b"1", partition=0)).timestamp
                assert before <= stamp, "said to be later than the broker's clock showed afterwards"
                assert clock.now() >= before
        assert clock.skew_ms is not None
        assert abs(clock.skew_ms) < 1_000  # the same machine
        assert abs(clock.now() - time.time() * 1000) < 1_000
    finally:
        await clock.stop()


async def test_a_clock_topic_that_does_not_stamp_is_refused(kafka: str, prefix: str) -> None:
    settings = Settings(kafka=kafka, topic_prefix=prefix)
    async with Admin(settings) as admin:
        await admin.create([WantedTopic("clock", settings.topic("clock"), 1, 1)])
    with pytest.raises(ConfigError, match=r"found message\.timestamp\.type=CreateTime, expected LogAppendTime"):
        await BrokerClock(settings).start()


async def test_a_step_of_a_clock_is_followed_and_time_does_not_go_back(kafka: str) -> None:
    clock = BrokerClock(Settings(kafka=kafka))
    clock.take(Probe(sent=0.0, answered=2.0, stamp=1_000_000_000_000))
    clock.take(Probe(sent=10.0, answered=30.0, stamp=1_000_000_000_020))
    first = clock.now()
    assert clock._offset == 1_000_000_000_000 - 2.0  # the quicker probe's bound
    clock.take(Probe(sent=50.0, answered=60.0, stamp=999_999_000_000))
    assert clock._offset == 999_999_000_000 - 60.0
    assert clock.now() == first


async def test_reading_a_range(settings: Settings) -> None:
    topic = settings.topic("outcomes")
    async with producing(settings, transactional_id=f"{settings.group_id}-r") as producer:
        for batch in range(3):
            await producer.begin_transaction()
            for number in range(4):
                at = 1_000 + batch * 10 + number
                await producer.send(topic, b"%d.%d" % (batch, number), partition=number % 2, timestamp_ms=at)
            await (producer.abort_transaction() if batch == 1 else producer.commit_transaction())

    async def values(reader: TopicReader, *range_: dict[int, int]) -> dict[int, list[bytes]]:
        found: dict[int, list[bytes]] = {0: [], 1: []}
        async for partition, records in reader.read(*range_):
            found[partition] += [record.value for record in records]
        return found

    async with TopicReader(settings, topic) as reader:
        assert reader.partitions == [0, 1]
        assert await reader.end() == {0: 9, 1: 9}
        assert await values(reader) == {0: [b"0.0", b"0.2", b"2.0", b"2.2"], 1: [b"0.1", b"0.3", b"2.1", b"2.3"]}
        assert await values(reader, {0: 1, 1: 9}, {0: 7}) == {0: [b"0.2", b"2.0"], 1: []}
    async with TopicReader(settings, topic, "read_uncommitted") as reader:
        assert (await values(reader))[0] == [b"0.0", b"0.2", b"1.0", b"1.2", b"2.0", b"2.2"]


async def test_finding_an_instant(settings: Settings) -> None:
    topic = settings.topic("outcomes")
    async with producing(settings) as producer:
        for at in (1_000, 2_000, 3_000):
            await producer.send_and_wait(topic, b"", partition=0, timestamp_ms=at)
    async with TopicReader(settings, topic) as reader:
        assert await reader.offsets_at(1_001) == {0: 1, 1: 0}
        assert await reader.offsets_at(3_000) == {0: 2, 1: 0}
        assert await reader.offsets_at(3_001) == {0: 3, 1: 0}


async def test_reading_what_is_not_there(settings: Settings) -> None:
    with pytest.raises(ConfigError, match="has no topic nowhere"):
        async with TopicReader(settings, "nowhere"):
            pass
