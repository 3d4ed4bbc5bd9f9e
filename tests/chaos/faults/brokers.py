"""Brokers: one that is killed or restarted during commits, three of which any may go, a disk that is full."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sla_stream.broker.local_kafka import LocalKafka
from tests.chaos.arena import Arena, Fault
from tests.chaos.three_brokers import NODES, ThreeBrokers
from tests.worker_support import WorkerProcess, eventually

SUPERVISED = ("--workers=1", "--instance-id=only")


async def lone_broker(arena: Arena) -> None:
    """Killed and restarted by turns; the worker, supervised as in production, comes through or comes back."""
    broker: LocalKafka = arena.broker
    worker = await arena.worker(*SUPERVISED).ready()
    async with arena.load():
        for number in range(arena.rounds):
            await _progress(arena, worker)
            arena.strike()
            await asyncio.to_thread(broker.kill if number % 2 == 0 else broker.stop)
            await asyncio.to_thread(broker.start)
        await _progress(arena, worker)


async def any_of_three(arena: Arena) -> None:
    """Leaders and coordinators go, by SIGKILL and SIGTERM, one node after the other; two always stay."""
    brokers: ThreeBrokers = arena.broker
    worker = await arena.worker(*SUPERVISED).ready(60)
    async with arena.load():
        for number in range(arena.rounds):
            node = number % NODES
            await _progress(arena, worker)
            arena.strike()
            await asyncio.to_thread(brokers.kill if number % 2 == 0 else brokers.stop, node)
            await _progress(arena, worker)
            brokers.start(node)
            await asyncio.to_thread(brokers.wait, node)
            await _all_in_sync(arena)
        await _progress(arena, worker)


async def _progress(arena: Arena, worker: WorkerProcess, patience: float = 90) -> None:
    """Wait for new SLA events."""
    seen = len(arena.watch.arrivals)
    await worker.until(lambda: len(arena.watch.arrivals) > seen + 20, "new SLA events", patience)


async def _all_in_sync(arena: Arena) -> None:
    """Every replica of the input has caught up; else killing the next node would be killing two."""
    from confluent_kafka.admin import AdminClient

    admin = AdminClient({"bootstrap.servers": arena.cluster.kafka, "log_level": 0})
    topics = set(arena.cluster.settings.topics.values()) | {"__consumer_offsets", "__transaction_state"}

    def in_sync() -> bool:
        found = admin.list_topics(timeout=10).topics
        parts = [part for name in topics & found.keys() for part in found[name].partitions.values()]
        return all(len(part.isrs) == NODES for part in parts)

    await eventually(lambda: asyncio.to_thread(in_sync), "all replicas in sync", 90, 0.25)


@dataclass
class SmallDisk:
    """A broker whose disk has a few dozen MB. Where no file system can be mounted, a limit on file sizes stands in."""

    broker: LocalKafka
    mounted: Path | None
    _ballast: Path | None = None

    @property
    def bootstrap(self) -> str:
        return self.broker.bootstrap

    def fill(self) -> None:
        if self.mounted is None:
            resource.prlimit(self.broker.pid, resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
            return
        self._ballast = self.mounted / "ballast"
        with self._ballast.open("wb") as file, contextlib.suppress(OSError):
            while True:
                file.write(b"\0" * 65_536)
                file.flush()

    def free(self) -> None:
        if self._ballast is not None:
            self._ballast.unlink()


@contextlib.contextmanager
def small_disk() -> Iterator[SmallDisk]:
    with tempfile.TemporaryDirectory(prefix="sla-stream-disk-") as place:
        mount = ["mount", "-t", "tmpfs", "-o", "size=192m", "tmpfs", place]
        mounted = os.geteuid() == 0 and subprocess.run(mount, capture_output=True, check=False).returncode == 0
        before = tempfile.tempdir
        try:
            with contextlib.ExitStack() as stack:
                if mounted:
                    tempfile.tempdir = place
                broker = stack.enter_context(LocalKafka())
                tempfile.tempdir = before
                yield SmallDisk(broker, Path(place) if mounted else None)
        finally:
            tempfile.tempdir = before
            if mounted:
                subprocess.run(["umount", "-l", place], capture_output=True, check=True)


async def full_disk(arena: Arena) -> None:
    """Nothing more can be written, the broker gives up; room is made, it comes back, and so does the worker."""
    disk: SmallDisk = arena.broker
    arena.notes.append("ENOSPC on a tmpfs" if disk.mounted else "a limit on file sizes in place of a full disk")
    worker = await arena.worker(*SUPERVISED).ready()
    async with arena.load():
        for _ in range(arena.rounds):
            await _progress(arena, worker)
            disk.fill()
            arena.strike()
            await eventually(lambda: not disk.broker.running, "the broker has given up", 60)
            disk.free()
            await asyncio.to_thread(disk.broker.restart)
        await _progress(arena, worker)


async def compaction(arena: Arena) -> None:
    """The cleaner rewrites the changelog while workers recover from it."""
    from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

    changelog = arena.cluster.settings.topic("changelog")
    eager = {"segment.ms": "1000", "segment.bytes": "1048576", "min.cleanable.dirty.ratio": "0.001"}
    entries = [ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in eager.items()]
    resource_ = ConfigResource(ResourceType.TOPIC, changelog, incremental_configs=entries)
    admin = AdminClient({"bootstrap.servers": arena.cluster.kafka, "log_level": 0})
    for done in admin.incremental_alter_configs([resource_]).values():
        await asyncio.to_thread(done.result, 10)
    async with arena.load():
        for _ in range(arena.rounds):
            worker = await arena.worker("--instance-id=only").ready()
            await _progress(arena, worker)
            arena.strike()
            worker.kill()
        last = await arena.worker("--instance-id=only").ready()
        await _progress(arena, last)
        await eventually(lambda: _compacted(arena), "the cleaner has been at work", 60, 0.5)
    await arena.settle(last)


async def _compacted(arena: Arena) -> bool:
    records = await arena.cluster.read("changelog")
    written = sum({record.partition: record.offset for record in records}.values())
    if len(records) > written * 0.9:
        return False
    arena.notes.append(f"{len(records):,} records left of {written:,} offsets")
    return True


FAULTS = (
    Fault("broker killed and restarted", lone_broker, short=2, long=20, broker=LocalKafka, patience=120, steady=False),
    Fault("one of three brokers goes", any_of_three, short=3, long=12, broker=ThreeBrokers, patience=180),
    Fault("full disk on the broker", full_disk, short=1, long=3, broker=small_disk, patience=120, steady=False),
    Fault(
        "compaction during recovery", compaction, short=3, long=20,
        broker=lambda: LocalKafka(properties={"log.cleaner.backoff.ms": "200", "log.cleaner.threads": "1"}),
    ),
)  # fmt: skip
