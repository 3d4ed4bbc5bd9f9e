"""The containers of `deploy/`, run as processes on a real broker: what the manifests say works, and what alerts and
dashboard look at is served.

The overlay `single` makes its topics, publishes its policies twice and runs a worker; gateway and ingest of the compose
file turn a webhook into a ticket event for it.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiokafka import AIOKafkaProducer
from prometheus_client.parser import text_string_to_metric_families

from sla_stream.formats.instants import format_instant
from sla_stream.formats.settings import Settings
from sla_stream.kafka.admin import Admin
from sla_stream.kafka.topics import WantedTopic
from sla_stream.observe.metrics import NAMES
from tests.contract.deploy_files import DEPLOY, containers, load, workloads
from tests.contract.deploy_queries import ADDED_BY_PROMETHEUS, Query, alert_queries, panel_queries
from tests.contract.test_deploy_kubernetes import INSIDE, environment_of, lay_out, workers
from tests.worker_support import eventually, free_port, now_ms, read_topic

PARTITIONS = 2
INPUT = "sla.ticket-events.v1"


class Machine:
    """Where containers run as processes: what differs from a cluster is here, everything else is the manifests'."""

    def __init__(self, root: Path, kafka: str, prefix: str) -> None:
        self.root = root
        self.tmp = root / "tmp"
        self.tmp.mkdir()
        ours = {name: value for name, value in os.environ.items() if not name.startswith("SLA_STREAM_")}
        self.environment = ours | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(self.tmp),
            "SLA_STREAM_KAFKA": kafka,
            "SLA_STREAM_TOPIC_PREFIX": prefix,
        }

    @contextmanager
    def running(self, words: Sequence[str], environment: dict[str, str]) -> Iterator[Process]:
        process = Process(words, self.environment | environment, self.tmp)
        try:
            yield process
        finally:
            process.popen.kill()
            process.popen.communicate()


