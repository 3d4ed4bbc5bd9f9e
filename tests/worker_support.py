"""Workers as processes, topics, and traffic, for tests on a real broker."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import TopicPartition

from sla_stream.core.engine import EngineSettings
from sla_stream.core.policy import PolicySet
from sla_stream.formats.instants import format_instant
from sla_stream.formats.policy_file import load_policies
from sla_stream.formats.settings import Settings, TopicRole
from sla_stream.kafka.admin import Admin
from sla_stream.kafka.keys import partition_by_key
from sla_stream.kafka.policy_log import read_policy_history
from sla_stream.kafka.topics import wanted_topics
from tests.oracle import Expected, Record, assert_same, replay

ROOT = Path(__file__).parents[1]
PATIENCE = 30.0

POLICIES = """\
apiVersion: sla-stream/v1
policies:
  - name: quick
    schedule: 24x7
    targets:
      first_response: {target: 1s}
      resolution: {target: 2s, warn: ["50%"], escalate: [{at: "+1s", notify: [lead]}]}
"""


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def free_port(count: int = 1) -> int:
    """The first of `count` free ports in a row, below those that the system hands out to every connection."""
    while True:
        first = random.randrange(15_000, 30_000)
        try:
            for port in range(first, first + count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first


@dataclass
class Cluster:
    """One test's topics on a broker, and the settings that name them."""

    kafka: str
    prefix: str
    directory: Path
    partitions: int = 4
    policies: str = POLICIES
    settle_for: int = 0
    history: bool = False
    """Records of the input carry instants of the past (CreateTime)."""
    publishes: bool = False
    """Policies come from the policies topic, not from the file."""
    settings: Settings = field(init=False)

    def __post_init__(self) -> None:
        path = self.directory / "policies.yaml"
        path.write_text(self.policies)
        self.settings = Settings(
            kafka=self.kafka,
            topic_prefix=self.prefix,
            partitions=self.partitions,
            policies=str(path),
            settle_for=self.settle_for,
        )

    @property
    def policy_set(self) -> PolicySet:
        return load_policies(str(self.settings.policies))

    async def create(self) -> Cluster:
        """Make the topics and wait until each partition has a leader."""
        wanted = wanted_topics(self.settings, virtual_clock=self.history)
        async with Admin(self.settings) as admin:
            await admin.create(wanted)
            await admin.wait_for_leaders({topic.name: topic.partitions for topic in wanted})
        return self

    async def read(self, *roles: TopicRole) -> list[Record]:
        """All committed records of some topics, in (topic, partition, offset) order."""
        found: list[Record] = []
        for role in roles:
            found += await read_topic(self.kafka, self.settings.topic(role), self.partitions)
        return found

    async def push(self, text: str, *flags: str, code: int = 0) -> str:
        """`policy push` of this text; returns what it said on both outputs."""
        path = self.directory / "pushed.yaml"
        path.write_text(text)
        return await self.command("policy", "push", f"--policies={path}", *flags or ("--yes",), code=code)

    async def command(self, *words: str, code: int = 0) -> str:
        """Any command on this cluster, as a user runs it; its exit code is checked."""
        where = (f"--kafka={self.kafka}", f"--topic-prefix={self.prefix}")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "sla_stream", *words, *where, cwd=ROOT, env=_environment(),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == code, f"{words} ended with {process.returncode}: {said.decode()}"
        return said.decode()

    async def committed(self) -> dict[int, int]:
        """The group's committed offsets by partition."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka)
        await admin.start()
        try:
            offsets = await admin.list_consumer_group_offsets(self.settings.group_id)
        finally:
            await admin.close()
        return {tp.partition: at.offset for tp, at in offsets.items()}

    async def expected(self) -> Expected:
        """What the worker should have said an hour from now: with everything fired that will ever be due."""
        records = await self.read("ticket_events")
        engine = EngineSettings(settle_for=self.settle_for)
        policies = (await read_policy_history(self.settings)).timeline() if self.publishes else self.policy_set
        return replay(records, policies, engine, now_ms() + 3_600_000)

    async def assert_exact(self) -> None:
        """The published SLA events equal the oracle's, once nothing is to come any more."""
        expected = await self.expected()
        assert_same(await self.read("warnings", "breaches", "outcomes"), expected)
        aside = await self.read("dead_letters", "late")
        places = {_place(record): dict(record.headers)["sla-reason"].decode() for record in aside}
        assert len(places) == len(aside), "a record was set aside twice"
        assert places == expected.set_aside

    async def until_all_said(self, timeout: float = PATIENCE) -> None:
        """Wait until the net set equals the oracle's; on time-out the comparison explains itself."""

        async def same() -> bool:
            try:
                await self.assert_exact()
            except AssertionError:
                return False
            return True

        with contextlib.suppress(TimeoutError):
            await eventually(same, "the net set", timeout, 0.25)
        await self.assert_exact()


