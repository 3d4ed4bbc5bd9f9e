"""verify, tickets and explain against topics that a real worker wrote."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from tests.worker_support import ROOT, Cluster, WorkerProcess, created, traffic, workers

pytestmark = pytest.mark.kafka


def command(cluster: Cluster, *words: str, policies: bool = True) -> subprocess.CompletedProcess[str]:
    settings = cluster.settings
    flags = [f"--kafka={settings.kafka}", f"--topic-prefix={settings.topic_prefix}"]
    if policies:
        flags += [f"--policies={settings.policies}", f"--settle-for={settings.settle_for}ms"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SLA_STREAM_")}
    return subprocess.run(
        [sys.executable, "-m", "sla_stream", *words, *flags],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        env=environment,
    )


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


async def append(cluster: Cluster, topic: str, key: bytes, value: bytes | None) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=cluster.kafka)
    await producer.start()
    try:
        await producer.send_and_wait(topic, value, key=key)
    finally:
        await producer.stop()


async def test_what_a_worker_wrote(kafka: str, prefix: str, tmp_path: Path) -> None:
    cluster = await Cluster(kafka, prefix, tmp_path).create()
    ids = [f"T{number}" for number in range(30)]
    async with traffic(cluster) as send:
        worker = WorkerProcess(cluster)
        with workers(worker):
            await worker.ready()
            await send.send(*created(send, ids))
            await send.send(*(send.event(one, "2", "agent_replied") for one in ids[::3]))
            await send.send(*(send.event(one, "3", "resolved", reason="fixed") for one in ids[::5]))
            await cluster.until_all_said()
            assert (await worker.stop())[0] == 0

    verified = await asyncio.to_thread(command, cluster, "verify", "--topic", "--grace", "0s")
    assert (verified.returncode, verified.stdout) == (0, ""), verified.stdout
    assert "; 0 differences" in verified.stderr

    states = lines(await asyncio.to_thread(command, cluster, "tickets", "get", "T0", policies=False))
    assert {state["metric"]: state["stage"] for state in states} == {"first_response": "met", "resolution": "met"}

    explained = lines(await asyncio.to_thread(command, cluster, "tickets", "get", "T3", "--explain"))
    for state in explained:
        spans = [(each["from"], each["to"]) for each in state["history"] if each["what"] == "running"]
        assert spans[0][0] == state["started_at"]
        assert spans[-1][1] == (state["ended_at"] or state["as_of"])

    overdue = lines(
        await asyncio.to_thread(
            command, cluster, "tickets", "list", "--breached", "--stage=running", "--metric=resolution", policies=False
        )
    )
    assert {state["ticket_id"] for state in overdue} == set(ids) - set(ids[::5])
    assert [state["due_at"] for state in overdue] == sorted(state["due_at"] for state in overdue)
    few = await asyncio.to_thread(
        command, cluster, "tickets", "list", "--limit=3", "--format=table", "--due-before=2099-01-01T00:00:00Z",
        policies=False,
    )  # fmt: skip
    assert len(few.stdout.splitlines()) == 4

    story = await asyncio.to_thread(command, cluster, "explain", "T0", "--topic", "--json")
    (found,) = lines(story)
    assert found["events"][0]["place"].startswith(f"{prefix}sla.ticket-events.v1/")
    assert all(clock["adds_up"] for clock in found["clocks"])

    # Somebody tampers: a breach too many, a state that is forgotten.
    breach = (await cluster.read("breaches"))[0]
    forged = json.loads(breach.value or b"")
    forged["id"], forged["data"]["cycle"] = "forged", 9
    await append(cluster, cluster.settings.topic("breaches"), breach.key or b"", json.dumps(forged).encode())
    await append(cluster, cluster.settings.topic("timers"), b"T0", None)
    tampered = await asyncio.to_thread(command, cluster, "verify", "--topic", "--grace", "0s", "--json")
    assert tampered.returncode == 1
    (difference,) = [json.loads(line) for line in tampered.stdout.splitlines()]
    assert (difference["difference"], difference["cycle"]) == ("unexpected", 9)
    gone = await asyncio.to_thread(command, cluster, "tickets", "get", "T0", policies=False)
    assert (gone.returncode, gone.stdout) == (1, "")
    assert "no clock of ticket 'T0'" in gone.stderr


async def test_what_the_worker_has_not_read_is_not_held_against_it(kafka: str, prefix: str, tmp_path: Path) -> None:
    cluster = await Cluster(kafka, prefix, tmp_path).create()
    async with traffic(cluster) as send:
        worker = WorkerProcess(cluster)
        with workers(worker):
            await worker.ready()
            await send.send(*created(send, ["A", "B", "C", "D"]))
            await cluster.until_all_said()
            assert (await worker.stop())[0] == 0
        await send.send(*created(send, ["E"]), send.event("A", "2", "resolved"))
    done = await asyncio.to_thread(command, cluster, "verify", "--topic", "--grace", "0s")
    assert done.returncode == 0, done.stdout
    assert "the worker is 2 records behind" in done.stderr


async def test_no_such_topic(kafka: str, prefix: str, tmp_path: Path) -> None:
    cluster = Cluster(kafka, prefix, tmp_path)
    for words in (("tickets", "list"), ("tickets", "get", "X"), ("verify", "--topic")):
        done = await asyncio.to_thread(command, cluster, *words, policies=words[0] == "verify")
        assert done.returncode == 2
        assert f"has no topic {prefix}" in done.stderr
        assert "Traceback" not in done.stderr
