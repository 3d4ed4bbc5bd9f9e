"""Ingest on a real broker: any topics, keys and partitions, poison, routing by header, values of every kind."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from sla_stream.errors import InvalidRecord
from sla_stream.sources import load_mapping
from tests.ingest_support import Ground, IngestProcess, ended, places, queue_record, source_producer
from tests.source_samples import source
from tests.worker_support import Cluster, eventually, workers

pytestmark = pytest.mark.kafka

OWN = load_mapping("own-queue")
POISON = (b"not json", b'{"ticket": 1}', b"\xff\xfe", b"[]", b'{"a":' * 2_000, None, b"\0\0\0\0\7avro", b"")


async def fill_queue(producer: AIOKafkaProducer, topic: str, partitions: int, count: int) -> tuple[int, int]:
    """Records of many tickets, every hundredth of them poison, keyed by anything; (good, bad)."""
    bad = 0
    for number in range(count):
        poison = number % 100 == 17
        value = (
            POISON[bad % len(POISON)] if poison else queue_record(number % 41, number, ["opened", "asked"][number % 2])
        )
        bad += poison
        key = [None, b"x", b"%d" % number][number % 3]
        await producer.send(topic, value, key=key, partition=number % partitions)
    await producer.flush()
    return count - bad, bad


async def test_any_topics_become_one_with_poison_set_aside(kafka: str, prefix: str, tmp_path: Path) -> None:
    ground = await Ground(Cluster(kafka, prefix, tmp_path), {"crm.a": 1, "crm.b": 5, "mixed": 2}).create()
    ground.configure(
        [
            {"topic": ["crm.a", "crm.b"], "mapping": "own-queue"},
            {"topic": "mixed", "header": "X-Source", "mappings": {"jira": "jira", "zd": "zendesk"}},
        ]
    )
    process = IngestProcess(ground, "--workers=2")
    with workers(process):
        async with source_producer(kafka) as producer:
            good, bad = 0, 0
            for name, partitions in (("crm.a", 1), ("crm.b", 5)):
                more = await fill_queue(producer, ground.topic(name), partitions, 1_000)
                good, bad = good + more[0], bad + more[1]
            expected: Counter[bytes] = Counter()
            for mark, samples in (("jira", source("jira").samples), ("zd", source("zendesk").samples)):
                for sample in samples:
                    value, headers, key, at = sample.arguments()
                    expected.update(load_mapping(mark.replace("zd", "zendesk")).map(value, headers, key, at))
                    marked = [("x-source", mark.encode()), *headers]
                    await producer.send(ground.topic("mixed"), value, key=key, partition=0, headers=marked)
            for headers in ([], [("x-source", b"unknown")]):
                await producer.send(ground.topic("mixed"), queue_record(1, 1), partition=1, headers=headers)
            await producer.flush()
        for name in ("crm.a", "crm.b"):
            for record in await ground.source(name):
                with contextlib.suppress(InvalidRecord):
                    expected.update(OWN.map(record.value, record.headers, record.key, record.timestamp))
        await ground.until_read(sum(expected.values()), bad + 2)
        events, letters = await ground.events(), await ground.letters()
        code, _ = await process.stop()
    assert code == 0, process.log()
    assert Counter(record.value for record in events) == expected
    ground.assert_placed(events)
    assert max(places(letters).values()) == 1 and len(letters) == bad + 2
    by_place = {
        (ground.topic(name), record.partition, record.offset): record
        for name in ground.topics
        for record in await ground.source(name)
    }
    for letter in letters:
        headers = dict(letter.headers)
        origin = by_place[next(iter(places([letter])))]
        assert (letter.key, letter.value) == (origin.key, origin.value)
        assert letter.headers[: len(origin.headers)] == origin.headers
        assert headers["sla-reason"] in (b"json", b"schema")
    details = [dict(letter.headers)["sla-detail"].decode() for letter in letters]
    assert sum("header x-source: found nothing; expected one of jira, zd" in one for one in details) == 1
    assert any("set `value` of the source" in one for one in details)


async def test_one_record_may_give_several_events_in_order(kafka: str, prefix: str, tmp_path: Path) -> None:
    """Order is kept per ticket within a source partition, whatever the order of offsets between transactions."""
    (tmp_path / "batch.yaml").write_text(
        "apiVersion: sla-stream/mapping/v1\nmapping: batch\neach: items\nticket_id: t\nevent_id: id\n"
        "occurred_at: {path: at, as: epoch_s}\nkind: updated\nsequence: {path: n}\n"
    )
    ground = await Ground(Cluster(kafka, prefix, tmp_path), {"batches": 2}).create()
    ground.configure([{"topic": "batches", "mapping": "./batch.yaml", "nulls": "skip"}], commit_interval="5ms")
    process = IngestProcess(ground)
    with workers(process):
        async with source_producer(kafka) as producer:
            number = 0
            for _ in range(200):
                items = []
                for _ in range(5):
                    number += 1
                    ticket = f"T{number % 7}"
                    items.append({"t": ticket, "id": f"{number}", "at": 1_772_442_000, "n": number})
                await producer.send(ground.topic("batches"), json.dumps({"items": items}).encode(), partition=1)
                await producer.send(ground.topic("batches"), None, key=b"gone", partition=0)
        await ground.until_read(number)
        events = await ground.events()
        await eventually(lambda: process.metric("sla_ingest_records_total") == 400, "everything counted")
        assert process.metric("sla_ingest_ignored_total") == 200
        assert process.metric("sla_ingest_events_total") == number
        assert process.http("/readyz") == (200, "ready\n")
    assert await ground.letters() == []
    for ticket in range(7):
        order = [json.loads(e.value)["sequence"] for e in events if e.key == b"T%d" % ticket and e.value is not None]
        assert order == sorted(order) and len(order) == len(set(order)) > 100


async def test_too_much_of_everything(kafka: str, prefix: str, tmp_path: Path) -> None:
    """A value that the topic of dead letters cannot hold, an event that nobody takes, headers beyond count."""
    ground = await Ground(Cluster(kafka, prefix, tmp_path), {"big": 1}).create(**{"max.message.bytes": "8000000"})
    (tmp_path / "links.yaml").write_text(f"{OWN.text}  url: link\n")
    ground.configure([{"topic": "big", "mapping": "links.yaml"}])
    process = IngestProcess(ground)
    huge = b'{"junk": "%s"}' % (b"x" * 3_000_000)
    wide = json.dumps(json.loads(queue_record(1, 1)) | {"link": "y" * 300_000}).encode()
    with workers(process):
        async with source_producer(kafka) as producer:
            for value in (huge, wide, b"[" * 100_000 + b"]" * 100_000):
                await producer.send_and_wait(ground.topic("big"), value, key=b"k")
            await producer.send_and_wait(ground.topic("big"), b"{}", headers=[(f"h{n}", b"v" * 50) for n in range(500)])
            no_value: Any = [("content-type", None), ("x", None)]
            await producer.send_and_wait(ground.topic("big"), queue_record(5, 5), headers=no_value)
            await producer.send_and_wait(ground.topic("big"), b"{}", headers=no_value)
        await ground.until_read(1, 5)
        await eventually(lambda: process.metric("sla_ingest_records_total") == 6, "everything counted")
        letters = await ground.letters()
        events = await ground.events()
    first = next(letter for letter in letters if dict(letter.headers)["sla-offset"] == b"0")
    assert (first.key, first.value) == (None, None)
    detail = dict(first.headers)["sla-detail"].decode()
    assert "too large for this topic and stays where it was: 3,000,012 bytes" in detail
    reasons = {int(dict(letter.headers)["sla-offset"]): dict(letter.headers)["sla-reason"] for letter in letters}
    assert reasons == {0: b"schema", 1: b"too_large", 2: b"json", 3: b"schema", 5: b"schema"}
    assert len(next(letter for letter in letters if dict(letter.headers)["sla-offset"] == b"3").headers) == 505
    assert len(events) == 1


async def test_nothing_but_rubbish_pauses_that_partition_alone(kafka: str, prefix: str, tmp_path: Path) -> None:
    ground = await Ground(Cluster(kafka, prefix, tmp_path), {"good": 1, "rubbish": 1}).create()
    ground.configure([{"topic": ["good", "rubbish"], "mapping": "own-queue"}], max_dead_letters=20)
    process = IngestProcess(ground)
    with workers(process):
        async with source_producer(kafka) as producer:
            for number in range(50):
                await producer.send(ground.topic("rubbish"), b"?")
                await producer.send(ground.topic("good"), queue_record(1, number))
        await ground.until_read(50, 20)
        await eventually(lambda: process.http("/readyz")[0] == 503, "unready")
        assert process.http("/readyz")[1] == (
            f"not ready: partition {ground.topic('rubbish')}[0] is paused: 20 dead letters in a row\n"
        )
        assert process.http("/livez")[0] == 200
        assert len(await ground.letters()) == 20
        assert (await process.stop())[0] == 0
    ground.configure([{"topic": ["good", "rubbish"], "mapping": "own-queue"}], max_dead_letters=0)
    again = IngestProcess(ground)
    with workers(again):
        await ground.until_read(50, 50)
    assert max(places(await ground.letters()).values()) == 1
    assert len(await ground.events()) == 50


async def test_what_is_wrong_is_said_before_anything_is_read(kafka: str, prefix: str, tmp_path: Path) -> None:
    ground = Ground(Cluster(kafka, prefix, tmp_path), {"there": 1})
    ground.configure([{"topic": ["there", "nowhere"], "mapping": "own-queue"}])
    with workers(process := IngestProcess(ground)):
        said = await ended(process, 2)
    assert f"has no topic {prefix}sla.ticket-events.v1, {prefix}sla.dead-letters.v1" in said
    assert f"has no topic {prefix}there, {prefix}nowhere; expected every source's topic to exist" in said
    await ground.create()
    ground.configure([{"topic": ["there", "sla.ticket-events.v1"], "mapping": "own-queue"}])
    with workers(process := IngestProcess(ground)):
        assert "is a topic of ours" in await ended(process, 2)
