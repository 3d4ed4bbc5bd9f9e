"""A worker on a cluster with TLS, log-ins and rights, which has the documented rights and not one more."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from sla_stream.errors import ConfigError
from sla_stream.formats.settings import Secret, Settings, TopicRole
from sla_stream.kafka.admin import Admin
from sla_stream.kafka.clients import connection
from sla_stream.kafka.reader import TopicReader
from sla_stream.kafka.rights import Right, worker_rights
from sla_stream.kafka.topics import wanted_topics
from sla_stream.worker.topic_check import check_topics
from tests.secured_support import PASSWORDS, SecuredKafka, secured_kafka
from tests.worker_support import Cluster, Traffic, WorkerProcess, eventually, workers

pytestmark = pytest.mark.kafka

PARTITIONS = 2


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    with secured_kafka(tmp_path_factory.mktemp("secured")) as kafka:
        yield kafka


@pytest.fixture
async def cluster(secured: SecuredKafka, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Cluster]:
    """Topics under a prefix of the test's own; nobody but root has rights to them."""
    made = Cluster(secured.address("SASL"), f"{request.node.name.split('[')[0]}-", tmp_path, PARTITIONS)
    wanted = wanted_topics(root(secured, made))
    async with Admin(root(secured, made)) as admin:
        await admin.create(wanted)
        await admin.wait_for_leaders({topic.name: topic.partitions for topic in wanted})
    yield made
    secured.revoke("worker")


def root(secured: SecuredKafka, cluster: Cluster) -> Settings:
    return replace(
        cluster.settings,
        kafka=secured.address("MTLS"),
        kafka_tls=True,
        kafka_tls_ca_file=secured.certificates.ca_file,
        kafka_tls_cert_file=secured.certificates.made("root"),
    )


def as_worker(secured: SecuredKafka, cluster: Cluster) -> Settings:
    return replace(
        cluster.settings,
        kafka_tls=True,
        kafka_tls_ca_file=secured.certificates.ca_file,
        kafka_sasl_mechanism="SCRAM-SHA-512",
        kafka_sasl_username="worker",
        kafka_sasl_password=Secret(PASSWORDS["worker"]),
    )


def flags(secured: SecuredKafka, cluster: Cluster) -> list[str]:
    """The same for a process."""
    file = cluster.directory / "password"
    file.write_text(PASSWORDS["worker"])
    return [
        "--kafka-tls=on", f"--kafka-tls-ca-file={secured.certificates.ca_file}", "--kafka-sasl-username=worker",
        "--kafka-sasl-mechanism=SCRAM-SHA-512", f"--kafka-sasl-password-file={file}", "--log-level=debug",
    ]  # fmt: skip


async def said(settings: Settings, *roles: TopicRole) -> list[tuple[str, str]]:
    """(type, ticket) of every SLA event."""
    found: list[tuple[str, str]] = []
    for role in roles:
        async with TopicReader(settings, settings.topic(role)) as reader:
            async for _, records in reader.read():
                events: list[dict[str, Any]] = [json.loads(record.value) for record in records]
                found += [(event["type"], event["subject"]) for event in events]
    return sorted(found)


async def held(settings: Settings) -> list[str]:
    """Sentences for what is missing; none when the worker may start."""
    try:
        await check_topics(settings)
    except ConfigError as error:
        return str(error).splitlines()
    return []


async def test_a_whole_life_with_the_documented_rights(secured: SecuredKafka, cluster: Cluster) -> None:
    """Input to breach, kill -9, recovery, outcome; and nothing secret in logs, answers or the process list."""
    everything = root(secured, cluster)
    secured.grant("worker", worker_rights(cluster.settings, PARTITIONS))
    first = WorkerProcess(cluster, *flags(secured, cluster))
    with workers(first):
        await first.ready()
        async with AIOKafkaProducer(**connection(everything, "test")) as producer:
            traffic = Traffic(cluster, producer)
            await traffic.send(*(traffic.event(f"T-{number}", "1", "created") for number in range(4)))
            wanted = sorted(("sla.breach.v1", f"T-{number}") for number in range(4) for _ in range(2))

            async def breached() -> bool:
                found = await said(everything, "breaches")
                return [one for one in found if one[0] == "sla.breach.v1"] == wanted

            await eventually(breached, "breaches of both targets")
            arguments = Path(f"/proc/{first.pid}/cmdline").read_bytes() + Path(f"/proc/{first.pid}/environ").read_bytes()
            answers = "".join(first.http(path)[1] for path in ("/metrics", "/readyz", "/livez"))
            first.kill()
            second = WorkerProcess(cluster, *flags(secured, cluster))
            with workers(second):
                await second.ready()
                assert sum(line["position"] for line in second.said("partition.ready")) >= 4, "it begins anew"
                await traffic.send(*(traffic.event(f"T-{number}", "2", "resolved") for number in range(4)))

                async def ended() -> bool:
                    return len(await said(everything, "outcomes")) == 8

                await eventually(ended, "an outcome of both targets of each ticket")
                code, _ = await second.stop()
                assert code == 0
    assert [one for one in await said(everything, "breaches") if one[0] == "sla.breach.v1"] == wanted
    logs = json.dumps([first.lines, second.lines])
    assert len(logs) > 1_000
    for where, text in (("log", logs), ("answers", answers), ("process list", arguments.decode(errors="replace"))):
        assert PASSWORDS["worker"] not in text, f"the password is in the {where}"
