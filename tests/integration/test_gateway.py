"""The gateway on a real broker: nothing acknowledged is lost, whatever dies; what comes twice is known as one."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import ssl
from collections import defaultdict
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
import trustme

from sla_stream.broker.local_kafka import LocalKafka
from sla_stream.cli.main import main
from sla_stream.formats.settings import Settings
from sla_stream.gateway.topic_check import gateway_rights
from sla_stream.kafka.admin import Admin
from sla_stream.kafka.topics import WantedTopic
from sla_stream.sources import load_mapping
from tests.gateway_support import GatewayProcess, signed, write_config
from tests.ingest_support import Ground, IngestProcess
from tests.oracle import Record
from tests.secured_support import SecuredKafka
from tests.source_samples import source
from tests.worker_support import Cluster, eventually, read_topic, workers

pytestmark = pytest.mark.kafka

PARTITIONS = 3
SECRET = "s3cret-s3cret"
VENDORS = {
    "zendesk": "zendesk", "jira": "jira-service-management", "github": "github-issues", "pagerduty": "pagerduty",
    "intercom": "intercom-tickets", "zammad": "zammad", "freshdesk": "freshdesk", "liveagent": "liveagent",
    "webim": "webim",
}  # fmt: skip
DELIVERY = {"jira": "X-Atlassian-Webhook-Identifier", "github": "X-GitHub-Delivery", "zammad": "X-Zammad-Delivery"}


async def create(kafka: str, *names: str, **config: str) -> None:
    async with Admin(Settings(kafka=kafka)) as admin:
        await admin.create([WantedTopic("late", name, PARTITIONS, 1, dict(config)) for name in names])
        await admin.wait_for_leaders(dict.fromkeys(names, PARTITIONS))


def jira_body(number: int) -> bytes:
    fields = {"status": {"name": "Open"}, "summary": "x" * 1_000}
    return orjson.dumps({"webhookEvent": "jira:issue_updated", "issue": {"id": str(number % 100), "fields": fields}})


async def post(
    session: aiohttp.ClientSession, url: str, body: bytes, headers: dict[str, str], **more: Any
) -> tuple[int, str]:
    async with session.post(url, data=body, headers=headers, **more) as answer:
        return answer.status, await answer.text()


def headers_of(record: Record) -> dict[str, str]:
    return {name: value.decode() for name, value in record.headers}


async def test_every_vendor_s_webhooks_become_ticket_events_once(kafka: str, prefix: str, tmp_path: Path) -> None:
    """Each delivery comes twice, as after a lost answer; the engine sees one event, since its id is the delivery's."""
    ground = await Ground(Cluster(kafka, prefix, tmp_path), dict.fromkeys(VENDORS, PARTITIONS)).create()
    hooks = {
        name: {"vendor": name, "topic": ground.topic(name), "mapping": mapping, "secret": SECRET}
        for name, mapping in VENDORS.items()
    }
    config = write_config(tmp_path, kafka, hooks)
    ground.configure([{"topic": list(VENDORS), "header": "x-mapping", "mappings": {m: m for m in VENDORS.values()}}])
    gateway, ingest = GatewayProcess(config), IngestProcess(ground)
    sent: dict[str, list[bytes]] = defaultdict(list)
    with workers(gateway, ingest):
        await gateway.ready()
        async with aiohttp.ClientSession() as session:
            for name, mapping in VENDORS.items():
                for number, sample in enumerate(source(mapping).samples):
                    value, headers, _, _ = sample.arguments()
                    assert value is not None
                    extra = {key: text.decode() for key, text in headers}
                    extra.setdefault(DELIVERY.get(name, "X-None"), f"delivery-{number}")
                    for _ in range(2):
                        answer = await post(
                            session, f"{gateway.address}/hooks/{name}", value, extra | signed(name, SECRET, value)
                        )
                        assert answer == (200, '{"status":"stored"}'), (name, sample.name)
                        sent[name].append(value)
        ids: dict[str, list[set[tuple[str, str]]]] = {}
        expected = 0
        for name, mapping in VENDORS.items():
            records = await ground.source(name)
            assert sorted(record.value or b"" for record in records) == sorted(sent[name])
            assert all(headers_of(record)["x-source"] == name for record in records)
            ids[name] = [told(mapping, record) for record in records]
            expected += sum(map(len, ids[name]))
            if name not in ("freshdesk", "liveagent"):  # they name no delivery: docs/sources says so
                by_body: dict[bytes, set[frozenset[tuple[str, str]]]] = defaultdict(set)
                for record, names in zip(records, ids[name], strict=True):
                    by_body[(record.value or b"") + headers_of(record).get("x-delivery-id", "").encode()].add(
                        frozenset(names)
                    )
                assert all(len(each) == 1 for each in by_body.values()), name
        await ground.until_read(expected)
        events = await ground.events()
        assert len(events) == expected and await ground.letters() == []
        code, _ = await gateway.stop()
        assert code == 0, gateway.log()
    assert SECRET not in json.dumps(gateway.lines)


