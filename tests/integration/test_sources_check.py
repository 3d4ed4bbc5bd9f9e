"""`sources check` against a topic on a real broker."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import AIOKafkaProducer

from sla_stream.cli.main import main
from sla_stream.formats.settings import Settings
from sla_stream.kafka.admin import Admin
from sla_stream.kafka.topics import WantedTopic

pytestmark = pytest.mark.kafka

GOOD = b'{"ticket": 1, "id": "e", "at": 1772442000, "what": "opened"}'


async def test_share_of_a_live_topic(kafka: str, prefix: str, capfd: pytest.CaptureFixture[str]) -> None:
    topic = f"{prefix}crm"
    async with Admin(Settings(kafka=kafka)) as admin:
        await admin.create([WantedTopic("late", topic, 2, 1, {})])
        await admin.wait_for_leaders({topic: 2})
    words = ["sources", "check", "--mapping", "own-queue", "--topic", topic, "--kafka", kafka]
    assert await asyncio.to_thread(main, words) == 0
    assert capfd.readouterr().out == f"{topic} holds no records\n"
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        for number in range(6):
            await producer.send_and_wait(topic, GOOD, key=b"1", partition=number % 2)
        await producer.send_and_wait(topic, GOOD.replace(b"opened", b"lost"), partition=1)
        await producer.send_and_wait(topic, None, key=b"1", partition=0)
    assert await asyncio.to_thread(main, words) == 1
    lines = capfd.readouterr().out.splitlines()
    assert lines[0] == f"read 8 records of {topic}: 6 give events (6), 0 mean nothing, 2 are refused (25.0 %)"
    assert "first at partition 1, offset 3" in "".join(lines)
    assert await asyncio.to_thread(main, [*words, "--last", "2"]) == 1
    assert capfd.readouterr().out.startswith(f"read 2 records of {topic}")
    missing = [*words[:5], f"{prefix}nowhere", *words[6:]]
    assert await asyncio.to_thread(main, missing) == 2
