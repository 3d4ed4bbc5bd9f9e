"""The consumer examples in Python, Java and TypeScript, run as a reader of the docs runs them, on a real broker.

What they read is what the engine says. Everything comes twice, a transaction is aborted in the midst, and in the end
the offsets are set back to the beginning: no page is opened twice, and none for what was never said.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from sla_stream.broker.java import find_java
from sla_stream.broker.kafka_jars import kafka_distribution
from tests.npm_support import installed, node
from tests.worker_support import ROOT, Cluster, eventually

EXAMPLES = ROOT / "docs" / "examples" / "consumers"
POLICIES = """\
apiVersion: sla-stream/v1
policies:
  - name: desk
    schedule: 24x7
    targets:
      first_response: {target: 1h, escalate: [{at: "+30m"}]}
      resolution: {target: 2h, kind: kpi}
"""
RETRACTED, ANSWERED, OPEN, LAST, LATER = "retracted", "answered", "open", "last", "later"


def ticket(name: str, answer: tuple[str, str] | None = None) -> list[dict[str, Any]]:
    """A ticket made at 08:00, and its answer (occurred, recorded)."""
    made = {"event_id": "1", "ticket_id": name, "kind": "created", "occurred_at": "2026-03-02T08:00:00Z",
            "recorded_at": "2026-03-02T08:00:00Z"}  # fmt: skip
    if answer is None:
        return [made]
    return [made, made | {"event_id": "2", "kind": "agent_replied", "occurred_at": answer[0], "recorded_at": answer[1]}]


def said(directory: Path, *tickets: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the engine says of the tickets, in the order of its decisions."""
    events = sorted((event for one in tickets for event in one), key=lambda event: event["recorded_at"])
    (directory / "policies.yaml").write_text(POLICIES)
    (directory / "events.jsonl").write_text("".join(f"{json.dumps(event)}\n" for event in events))
    command = ["-m", "sla_stream", "replay", "--clock=recorded", "--policies=policies.yaml", "--events=events.jsonl",
               "--as-of=2026-03-02T12:00:00Z"]  # fmt: skip
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SLA_STREAM_")}
    environment["PYTHONPATH"] = str(ROOT)
    done = subprocess.run([sys.executable, *command], cwd=directory, capture_output=True, check=True, env=environment)
    return [json.loads(line) for line in done.stdout.splitlines()]


def outcomes(events: Iterable[dict[str, Any]], outcome: bool) -> list[dict[str, Any]]:
    """Those for the outcomes topic, or those for the breaches topic; warnings there are none."""
    return [event for event in events if (event["data"]["outcome"] is not None) == outcome]


class Example:
    """A running example; the lines it printed."""

    def __init__(self, name: str, command: list[str], cluster: Cluster, state: Path) -> None:
        self.name = name
        self.group = f"{cluster.prefix}pager-{name}"
        self.lines: list[list[str]] = []
        self._command = [
            *command, "--kafka", cluster.kafka, "--prefix", cluster.prefix, "--group", self.group, "--state", str(state)
        ]  # fmt: skip

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self.lines.clear()
        process = await asyncio.create_subprocess_exec(*self._command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        reading = asyncio.create_task(self._read(process.stdout))
        errors = asyncio.create_task(self._all(process.stderr))
        self._process = process
        try:
            yield
            process.terminate()
            await asyncio.wait_for(process.wait(), 20)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            await reading
            self.errors = await errors

    async def until(self, action: str, incident: str) -> None:
        def seen() -> bool:
            assert self._process.returncode is None, f"{self.name} has ended"
            return [action, incident] in [line[:2] for line in self.lines]

        await eventually(seen, f"{self.name} to {action} {incident}, which said {self.lines}", 40)

    async def _read(self, stream: Any) -> None:
        async for line in stream:
            self.lines.append(line.decode().rstrip("\n").split("\t"))

    async def _all(self, stream: Any) -> str:
        return (await stream.read()).decode()


def java(directory: Path) -> list[str]:
    """The Java example, compiled against the very versions that its pom.xml names."""
    runtime = find_java()
    jars = Path(kafka_distribution(runtime, print).classpath).parent
    pom = (EXAMPLES / "java" / "pom.xml").read_text()
    wanted = re.findall(r"<artifactId>([^<]+)</artifactId>\s*<version>([\d.]+)</version>\s*</dependency>", pom)
    assert [name for name, _ in wanted] == ["kafka-clients", "jackson-databind", "slf4j-simple"]
    named = [jars / f"{name}-{version}.jar" for name, version in wanted]
    assert [jar.name for jar in named if not jar.is_file()] == [], "the pom names others than the tests run with"
    compiler = runtime.home / "bin" / "javac"
    assert compiler.is_file() or shutil.which("javac"), "the Java example needs a JDK (Debian: openjdk-17-jdk-headless)"
    classes = directory / "classes"
    path = f"{jars}/*"
    subprocess.run(
        [compiler if compiler.is_file() else "javac", "--release=17", "-Xlint:all", "-Werror", "-proc:none",
         "-cp", path, "-d", classes, EXAMPLES / "java" / "Pager.java"],
        check=True,
    )  # fmt: skip
    quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"
    return [str(runtime.program), "-XX:TieredStopAtLevel=1", "-Xmx256m", quiet, "-cp", f"{classes}:{path}", "Pager"]


def typescript() -> list[str]:
    """The TypeScript example with its pinned packages, type-checked and built."""
    home = installed(EXAMPLES / "typescript", ("tsconfig.json", "pager.ts"), build="build")
    return [node(), str(home / "dist" / "pager.js")]


@contextlib.asynccontextmanager
async def transactions(kafka: str, name: str) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=name, retry_backoff_ms=20)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def put(producer: AIOKafkaProducer, topic: str, events: Iterable[dict[str, Any]], commit: bool = True) -> None:
    await producer.begin_transaction()
    for event in events:
        await producer.send(topic, json.dumps(event).encode(), key=event["subject"].encode())
    await producer.flush()
    await (producer.commit_transaction() if commit else producer.abort_transaction())