def told(mapping: str, record: Record) -> set[tuple[str, str]]:
    """Ticket and event ids that a record gives."""
    events = [
        orjson.loads(event)
        for event in load_mapping(mapping).map(record.value, list(record.headers), record.key, record.timestamp)
    ]
    return {(event["ticket_id"], event["event_id"]) for event in events}


class Sender:
    """A vendor with several connections: sends every number until it is told that it is stored."""

    def __init__(self, gateway: GatewayProcess, count: int) -> None:
        self.gateway = gateway
        self.left = list(range(count))[::-1]
        self.stored: set[int] = set()
        self.tries: dict[int, int] = defaultdict(int)
        self.paused = asyncio.Event()
        self.paused.set()

    async def connection(self) -> None:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session:
            while self.left:
                await self.paused.wait()
                number = self.left.pop()
                self.tries[number] += 1
                body = jira_body(number)
                headers = signed("jira", SECRET, body) | {"X-Atlassian-Webhook-Identifier": f"w-{number}"}
                try:
                    status, _ = await post(session, f"{self.gateway.address}/hooks/jira", body, headers)
                except (aiohttp.ClientError, OSError):
                    status = 0
                    self.paused.clear()  # the vendor waits; the test says when it goes on
                if status == 200:
                    self.stored.add(number)
                else:
                    self.left.append(number)


async def test_a_kill_loses_nothing_that_was_acknowledged(kafka: str, prefix: str, tmp_path: Path) -> None:
    topic = f"{prefix}jira"
    await create(kafka, topic)
    config = write_config(tmp_path, kafka, {"jira": {"vendor": "jira", "topic": topic, "secret": SECRET}})
    first = GatewayProcess(config)
    with workers(first):
        await first.ready()
        sender = Sender(first, 3_000)
        async with asyncio.TaskGroup() as group:
            for _ in range(16):
                group.create_task(sender.connection())
            for threshold in (800, 2_000):
                await eventually(
                    lambda least=threshold: len(sender.stored) >= least, f"{threshold} stored", every=0.002
                )
                sender.gateway.kill()
                stored_then = set(sender.stored)
                found = await delivered(kafka, topic)
                assert stored_then <= set(found), "an acknowledged record is not in the topic"
                await eventually(lambda: not sender.paused.is_set(), "that the senders notice")
                sender.gateway = GatewayProcess(config)
                await sender.gateway.ready()
                sender.paused.set()
        sender.gateway.kill()
    found = await delivered(kafka, topic)
    assert set(found) == sender.stored == set(range(3_000))
    twice = {number for number, times in found.items() if times > 1}
    assert twice <= {number for number, times in sender.tries.items() if times > 1}, "repeated only where sent again"


async def delivered(kafka: str, topic: str) -> dict[int, int]:
    """How often each number is in the topic."""
    found: dict[int, int] = defaultdict(int)
    for record in await read_topic(kafka, topic, PARTITIONS):
        number = int(headers_of(record)["x-delivery-id"].removeprefix("w-"))
        assert record.value == jira_body(number) and record.key == b"%d" % (number % 100)
        found[number] += 1
    return found