def _place(record: Record) -> tuple[int, int]:
    headers = dict(record.headers)
    return int(headers["sla-partition"]), int(headers["sla-offset"])


async def read_topic(kafka: str, topic: str, partitions: int) -> list[Record]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka, isolation_level="read_committed", enable_auto_commit=False, fetch_max_wait_ms=20
    )
    await consumer.start()
    found: list[Record] = []
    try:
        tps = [TopicPartition(topic, number) for number in range(partitions)]
        consumer.assign(tps)
        ends = await consumer.end_offsets(tps)
        begins = await consumer.beginning_offsets(tps)
        for tp in tps:
            consumer.seek(tp, begins[tp])
        deadline = time.monotonic() + PATIENCE
        while any([await consumer.position(tp) < ends[tp] for tp in tps]):
            assert time.monotonic() < deadline, f"{topic} could not be read to its end"
            for tp, records in (await consumer.getmany(timeout_ms=50)).items():
                found += [
                    Record(topic, tp.partition, one.offset, one.timestamp, one.key, one.value, tuple(one.headers))
                    for one in records
                    if one.offset < ends[tp]
                ]
    finally:
        await consumer.stop()
    return sorted(found, key=lambda record: (record.partition, record.offset))


async def eventually(condition: Callable[[], Any], what: str, timeout: float = PATIENCE, every: float = 0.05) -> None:
    """Wait for a condition (plain or async) to hold; TimeoutError names what was waited for."""
    deadline = time.monotonic() + timeout
    while True:
        result = condition()
        if asyncio.iscoroutine(result):
            result = await result
        if result:
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout} s in vain for {what}")
        await asyncio.sleep(every)


class Traffic:
    """Sends ticket events keyed and placed like any Java client would."""

    def __init__(self, cluster: Cluster, producer: AIOKafkaProducer) -> None:
        self._topic = cluster.settings.topic("ticket_events")
        self._route = partition_by_key(cluster.partitions)
        self._producer = producer

    def event(self, ticket_id: str, event_id: str, kind: str, at: int | None = None, **more: Any) -> dict[str, Any]:
        instant = format_instant(now_ms() if at is None else at)
        return {"event_id": event_id, "ticket_id": ticket_id, "kind": kind, "occurred_at": instant, **more}

    async def send(self, *events: dict[str, Any]) -> None:
        """Append events and wait for the acknowledgements."""
        await asyncio.gather(
            *[await self._append(event["ticket_id"].encode(), json.dumps(event).encode()) for event in events]
        )

    async def send_raw(self, key: bytes | None, value: bytes | None, **more: Any) -> Any:
        return await (await self._append(key, value, **more))

    async def _append(self, key: bytes | None, value: bytes | None, **more: Any) -> Any:
        more.setdefault("partition", self._route(key or b""))
        return await self._producer.send(self._topic, value, key=key, **more)


