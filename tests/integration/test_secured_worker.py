"""A worker on a cluster with TLS, log-ins and rights, which has the documented rights and not one more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from sla_stream.errors import ConfigError
from sla_stream.formats.settings import Settings, TopicRole
from sla_stream.kafka.clients import connection
from sla_stream.kafka.reader import TopicReader
from sla_stream.kafka.rights import worker_rights
from sla_stream.worker.topic_check import check_topics
from tests.secured_support import PASSWORDS, SecuredKafka
from tests.worker_support import ROOT, Cluster, Traffic, WorkerProcess, eventually, workers

pytestmark = pytest.mark.kafka

BOTH_TARGETS = 2
TICKETS = tuple(f"T-{number}" for number in range(4))


async def said(settings: Settings, role: TopicRole, type_: str) -> list[str]:
    """The ticket of every SLA event of one type, sorted."""
    found: list[str] = []
    async with TopicReader(settings, settings.topic(role)) as reader:
        async for _, records in reader.read():
            events: list[dict[str, Any]] = [json.loads(record.value) for record in records]
            found += [event["subject"] for event in events if event["type"] == type_]
    return sorted(found)


async def lacking(settings: Settings) -> list[str]:
    """Sentences for what is missing; none when the worker may start."""
    try:
        await check_topics(settings)
    except ConfigError as error:
        return str(error).splitlines()
    return []


def seen_of(process: WorkerProcess) -> str:
    """Whatever somebody beside us could see of a process."""
    place = Path(f"/proc/{process.pid}")
    listed = (place / "cmdline").read_bytes() + (place / "environ").read_bytes()
    return listed.decode(errors="replace") + "".join(
        process.http(path)[1] for path in ("/metrics", "/readyz", "/livez")
    )


async def test_a_whole_life_with_the_documented_rights(secured: SecuredKafka, secured_cluster: Cluster) -> None:
    """Input to breach, kill -9, recovery, outcome; and nothing secret in logs, answers or the process list."""
    cluster, everything = secured_cluster, secured.root(secured_cluster.settings)
    secured.grant("worker", worker_rights(cluster.settings, cluster.partitions))
    flags = [*secured.flags("worker", cluster.directory), "--log-level=debug"]
    every_breach = sorted(TICKETS * BOTH_TARGETS)
    first = WorkerProcess(cluster, *flags)
    with workers(first):
        await first.ready()
        async with AIOKafkaProducer(**connection(everything, "test")) as producer:
            traffic = Traffic(cluster, producer)
            await traffic.send(*(traffic.event(ticket, "1", "created") for ticket in TICKETS))

            async def breached() -> bool:
                return await said(everything, "breaches", "sla.breach.v1") == every_breach

            await eventually(breached, "breaches of both targets")
            seen = seen_of(first)
            first.kill()
            second = WorkerProcess(cluster, *flags)
            with workers(second):
                await second.ready()
                assert sum(line["position"] for line in second.said("partition.ready")) >= len(TICKETS), (
                    "it begins anew"
                )
                await traffic.send(*(traffic.event(ticket, "2", "resolved") for ticket in TICKETS))

                async def ended() -> bool:
                    return await said(everything, "outcomes", "sla.outcome.v1") == every_breach

                await eventually(ended, "an outcome of both targets of each ticket")
                seen += seen_of(second)
                code, _ = await second.stop()
                assert code == 0
    assert await said(everything, "breaches", "sla.breach.v1") == every_breach
    logs = json.dumps([first.lines, second.lines])
    assert len(logs) > 1_000
    assert PASSWORDS["worker"] not in logs + seen


async def test_each_missing_right_is_named_before_anything_is_consumed(
    secured: SecuredKafka, secured_cluster: Cluster
) -> None:
    cluster = secured_cluster
    settings = secured.by_password(cluster.settings, "worker")
    rights = worker_rights(settings, cluster.partitions)
    nothing = await lacking(settings)
    assert len(nothing) == len(
        [one for one in rights if one.operation != "DescribeConfigs"]
    )  # unseen, it cannot be told
    secured.grant("worker", rights)

    assert await lacking(settings) == []
    for one in rights:
        secured.revoke("worker", one)
        (line,) = await lacking(settings)
        assert line.startswith(f"kafka: User:worker lacks {one}; grant it: kafka-acls.sh --bootstrap-server ")
        secured.grant("worker", [one])


async def test_a_worker_without_rights_ends_with_2_and_never_joins_the_group(
    secured: SecuredKafka, secured_cluster: Cluster
) -> None:
    cluster = secured_cluster
    rights = worker_rights(cluster.settings, cluster.partitions)
    secured.grant("worker", [one for one in rights if one.name != cluster.settings.topic("breaches")])
    process = WorkerProcess(cluster, *secured.flags("worker", cluster.directory))
    with workers(process):
        assert await process.ended() == 2
    assert [line["text"].partition(";")[0] for line in process.lines] == [
        f"kafka: User:worker lacks Write on topic {cluster.settings.topic('breaches')}"
    ]
    groups = await secured.groups()
    assert cluster.settings.group_id not in groups


async def test_a_worker_outlives_its_tokens(
    secured: SecuredKafka, secured_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker hangs up whenever a token expires, after 1.5 s; nothing is lost and nobody is restarted."""
    cluster, everything = secured_cluster, secured.root(secured_cluster.settings)
    secured.grant("worker", worker_rights(cluster.settings, cluster.partitions))
    monkeypatch.setenv("TOKEN_LIFE_S", "1.5")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    flags = (
        "--kafka-tls=on", f"--kafka-tls-ca-file={secured.certificates.ca_file}", "--kafka-sasl-mechanism=OAUTHBEARER",
        "--kafka-sasl-token-provider=tests.secured_support:token_of_worker",
    )  # fmt: skip
    process = WorkerProcess(cluster, *flags)
    with workers(process):
        await process.ready()
        async with AIOKafkaProducer(**connection(everything, "test")) as producer:
            traffic = Traffic(cluster, producer)
            sent: list[str] = []

            async def lived_on() -> bool:
                sent.append(f"T-{len(sent)}")
                await traffic.send(traffic.event(sent[-1], "1", "created"))
                return len(sent) > 9

            await eventually(lived_on, "several lives of a token", every=0.4)

            async def breached() -> bool:
                return await said(everything, "breaches", "sla.breach.v1") == sorted(sent * BOTH_TARGETS)

            await eventually(breached, "every breach")
            assert process.code is None
            assert process.http("/readyz")[0] == 200
