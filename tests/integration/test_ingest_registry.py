"""Values through a schema registry: JSON with a prefix, Avro, Protobuf; a registry that is away, or does not know."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import fastavro
import pytest

from tests.ingest_support import Ground, IngestProcess, SmallRegistry, confluent, queue_record, source_producer
from tests.proto_messages import ticket_changed
from tests.worker_support import Cluster, eventually, workers

pytestmark = pytest.mark.kafka

CUSTOMER = {"type": "record", "name": "crm.Customer", "fields": [{"name": "name", "type": "string"}]}
TICKET: dict[str, Any] = {
    "type": "record",
    "name": "Ticket",
    "namespace": "crm",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "what", "type": {"type": "enum", "name": "What", "symbols": ["OPENED", "CLOSED"]}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "prio", "type": ["null", "string"], "default": None},
        {"name": "customer", "type": ["null", "crm.Customer"]},
    ],
}
KEY = {"type": "record", "name": "Key", "fields": [{"name": "id", "type": "long"}]}
MAPPING = """\
apiVersion: sla-stream/mapping/v1
mapping: crm
ticket_id: {first: ["@key", id]}
event_id: {text: "{what}-{id}"}
occurred_at: at
kind: {path: what, map: {OPENED: created, CLOSED: closed}}
attributes: {priority: prio, customer: customer.name}
"""


def avro(schema: Any, value: Any) -> bytes:
    stream = io.BytesIO()
    named: dict[str, Any] = {}
    fastavro.parse_schema(CUSTOMER, named)
    fastavro.schemaless_writer(stream, fastavro.parse_schema(schema, named), value)
    return stream.getvalue()


def ticket(number: int, what: str = "OPENED", customer: str | None = None) -> dict[str, Any]:
    who = None if customer is None else {"name": customer}
    return {"id": number, "what": what, "at": 1_772_442_000_123, "prio": "high", "customer": who}


async def test_avro_protobuf_and_json_in_one_worker(kafka: str, prefix: str, tmp_path: Path) -> None:
    (tmp_path / "crm.yaml").write_text(MAPPING)
    ground = await Ground(Cluster(kafka, prefix, tmp_path), {"avro": 2, "proto": 2, "json": 1}).create()
    async with SmallRegistry() as registry, source_producer(kafka) as producer:
        registry.register(41, "AVRO", json.dumps(KEY))
        registry.subjects["customers", "3"] = {"schema": json.dumps(CUSTOMER)}
        guid = registry.register(
            42, "AVRO", json.dumps(TICKET), [{"name": "crm.Customer", "subject": "customers", "version": 3}]
        )
        proto = ticket_changed(registry, 77)
        ground.configure(
            [
                {"topic": "avro", "mapping": "crm.yaml", "value": "avro", "key": "avro"},
                {"topic": "proto", "mapping": "crm.yaml", "value": "protobuf"},
                {"topic": "json", "mapping": "own-queue"},
            ],
            registry_url=registry.url,
        )
        process = IngestProcess(ground)
        with workers(process):
            by_header = [("__value_schema_id", b"\1" + guid.bytes)]
            key, plain = confluent(41, avro(KEY, {"id": 9})), avro(TICKET, ticket(1))
            await producer.send(ground.topic("avro"), confluent(42, avro(TICKET, ticket(1, customer="Ada"))), key=key)
            await producer.send(ground.topic("avro"), avro(TICKET, ticket(2)), headers=by_header)
            for bad in (confluent(43, plain), confluent(42, plain[:-3]), confluent(42, plain + b"x"), b"\0\0", b"{}"):
                await producer.send(ground.topic("avro"), bad)
            await producer.send(ground.topic("avro"), confluent(77, plain))
            for value in proto.good:
                await producer.send(ground.topic("proto"), value)
            for value in proto.bad:
                await producer.send(ground.topic("proto"), value)
            await producer.send(ground.topic("json"), confluent(5, queue_record(50, 1)))
            await producer.send(ground.topic("json"), b"\1" + bytes(16) + queue_record(51, 1))
            await producer.flush()
            await ground.until_read(2 + len(proto.good) + 2, 6 + len(proto.bad))
            events = {e.key: json.loads(e.value) for e in await ground.events() if e.value is not None}
            details = sorted(dict(letter.headers)["sla-detail"].decode() for letter in await ground.letters())
            assert (await process.stop())[0] == 0
    assert events[b"9"] == {
        "event_id": "OPENED-1", "ticket_id": "9", "kind": "created", "occurred_at": "2026-03-02T09:00:00.123Z",
        "priority": "high", "customer": "Ada",
    }  # fmt: skip
    assert events[b"2"]["customer"] is None
    assert events[b"700"]["customer"] == "Grace" and events[b"700"]["occurred_at"] == "2026-03-02T09:00:00.250Z"
    assert {b"50", b"51"} <= events.keys()
    for beginning in (
        "value: avro schema 42: not a value of it: 1 bytes are left over",
        "value: avro schema 42: not a value of it: ",
        f"value: avro schema 43: the registry {registry.url} has no such schema: schemas/ids/43: not found",
        "value: avro schema 77: it is registered as PROTOBUF; expected AVRO",
        "value: its first bytes: found 0000; expected 00 and four bytes of a schema's id, or 01 and its GUID",
        "value: its first bytes: found 7b7d; expected",
        *proto.refusals,
    ):
        assert any(detail.startswith(beginning) for detail in details), (beginning, details)
    assert registry.asked["/schemas/ids/42"] == 1, "a schema is asked for once"
    assert registry.asked["/schemas/ids/43"] == 1, "and so is one that is not there"


async def test_while_the_registry_is_away_others_go_on(kafka: str, prefix: str, tmp_path: Path) -> None:
    (tmp_path / "crm.yaml").write_text(MAPPING.replace('{first: ["@key", id]}', "id"))
    ground = await Ground(Cluster(kafka, prefix, tmp_path), {"avro": 1, "json": 1}).create()
    async with SmallRegistry() as registry, source_producer(kafka) as producer:
        registry.register(41, "AVRO", json.dumps(TICKET).replace("crm.Customer", "string"))
        registry.down = True
        ground.configure(
            [{"topic": "avro", "mapping": "crm.yaml", "value": "avro"}, {"topic": "json", "mapping": "own-queue"}],
            registry_url=registry.url,
        )
        process = IngestProcess(ground)
        with workers(process):
            plain = json.loads(json.dumps(TICKET).replace("crm.Customer", "string"))
            for number in range(3):
                value = avro(plain, {**ticket(number), "customer": "Ada"})
                await producer.send(ground.topic("avro"), confluent(41, value))
            await producer.send_and_wait(ground.topic("json"), queue_record(50, 1))
            await process.ready()
            await ground.until_read(1)
            await eventually(lambda: process.http("/readyz")[0] == 503, "unready")
            assert process.http("/readyz")[1] == (
                f"not ready: partition {ground.topic('avro')}[0] waits for avro schema 41: schema registry "
                f"{registry.url}: HTTP 503 for /schemas/ids/41, and no schema in it\n"
            )
            await eventually(lambda: registry.asked["/schemas/ids/41"] > 2, "it to be asked again")
            assert process.metric("sla_ingest_partitions_waiting") == 1
            registry.down = False
            await ground.until_read(4)
            await eventually(lambda: process.http("/readyz")[0] == 200, "ready again")
        assert await ground.letters() == []


async def test_a_registry_that_hangs_holds_nobody_up(kafka: str, prefix: str, tmp_path: Path) -> None:
    """Neither the rebalance when another worker comes, nor the end."""
    ground = await Ground(Cluster(kafka, prefix, tmp_path), {"avro": 2}).create()
    async with SmallRegistry() as registry, source_producer(kafka) as producer:
        registry.hangs = True
        ground.configure(
            [{"topic": "avro", "mapping": "own-queue", "value": "avro"}], registry_url=registry.url
        )  # fmt: skip
        first = IngestProcess(ground)
        with workers(first):
            for partition in (0, 1):
                await producer.send(ground.topic("avro"), confluent(41, b""), partition=partition)
            await producer.flush()
            await first.ready()
            await eventually(lambda: registry.asked["/schemas/ids/41"] > 0, "the registry to be asked")
            second = IngestProcess(ground)
            with workers(second):
                await second.ready()
                await second.until(lambda: second.metric("sla_ingest_partitions_ready") == 1, "its share")
                for process in (first, second):
                    code, seconds = await process.stop()
                    assert code == 0 and seconds < 5, process.log()