class Process:
    """A container's process; its health address is on loopback."""

    def __init__(self, words: Sequence[str], environment: dict[str, str], folder: Path) -> None:
        self.port = free_port()
        self.popen = subprocess.Popen(
            list(words), env=environment | {"SLA_STREAM_LISTEN": f"127.0.0.1:{self.port}"}, cwd=folder,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def get(self, path: str) -> str | None:
        """None while it does not answer with 200."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return str(answer.read(), "utf-8")
        except (urllib.error.URLError, ConnectionError):
            return None

    def series(self) -> dict[str, set[str]]:
        """Series name -> the labels that its samples have."""
        found: dict[str, set[str]] = defaultdict(set)
        for family in text_string_to_metric_families(self.get("/metrics") or ""):
            for sample in family.samples:
                found[sample.name] |= set(sample.labels)
        return found

    async def ready(self) -> None:
        await eventually(lambda: self.popen.poll() is not None or self.get("/readyz"), "readiness")
        assert self.get("/livez") == "live\n", self.popen.communicate()[0] if self.popen.poll() is not None else ""

    async def stopped(self) -> list[str]:
        """Stop it as a container is stopped; the events it logged."""
        self.popen.terminate()
        said, _ = await asyncio.to_thread(self.popen.communicate, timeout=30)
        assert self.popen.returncode == 0, said
        return [json.loads(line)["event"] for line in said.splitlines()]

    async def done(self) -> str:
        said, _ = await asyncio.to_thread(self.popen.communicate, timeout=60)
        assert self.popen.returncode == 0, said
        return said


def looked_at(*prefixes: str) -> list[Query]:
    """Queries about metrics that begin so."""
    every = alert_queries() + panel_queries()
    return [query for query in every if all(name.startswith(prefixes) for name, _ in query.selectors())]


def gaps(queries: Sequence[Query], found: dict[str, set[str]]) -> list[str]:
    """What queries ask for and these series do not have."""
    lines: list[str] = []
    for query in queries:
        names = [name for name, _ in query.selectors()]
        lines += [f"{query.place}: no series {name}" for name in names if name not in found]
        labels = query.grouping() | {label for _, chosen in query.selectors() for label in chosen}
        if not labels - ADDED_BY_PROMETHEUS <= set().union(*(found.get(name, set()) for name in names)):
            lines.append(f"{query.place}: none of {names} has all of {labels}")
    return lines


WORKERS = [one for one in looked_at("sla_", "process_") if one not in looked_at("sla_gateway_", "sla_ingest_")]
FEEDS = looked_at("sla_gateway_", "sla_ingest_")
SELDOM = {"sla_gateway_pings_total": {"hook"}, "sla_ingest_lost_total": {"topic"}}
"""Series that appear when something happens that does not happen here, and their labels."""


def container(overlay: str, workload: dict[str, Any], name: str, root: Path) -> tuple[list[str], dict[str, str]]:
    """(words, environment) of a container, its files laid out under `root`."""
    found, pod = next(one for one in containers(workload) if one[0]["name"] == name)
    lay_out(overlay, found, pod, root)
    words = [*found.get("command", ["sla-stream"]), *found["args"]]
    return [word.replace(INSIDE, f"{root}{INSIDE}") for word in words], environment_of(found)


async def feed(kafka: str, topic: str) -> None:
    """A ticket whose promises were broken a month ago, and a record that is no event."""
    event = {"event_id": "1", "ticket_id": "T", "kind": "created", "priority": "urgent"}
    event["occurred_at"] = format_instant(now_ms() - 30 * 86_400_000)
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        await producer.send_and_wait(topic, json.dumps(event).encode(), key=b"T")
        await producer.send_and_wait(topic, b"not JSON", key=b"T")


@pytest.mark.kafka
async def test_topics_policies_and_worker_of_an_overlay(kafka: str, prefix: str, tmp_path: Path) -> None:
    machine = Machine(tmp_path, kafka, prefix)
    fewer = {"SLA_STREAM_PARTITIONS": str(PARTITIONS), "SLA_STREAM_SETTLE_FOR": "0ms"}
    job = next(one for one in workloads("single") if one["kind"] == "Job")
    words, environment = container("single", job, "topics", tmp_path)
    with machine.running(words, environment | fewer) as topics:
        assert f"created {prefix}{INPUT}" in await topics.done()
    words, environment = container("single", workers("single"), "policies", tmp_path)
    for said in ("published set 1", "nothing changed"):
        with machine.running(words, environment | fewer) as push:
            assert said in await push.done(), "a restart publishes nothing"
    words, environment = container("single", workers("single"), "worker", tmp_path)
    with machine.running(words, environment | fewer) as worker:
        await worker.ready()
        await feed(kafka, f"{prefix}{INPUT}")
        await eventually(
            lambda: 'sla_outputs_total{type="sla.breach.v1"}' in (worker.get("/metrics") or ""), "a breach"
        )
        await eventually(lambda: not gaps(WORKERS, worker.series()), f"{gaps(WORKERS, worker.series())}", 10)
        breaches = await read_topic(kafka, f"{prefix}sla.breaches.v1", PARTITIONS)
        assert json.loads(breaches[0].value or b"")["subject"] == "T"
        assert (await worker.stopped()).count("worker.stopped") == 1
    assert not any(machine.tmp.iterdir()), "with a read-only root there is nowhere else to write, and no need"


@pytest.mark.kafka
async def test_gateway_and_ingest_of_the_compose_file(kafka: str, prefix: str, tmp_path: Path) -> None:
    machine = Machine(tmp_path, kafka, prefix)
    (tmp_path / "own").write_text("a token", encoding="utf-8")
    for name in ("gateway", "ingest"):
        text = (DEPLOY / f"compose/{name}.yaml").read_text(encoding="utf-8")
        text = text.replace("/run/secrets", str(tmp_path)).replace("own.webhooks", f"{prefix}own.webhooks")
        (tmp_path / f"{name}.yaml").write_text(text.replace("0.0.0.0", "127.0.0.1"), encoding="utf-8")
    await create(kafka, *(f"{prefix}{name}" for name in ("own.webhooks", INPUT, "sla.dead-letters.v1")))
    services = load("compose.yaml")["services"]
    hooks = free_port()
    words = {
        name: ["sla-stream", *(word.replace("/etc/sla-stream", str(tmp_path)) for word in services[name]["command"])]
        for name in ("gateway", "ingest")
    }
    with (
        machine.running([*words["gateway"], f"--port={hooks}"], {}) as gateway,
        machine.running(words["ingest"], {"SLA_STREAM_INSTANCE_ID": "ingest-1"}) as ingest,
    ):
        await gateway.ready()
        await ingest.ready()
        body = {"id": "1", "ticket": "T", "what": "opened", "at": format_instant(now_ms()), "prio": 1}
        address = f"http://127.0.0.1:{hooks}/hooks/own"
        async with aiohttp.ClientSession(headers={"Authorization": "Bearer a token"}) as session:
            for one in (body, {"no": "ticket"}):
                async with session.post(address, json=one) as answer:
                    assert answer.status == 200
            async with session.post(address, json=body, headers={"Authorization": "Bearer another"}) as answer:
                assert answer.status == 401

        def missing() -> list[str]:
            return gaps(FEEDS, SELDOM | gateway.series() | ingest.series())

        await eventually(lambda: not missing(), "all series", 20)
        events = await read_topic(kafka, f"{prefix}{INPUT}", PARTITIONS)
        assert [json.loads(event.value or b"")["kind"] for event in events] == ["created"]
        assert "gateway.stopped" in await gateway.stopped()
        assert "worker.stopped" in await ingest.stopped()
    assert not any(machine.tmp.iterdir())


async def create(kafka: str, *names: str) -> None:
    async with Admin(Settings(kafka=kafka)) as admin:
        await admin.create([WantedTopic("late", name, PARTITIONS, 1, {}) for name in names])
        await admin.wait_for_leaders(dict.fromkeys(names, PARTITIONS))


def test_a_series_or_a_label_that_is_missing_is_noticed() -> None:
    assert any("no series sla_lag_offsets" in line for line in gaps(WORKERS, {}))
    whole = {name: {"partition", "type", "reason", "result"} for name in NAMES}
    whole["sla_dead_letters_total"] = set()
    assert any(line.startswith("alert SlaStreamDeadLetters: none of") for line in gaps(WORKERS, whole))


def test_every_query_belongs_to_somebody() -> None:
    places = {query.place for query in (*WORKERS, *FEEDS)}
    others = {query.place for query in alert_queries() + panel_queries()} - places
    assert others == {"alert SlaStreamDown"}, "`up` is Prometheus' own"
