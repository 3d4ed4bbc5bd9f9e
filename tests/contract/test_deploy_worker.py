"""The containers of an overlay, run as processes on a real broker: topics, policies, worker, metrics, stop."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from prometheus_client.parser import text_string_to_metric_families

from sla_stream.formats.instants import format_instant
from sla_stream.observe.metrics import NAMES
from tests.contract.deploy_files import containers, of_kind, workloads
from tests.contract.deploy_queries import ADDED_BY_PROMETHEUS, alert_queries, panel_queries
from tests.contract.test_deploy_kubernetes import INSIDE, environment_of, lay_out
from tests.worker_support import eventually, free_port, now_ms, read_topic

PARTITIONS = 2


class Pod:
    """The first pod of the overlay's workers, on this machine: its containers' own words, files and settings."""

    def __init__(self, overlay: str, root: Path, kafka: str, prefix: str) -> None:
        self.root, self.port, self.overlay = root, free_port(), overlay
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("SLA_STREAM_")} | {
            # what differs from a cluster; everything else is as the manifests say
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(root / "tmp"),
            "SLA_STREAM_KAFKA": kafka,
            "SLA_STREAM_TOPIC_PREFIX": prefix,
            "SLA_STREAM_PARTITIONS": str(PARTITIONS),
            "SLA_STREAM_SETTLE_FOR": "0ms",
            "SLA_STREAM_LISTEN": f"127.0.0.1:{self.port}",
        }

    def start(self, workload: dict[str, Any], name: str) -> subprocess.Popen[str]:
        container, pod = next(found for found in containers(workload) if found[0]["name"] == name)
        lay_out(self.overlay, container, pod, self.root)
        words = [*container.get("command", ["sla-stream"]), *container["args"]]
        return subprocess.Popen(
            [word.replace(INSIDE, f"{self.root}{INSIDE}") for word in words],
            env=self.environment | environment_of(container), cwd=self.root / "tmp",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def done(self, workload: dict[str, Any], name: str) -> str:
        process = self.start(workload, name)
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 0, said
        return said

    def get(self, path: str) -> str | None:
        """None while it does not answer with 200."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return str(answer.read(), "utf-8")
        except (urllib.error.URLError, ConnectionError):
            return None


async def feed(kafka: str, topic: str) -> None:
    """A ticket whose promises were broken a month ago, and a record that is no event."""
    event = {"event_id": "1", "ticket_id": "T", "kind": "created", "priority": "urgent"}
    event["occurred_at"] = format_instant(now_ms() - 30 * 86_400_000)
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        await producer.send_and_wait(topic, json.dumps(event).encode(), key=b"T")
        await producer.send_and_wait(topic, b"not JSON", key=b"T")


def series(text: str) -> dict[str, set[str]]:
    """Series name -> the labels that its samples have."""
    found: dict[str, set[str]] = defaultdict(set)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name] |= set(sample.labels)
    return found


def gaps(found: dict[str, set[str]]) -> list[str]:
    """What alerts and dashboard ask for and these series do not have."""
    lines: list[str] = []
    for query in alert_queries() + panel_queries():
        names = [name for name, _ in query.selectors() if name != "up"]
        lines += [f"{query.place}: no series {name}" for name in names if name not in found]
        labels = query.grouping() | {label for _, chosen in query.selectors() for label in chosen}
        if names and not labels - ADDED_BY_PROMETHEUS <= set().union(*(found.get(name, set()) for name in names)):
            lines.append(f"{query.place}: none of {names} has all of {labels}")
    return lines


@pytest.mark.kafka
async def test_what_the_manifests_say_runs_and_exports_what_is_looked_at(
    kafka: str, prefix: str, tmp_path: Path
) -> None:
    pod = Pod("single", tmp_path, kafka, prefix)
    worker = of_kind("single", "StatefulSet")[0]
    topics = next(one for one in workloads("single") if one["kind"] == "Job")
    assert f"created {prefix}sla.ticket-events.v1" in await asyncio.to_thread(pod.done, topics, "topics")
    assert "published set 1" in await asyncio.to_thread(pod.done, worker, "policies")
    assert "nothing changed" in await asyncio.to_thread(pod.done, worker, "policies"), "a restart publishes nothing"
    process = pod.start(worker, "worker")
    try:
        await eventually(lambda: process.poll() is not None or pod.get("/readyz"), "readiness")
        assert pod.get("/livez") == "live\n"
        await feed(kafka, f"{prefix}sla.ticket-events.v1")
        await eventually(lambda: 'sla_outputs_total{type="sla.breach.v1"}' in (pod.get("/metrics") or ""), "a breach")
        await eventually(lambda: not gaps(series(pod.get("/metrics") or "")), "all series", 10)
        breaches = await read_topic(kafka, f"{prefix}sla.breaches.v1", PARTITIONS)
        assert json.loads(breaches[0].value or b"")["subject"] == "T"
        process.send_signal(signal.SIGTERM)
        said, _ = await asyncio.to_thread(process.communicate, timeout=20)
    finally:
        process.kill()
    assert process.returncode == 0
    assert [json.loads(line)["event"] for line in said.splitlines()].count("worker.stopped") == 1, said
    assert not any((tmp_path / "tmp").iterdir()), (
        "with a read-only root there is nowhere to write but /tmp, and no need"
    )


def test_a_series_or_a_label_that_is_missing_is_noticed() -> None:
    assert any("no series sla_lag_offsets" in line for line in gaps({}))
    whole = {name: {"partition", "type", "reason", "result"} for name in NAMES}
    assert any(
        line.startswith("alert SlaStreamDeadLetters: none of")
        for line in gaps(whole | {"sla_dead_letters_total": set()})
    )
