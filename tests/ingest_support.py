"""Ingest workers as processes, source topics with traffic, a small schema registry: for tests on a real broker."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import threading
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web
from aiokafka import AIOKafkaProducer

from sla_stream.kafka.admin import Admin
from sla_stream.kafka.keys import partition_by_key
from sla_stream.kafka.topics import WantedTopic, wanted_topic
from tests.oracle import Record
from tests.worker_support import ROOT, Cluster, WorkerProcess, _environment, eventually, free_port, read_topic

PARTITIONS = 3


@dataclass
class Ground:
    """One test's source topics, the two topics that results go to, and the file that says how."""

    cluster: Cluster
    topics: dict[str, int]
    """Partitions of each source topic; names without the prefix."""
    config: Path = field(init=False)

    def __post_init__(self) -> None:
        self.config = self.cluster.directory / "ingest.yaml"

    def topic(self, name: str) -> str:
        return f"{self.cluster.prefix}{name}"

    def configure(self, sources: list[dict[str, Any]], **settings: Any) -> None:
        """Write the settings file; topics of `sources` get the prefix."""
        for source in sources:
            names = source["topic"]
            one = isinstance(names, str)
            source["topic"] = self.topic(names) if one else [self.topic(name) for name in names]
        document = {"kafka": self.cluster.kafka, "topic_prefix": self.cluster.prefix, "sources": sources, **settings}
        self.config.write_text(yaml.safe_dump(document))

    async def create(self, **config: str) -> Ground:
        settings = self.cluster.settings
        ours = [wanted_topic(settings, role) for role in ("ticket_events", "dead_letters")]
        sources = [WantedTopic("late", self.topic(name), count, 1, dict(config)) for name, count in self.topics.items()]
        async with Admin(settings) as admin:
            await admin.create([*ours, *sources])
            await admin.wait_for_leaders({one.name: one.partitions for one in (*ours, *sources)})
        return self

    async def events(self) -> list[Record]:
        """The committed ticket events."""
        return await self.cluster.read("ticket_events")

    async def letters(self) -> list[Record]:
        """The committed dead letters."""
        return await self.cluster.read("dead_letters")

    async def source(self, name: str) -> list[Record]:
        return await read_topic(self.cluster.kafka, self.topic(name), self.topics[name])

    async def until_read(self, events: int, letters: int = 0, timeout: float = 60.0) -> None:
        """Wait until so many results are committed."""

        async def there() -> bool:
            return len(await self.events()) >= events and len(await self.letters()) >= letters

        await eventually(there, f"{events} ticket events and {letters} dead letters", timeout, 0.3)

    def assert_placed(self, events: Iterable[Record]) -> None:
        """Each event is keyed by its ticket and lies where every client would put it."""
        route = partition_by_key(self.cluster.partitions)
        for record in events:
            assert record.key is not None and record.value is not None
            assert json.loads(record.value)["ticket_id"].encode() == record.key
            assert record.partition == route(record.key)


def places(letters: Iterable[Record]) -> Counter[tuple[str, int, int]]:
    """Where dead letters came from: topic, partition, offset."""
    found: Counter[tuple[str, int, int]] = Counter()
    for letter in letters:
        headers = {name: value.decode() for name, value in letter.headers}
        found[headers["sla-topic"], int(headers["sla-partition"]), int(headers["sla-offset"])] += 1
    return found


class IngestProcess(WorkerProcess):
    """An ingest worker in a process of its own."""

    def __init__(self, ground: Ground, *flags: str) -> None:
        counts = [int(flag.partition("=")[2]) for flag in flags if flag.startswith("--workers=")]
        self.port = free_port(max(counts, default=1))
        self.lines: list[dict[str, Any]] = []
        self._process = subprocess.Popen(
            [
                sys.executable, "-m", "sla_stream", "ingest", f"--config={ground.config}",
                f"--listen=127.0.0.1:{self.port}", "--log-format=json", "--session-timeout=6s", *flags,
            ],
            stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, cwd=ROOT, env=_environment(),
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()


@contextlib.asynccontextmanager
async def source_producer(kafka: str) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(bootstrap_servers=kafka, linger_ms=2, max_request_size=8 << 20)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


def queue_record(ticket: int, number: int, what: str = "opened") -> bytes:
    """A record for the mapping `own-queue`."""
    return json.dumps({"ticket": ticket, "id": f"e{number}", "at": 1_772_442_000 + number, "what": what}).encode()


class SmallRegistry:
    """A schema registry on loopback, answering as Confluent's does. `down`: it answers 503; `hangs`: not at all."""

    def __init__(self) -> None:
        self.by_id: dict[int, dict[str, Any]] = {}
        self.by_guid: dict[str, dict[str, Any]] = {}
        self.subjects: dict[tuple[str, str], dict[str, Any]] = {}
        self.asked: Counter[str] = Counter()
        self.down = False
        self.hangs = False

    def register(
        self, number: int, kind: str, text: str, references: list[Mapping[str, Any]] | None = None
    ) -> uuid.UUID:
        """Returns the GUID."""
        schema: dict[str, Any] = {"schema": text}
        if kind != "AVRO":
            schema["schemaType"] = kind
        if references:
            schema["references"] = references
        guid = uuid.uuid5(uuid.NAMESPACE_OID, f"{kind}{text}")
        self.by_id[number] = self.by_guid[str(guid)] = schema
        return guid

    async def __aenter__(self) -> SmallRegistry:
        app = web.Application()
        app.router.add_get("/schemas/ids/{id}", self._by_id)
        app.router.add_get("/schemas/guids/{guid}", self._by_guid)
        app.router.add_get("/subjects/{subject}/versions/{version}", self._by_subject)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _by_id(self, request: web.Request) -> web.Response:
        answer = self._answer(request, self.by_id.get(int(request.match_info["id"])), 40403)
        if self.hangs:
            await asyncio.Event().wait()
        return answer

    async def _by_guid(self, request: web.Request) -> web.Response:
        return self._answer(request, self.by_guid.get(request.match_info["guid"]), 40403)

    async def _by_subject(self, request: web.Request) -> web.Response:
        key = request.match_info["subject"], request.match_info["version"]
        return self._answer(request, self.subjects.get(key), 40401)

    def _answer(self, request: web.Request, schema: dict[str, Any] | None, code: int) -> web.Response:
        self.asked[request.path] += 1
        if self.down:
            return web.Response(status=503, text="down for a while")
        if schema is None:
            return web.json_response({"error_code": code, "message": "not found"}, status=404)
        return web.json_response(schema)


def confluent(number: int, payload: bytes, indexes: bytes = b"") -> bytes:
    """A value as a registry's serializer writes it."""
    return b"\0" + number.to_bytes(4, "big") + indexes + payload


async def ended(process: IngestProcess, code: int) -> str:
    """The process ends by itself with this code; what it said."""
    assert await process.ended() == code, process.log()
    return "\n".join(str(line.get("text") or line) for line in process.lines)


async def gather_all(sends: Iterable[Any]) -> None:
    await asyncio.gather(*sends)