async def set_back(kafka: str, group: str, topics: Iterable[str]) -> None:
    """The group's offsets to the beginning, once its member has left."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, group_id=group, enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, 0) for topic in topics]
        consumer.assign(partitions)
        before = [await consumer.committed(one) for one in partitions]
        assert all(offset and offset > 5 for offset in before), f"{group} has committed {before}"
        await consumer.commit(dict.fromkeys(partitions, 0))
    finally:
        await consumer.stop()


@pytest.mark.kafka
async def test_no_page_twice_and_none_for_nothing(kafka: str, prefix: str, tmp_path: Path) -> None:
    cluster = await Cluster(kafka, prefix, tmp_path, partitions=1).create()
    breaches, done = cluster.settings.topic("breaches"), cluster.settings.topic("outcomes")
    answered = ("2026-03-02T09:45:00Z", "2026-03-02T09:45:00Z")
    events = said(
        tmp_path, ticket(RETRACTED, ("2026-03-02T08:30:00Z", "2026-03-02T09:40:00Z")), ticket(ANSWERED, answered),
        ticket(OPEN), ticket(LAST, answered),
    )  # fmt: skip
    later = said(tmp_path, ticket(LATER, answered))
    assert {event["type"].split(".")[1] for event in events} == {"breach", "escalation", "retraction", "outcome"}
    ghost = [event | {"id": f"{number:08}-0000-5000-8000-000000000000", "data": event["data"] | {"incident": "ghost"}}
             for number, event in enumerate(outcomes(events, False))]  # fmt: skip
    examples = [
        Example("python", [sys.executable, str(EXAMPLES / "python" / "pager.py")], cluster, tmp_path / "python.db"),
        Example("java", java(tmp_path), cluster, tmp_path / "java.jsonl"),
        Example("typescript", typescript(), cluster, tmp_path / "typescript.jsonl"),
    ]

    def key(name: str) -> str:
        return f"{name}/first_response/1"

    async def all_until(action: str, name: str) -> None:
        await asyncio.gather(*(one.until(action, key(name)) for one in examples))

    async with transactions(kafka, f"{prefix}writer") as producer:
        async with contextlib.AsyncExitStack() as stack:
            for one in examples:
                await stack.enter_async_context(one.running())
            early = [event for event in outcomes(events, False) if event["subject"] != LAST]
            await put(producer, breaches, early)
            await put(producer, breaches, ghost, commit=False)
            await put(producer, breaches, early)
            await put(producer, breaches, [event for event in outcomes(events, False) if event["subject"] == LAST])
            await all_until("open", LAST)
            ended = sorted(outcomes(events, True), key=lambda event: event["subject"] == LAST)
            await put(producer, done, ended + ended)
            await all_until("close", LAST)
        expected = [
            ["open", key(RETRACTED)], ["open", key(ANSWERED)], ["open", key(OPEN)], ["close", key(RETRACTED)],
            ["open", key(LAST)], ["close", key(ANSWERED)], ["close", key(LAST)],
        ]  # fmt: skip
        for one in examples:
            told = [line[:2] for line in one.lines]
            assert sorted(told) == sorted(expected), f"{one.name}: {one.lines}\n{one.errors}"
            assert told.index(["open", key(RETRACTED)]) < told.index(["close", key(RETRACTED)]), one.name
            await set_back(kafka, one.group, (breaches, done))
        async with contextlib.AsyncExitStack() as stack:
            for one in examples:
                await stack.enter_async_context(one.running())
            await put(producer, breaches, outcomes(later, False))
            await all_until("open", LATER)
            await put(producer, done, outcomes(later, True))
            await all_until("close", LATER)
        for one in examples:
            told = [line[:2] for line in one.lines]
            assert told == [["open", key(LATER)], ["close", key(LATER)]], f"{one.name}: {one.lines}\n{one.errors}"