async def test_while_kafka_is_away_senders_are_told_to_come_again(tmp_path: Path) -> None:
    with LocalKafka() as broker:
        await create(broker.bootstrap, "raw")
        hooks = {"jira": {"vendor": "jira", "topic": "raw", "secret": SECRET}}
        config = write_config(tmp_path, broker.bootstrap, hooks, answer_within="1s", buffer="2MB")
        gateway = GatewayProcess(config)
        with workers(gateway):
            await gateway.ready()
            async with aiohttp.ClientSession() as session:

                async def send(number: int) -> int:
                    body = jira_body(number)
                    headers = signed("jira", SECRET, body) | {"X-Atlassian-Webhook-Identifier": f"w-{number}"}
                    return (await post(session, f"{gateway.address}/hooks/jira", body, headers))[0]

                assert await send(0) == 200 and gateway.http("/readyz")[0] == 200
                await asyncio.to_thread(broker.stop)
                assert set(await asyncio.gather(*map(send, range(1, 40)))) == {503}
                assert "kafka: no" in gateway.http("/readyz")[1] and gateway.http("/livez")[0] == 200
                assert set(await asyncio.gather(*map(send, range(40, 60)))) == {503}
                assert gateway.metric("sla_gateway_waiting_records") <= 39, "what is refused at once is not kept"
                await asyncio.to_thread(broker.start)
                await gateway.until(lambda: gateway.http("/readyz")[0] == 200, "ready again", 60)
                assert gateway.metric("sla_gateway_buffer_bytes") == 0
                assert set(await asyncio.gather(*map(send, range(1, 60)))) == {200}
                found = await delivered(broker.bootstrap, "raw")
                assert set(found) == set(range(60)) and max(found.values()) <= 2
                await asyncio.to_thread(broker.stop)
                hanging = asyncio.create_task(send(60))
                await gateway.until(lambda: gateway.metric("sla_gateway_waiting_records") == 1, "one that waits")
                code, took = await gateway.stop(30)
                assert (code, await hanging) == (0, 503), gateway.log()
                assert took < 20


async def test_a_stop_answers_who_is_inside(kafka: str, prefix: str, tmp_path: Path) -> None:
    topic = f"{prefix}jira"
    await create(kafka, topic)
    config = write_config(tmp_path, kafka, {"jira": {"vendor": "jira", "topic": topic, "secret": SECRET}})
    gateway = GatewayProcess(config)
    with workers(gateway):
        await gateway.ready()
        body = jira_body(1)
        headers = signed("jira", SECRET, body) | {"X-Atlassian-Webhook-Identifier": "w-1"}
        go = asyncio.Event()

        async def in_two_pieces() -> Any:
            yield body[:10]
            await go.wait()
            yield body[10:]

        async with aiohttp.ClientSession() as session:
            inside = asyncio.create_task(
                post(session, f"{gateway.address}/hooks/jira", in_two_pieces(), headers)  # type: ignore[arg-type]
            )
            await gateway.until(lambda: gateway.metric("sla_gateway_buffer_bytes") > 0, "a request under way")
            gateway.signal(signal.SIGTERM)
            await gateway.until(lambda: gateway.said("gateway.stopping") != [], "that it stops")
            go.set()
            assert (await inside)[0] == 200
        assert await gateway.ended() == 0
        assert list(await delivered(kafka, topic)) == [1]


async def test_a_record_the_topic_does_not_take_harms_no_other(kafka: str, prefix: str, tmp_path: Path) -> None:
    topic = f"{prefix}small"
    await create(kafka, topic, **{"max.message.bytes": "300000"})
    hooks = {"own": {"vendor": "other", "topic": topic, "secret": SECRET}}
    gateway = GatewayProcess(write_config(tmp_path, kafka, hooks))
    with workers(gateway):
        await gateway.ready()
        url, headers = f"{gateway.address}/hooks/own", {"Authorization": f"Bearer {SECRET}"}
        async with aiohttp.ClientSession() as session:
            assert (await post(session, url, b"1", headers))[0] == 200
            assert (await post(session, url, b'"' + b"x" * 400_000 + b'"', headers))[0] == 413

            async def stored() -> bool:  # the producer is being replaced for a moment
                return (await post(session, url, b"2", headers))[0] == 200

            await eventually(stored, "an answer of 200")
        values = {record.value for record in await read_topic(kafka, topic, PARTITIONS)}
    assert values == {b"1", b"2"}