@contextlib.asynccontextmanager
async def traffic(cluster: Cluster, transactional_id: str | None = None) -> AsyncIterator[Traffic]:
    producer = AIOKafkaProducer(
        bootstrap_servers=cluster.kafka, linger_ms=2, transactional_id=transactional_id, retry_backoff_ms=20
    )
    await producer.start()
    try:
        yield Traffic(cluster, producer)
    finally:
        await producer.stop()


class WorkerProcess:
    """A worker in a process of its own; its log lines are kept as JSON objects."""

    def __init__(
        self,
        cluster: Cluster,
        *flags: str,
        program: Sequence[str] = ("-m", "sla_stream"),
        command: str = "run",
        **environment: str,
    ) -> None:
        counts = [int(flag.partition("=")[2]) for flag in flags if flag.startswith("--workers=")]
        self.port = free_port(max(counts, default=1))
        settings = cluster.settings
        self.lines: list[dict[str, Any]] = []
        self._process = subprocess.Popen(
            [
                sys.executable, *program, command, f"--kafka={settings.kafka}",
                f"--topic-prefix={settings.topic_prefix}",
                *(() if cluster.publishes else (f"--policies={settings.policies}",)),
                f"--settle-for={settings.settle_for}ms", f"--listen=127.0.0.1:{self.port}", "--log-format=json",
                "--session-timeout=6s", *flags,
            ],
            stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, cwd=ROOT,
            env=_environment() | environment,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def code(self) -> int | None:
        return self._process.poll()

    def said(self, event: str) -> list[dict[str, Any]]:
        return [line for line in list(self.lines) if line.get("event") == event]

    def log(self) -> str:
        return "\n".join(json.dumps(line) for line in self.lines[-40:])

    async def ready(self, timeout: float = PATIENCE) -> WorkerProcess:
        await self.until(lambda: bool(self.said("worker.ready")), "worker.ready", timeout)
        return self

    async def until(self, condition: Callable[[], Any], what: str, timeout: float = PATIENCE) -> None:
        """Wait for a condition while the worker lives."""

        def alive_and_true() -> bool:
            assert self.code is None, f"the worker has ended with {self.code}:\n{self.log()}"
            return bool(condition())

        try:
            await eventually(alive_and_true, what, timeout)
        except TimeoutError as error:
            raise TimeoutError(f"{error}:\n{self.log()}") from None

    async def ended(self, timeout: float = PATIENCE) -> int:
        """Wait for the end by itself; returns the exit code."""
        await eventually(lambda: self.code is not None, "the worker's end", timeout)
        self._reader.join(5)
        assert self.code is not None
        return self.code

    async def stop(self, timeout: float = 12.0) -> tuple[int, float]:
        """SIGTERM; returns exit code and seconds taken."""
        began = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        return await self.ended(timeout), time.monotonic() - began

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, if it still lives."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait(10)
        self._reader.join(20)  # a supervisor's child holds the pipe for as long as its own end takes
        if self._process.stderr is not None:
            self._process.stderr.close()

    def http(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def metric(self, name: str) -> float:
        """Sum of a metric over its labels."""
        _, text = self.http("/metrics")
        lines = (line for line in text.splitlines() if line.split("{")[0].split(" ")[0] == name)
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)

    def _read(self) -> None:
        assert self._process.stderr is not None
        for raw in self._process.stderr:
            try:
                self.lines.append(json.loads(raw))
            except ValueError:
                self.lines.append({"event": "raw", "text": raw.decode(errors="replace").rstrip()})


@contextlib.contextmanager
def workers(*processes: WorkerProcess) -> Any:
    """Kills what is still there at the end, whatever happens."""
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()


def created(traffic_: Traffic, ids: Iterable[str]) -> list[dict[str, Any]]:
    return [traffic_.event(ticket_id, "1", "created", priority="high") for ticket_id in ids]


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("SLA_STREAM_")}
