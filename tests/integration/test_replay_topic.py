"""`sla-stream replay --topic`: the engine over a range of Kafka offsets."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from sla_stream.formats.instants import format_instant
from sla_stream.formats.settings import Settings
from sla_stream.kafka.admin import Admin
from sla_stream.kafka.feed import Feed
from sla_stream.kafka.topics import wanted_topics

pytestmark = pytest.mark.kafka

POLICIES = """\
apiVersion: sla-stream/v1
policies:
  - name: quick
    schedule: 24x7
    targets: {first_response: {target: 1h}}
"""
HOUR = 3_600_000
START = 1_772_438_400_000  # 2026-03-02T08:00:00Z
TICKETS = [f"T{number}" for number in range(12)]


def ticket_event(ticket: str, number: int, kind: str, at: int) -> tuple[str, bytes, int]:
    event = {"event_id": f"e{number}", "ticket_id": ticket, "kind": kind, "occurred_at": format_instant(at)}
    return ticket, json.dumps(event).encode(), at


CREATED = [ticket_event(ticket, 1, "created", START + number) for number, ticket in enumerate(TICKETS)]
ANSWERED = [
    ticket_event(ticket, 2, "agent_replied", START + 2 * HOUR + number) for number, ticket in enumerate(TICKETS)
]


@pytest.fixture
def policies(tmp_path: Path) -> str:
    path = tmp_path / "policies.yaml"
    path.write_text(POLICIES)
    return str(path)


def replay(policies: str, kafka: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sla_stream", "replay", "--policies", policies, "--kafka", kafka, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=90)


def objects(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


async def make_topic(kafka: str, prefix: str) -> str:
    """The input topic of an installation with that prefix, as a virtual clock needs it."""
    settings = Settings(kafka=kafka, topic_prefix=prefix, partitions=3)
    name = settings.topic("ticket_events")
    async with Admin(settings) as admin:
        await admin.create([one for one in wanted_topics(settings, virtual_clock=True) if one.name == name])
        await admin.wait_for_leaders({name: 3})
    return name


async def test_all_partitions_as_one_log(kafka: str, prefix: str, policies: str) -> None:
    topic = await make_topic(kafka, prefix)
    async with Feed(Settings(kafka=kafka), topic) as feed:
        await feed.append(CREATED + ANSWERED)
    said = objects(replay(policies, kafka, "--topic", topic))
    assert [(event["type"], event["subject"]) for event in said] == [
        *(("sla.breach.v1", ticket) for ticket in TICKETS),
        *(("sla.outcome.v1", ticket) for ticket in TICKETS),
    ]
    evidence = [event["data"]["evidence"] for event in said]
    assert {place["topic"] for place in evidence} == {topic}
    assert {place["partition"] for place in evidence} == {0, 1, 2}
    assert len({(place["partition"], place["offset"]) for place in evidence}) == 2 * len(TICKETS)
    by_name = replay(policies, kafka, "--topic", "--topic-prefix", prefix, "--clock", "recorded")
    assert objects(by_name) == said


async def test_a_range(kafka: str, prefix: str, policies: str) -> None:
    topic = await make_topic(kafka, prefix)
    async with Feed(Settings(kafka=kafka), topic) as feed:
        await feed.append(CREATED + ANSWERED)

    def kinds(*words: str) -> list[str]:
        said = objects(replay(policies, kafka, "--topic", topic, *words))
        return sorted({event["data"]["outcome"] or event["type"] for event in said})

    noon = format_instant(START + HOUR + HOUR // 2)
    assert kinds("--to", noon, "--as-of", noon) == ["sla.breach.v1"]
    assert kinds("--from", noon) == []
    assert kinds("--from", "0", "--to", "0") == []
    assert kinds("--to", "0:1000,1:0,2:0") == ["missed", "sla.breach.v1"]
    wrong = replay(policies, kafka, "--topic", topic, "--from", "7:0")
    assert (wrong.returncode, wrong.stderr) == (2, f"topic {topic} has no partition 7; it has 3\n")


async def test_bad_records_are_named_by_their_place(kafka: str, prefix: str, policies: str) -> None:
    topic = await make_topic(kafka, prefix)
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    await producer.start()
    try:
        for key, value in (
            (b"T0", CREATED[0][1]),
            (b"T0", b"{"),
            (b"other", CREATED[0][1]),
            (None, CREATED[0][1]),
            (b"T0", None),
        ):
            await producer.send_and_wait(topic, value, key=key, partition=1, timestamp_ms=START)
        await producer.send_and_wait(topic, CREATED[1][1], key=b"T1", partition=1, timestamp_ms=START - HOUR)
    finally:
        await producer.stop()
    done = replay(policies, kafka, "--topic", topic, "--clock", "recorded", "--out", "summary")
    assert done.returncode == 1
    assert [line.split(": ")[:2] for line in done.stderr.splitlines()] == [
        [f"{topic}/1/1", "json"],
        [f"{topic}/1/2", "key"],
        [f"{topic}/1/3", "key"],
        [f"{topic}/1/4", "json"],
        [f"{topic}/1/5", "future"],
    ]
    assert json.loads(done.stdout)["dead_letters_by_reason"] == {"future": 1, "json": 2, "key": 2}


async def test_no_topic_and_no_cluster(kafka: str, prefix: str, policies: str) -> None:
    missing = replay(policies, kafka, "--topic", f"{prefix}none")
    assert (missing.returncode, missing.stdout) == (2, "")
    assert f"{prefix}none" in missing.stderr
    assert "Traceback" not in missing.stderr
    nobody = replay(policies, "127.0.0.1:1", "--topic", "x")
    assert nobody.returncode == 2
    assert "127.0.0.1:1" in nobody.stderr
    assert "Traceback" not in nobody.stderr