async def test_tls_for_who_comes_from_outside(kafka: str, prefix: str, tmp_path: Path) -> None:
    topic = f"{prefix}own"
    await create(kafka, topic)
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    for number, part in enumerate(certificate.cert_chain_pems):
        part.write_to_path(str(tmp_path / "cert.pem"), append=number > 0)
    hooks = {"own": {"vendor": "other", "topic": topic, "secret": SECRET}}
    tls = {"tls_cert_file": "cert.pem", "tls_key_file": "key.pem"}
    gateway = GatewayProcess(write_config(tmp_path, kafka, hooks, **tls))
    with workers(gateway):
        await gateway.ready()
        context = ssl.create_default_context()
        authority.configure_trust(context)
        async with aiohttp.ClientSession() as session:
            url = f"{gateway.address}/hooks/own".replace("http:", "https:")
            answer = await post(session, url, b"{}", {"Authorization": f"Bearer {SECRET}"}, ssl=context)
            assert answer[0] == 200
            with pytest.raises(aiohttp.ClientError):
                await post(session, f"{gateway.address}/hooks/own", b"{}", {})


async def test_the_right_to_write_is_all_it_needs(secured: SecuredKafka, secured_cluster: Cluster) -> None:
    cluster = secured_cluster
    topic = cluster.settings.topic("late")
    hooks = {"own": {"vendor": "other", "topic": topic, "secret": SECRET}}
    config = write_config(cluster.directory, cluster.settings.kafka, hooks)
    flags = secured.flags("worker", cluster.directory)
    refused = GatewayProcess(config, *flags)
    with workers(refused):
        assert await refused.ended() == 2
        assert f"kafka: User:worker lacks Write on topic {topic}; grant it" in str(refused.said("raw")), refused.log()
    secured.grant("worker", gateway_rights([topic]))
    gateway = GatewayProcess(config, *flags)
    with workers(gateway):
        await gateway.ready()
        async with aiohttp.ClientSession() as session:
            answer = await post(session, f"{gateway.address}/hooks/own", b"{}", {"Authorization": f"Bearer {SECRET}"})
        assert answer[0] == 200, gateway.log()


def test_what_keeps_it_from_starting_is_said(
    kafka: str, prefix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hooks = {"own": {"vendor": "other", "topic": f"{prefix}nowhere", "secret": SECRET}}
    assert main(["gateway", f"--config={write_config(tmp_path, kafka, hooks)}"]) == 2
    assert (
        f"hooks: {kafka} has no topic {prefix}nowhere; expected every hook's topic to exist" in capsys.readouterr().err
    )
    hooks["own"]["topic"] = "sla.ticket-events.v1"
    assert main(["gateway", f"--config={write_config(tmp_path, kafka, hooks)}"]) == 2
    assert "hooks.own.topic: sla.ticket-events.v1 is a topic of ours" in capsys.readouterr().err
    hooks["own"]["topic"] = f"{prefix}own"
    asyncio.run(create(kafka, f"{prefix}own"))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        config = write_config(tmp_path, kafka, hooks, port=taken.getsockname()[1])
        assert main(["gateway", f"--config={config}", "--listen=127.0.0.1:0"]) == 2
    assert "expected a free address (--host, --port)" in capsys.readouterr().err
    (tmp_path / "cert.pem").write_text("no certificate")
    config = write_config(tmp_path, kafka, hooks, tls_cert_file="cert.pem")
    assert main(["gateway", f"--config={config}"]) == 2
    assert "expected a certificate and its key in PEM form" in capsys.readouterr().err
