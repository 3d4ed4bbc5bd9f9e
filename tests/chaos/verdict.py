"""The end of every fault: all that the outside can see, against the oracle."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict, dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from sla_stream.core.engine import EngineSettings
from sla_stream.formats.setting_model import TopicRole
from tests.oracle import compare, differing_states
from tests.worker_support import Cluster, now_ms

PUBLIC: tuple[TopicRole, ...] = ("warnings", "breaches", "outcomes")
WRITTEN: tuple[TopicRole, ...] = (*PUBLIC, "dead_letters", "late", "changelog")
AN_HOUR = 3_600_000


@dataclass
class Verdict:
    """All counts but `events` and `outputs` are zero when everything is as it should be."""

    events: int
    """Input records."""
    outputs: int
    """SLA events that a read_committed reader sees."""
    lost: int
    duplicated: int
    early: int
    wrong: int
    set_aside_wrong: int
    """Input records missing from, or too many in, the dead letters and the late topic."""
    states: int
    """Tickets whose state in the changelog is not the oracle's."""
    uncommitted: int
    """Input records behind the group's committed offset."""
    hanging: int
    """Partitions that a transaction which nobody ends holds back."""

    @property
    def green(self) -> bool:
        return not any(count for name, count in asdict(self).items() if name not in ("events", "outputs"))


async def judge(cluster: Cluster) -> Verdict:
    """Compare what is there now."""
    until = now_ms() + AN_HOUR
    expected = await cluster.expected()
    published = await cluster.read(*PUBLIC)
    comparison = compare(published, expected)
    aside = await cluster.read("dead_letters", "late")
    places = sorted((_header(each, "sla-partition"), _header(each, "sla-offset")) for each in aside)
    settings = EngineSettings(settle_for=cluster.settle_for)
    changelog = await cluster.read("changelog")
    records = await cluster.read("ticket_events")
    committed = await cluster.committed()
    ends = {record.partition: record.offset + 1 for record in records}
    return Verdict(
        events=len(records),
        outputs=len(published),
        lost=comparison.lost.total(),
        duplicated=len(comparison.twice),
        early=len(comparison.early),
        wrong=comparison.wrong.total(),
        set_aside_wrong=len(set(places) ^ set(expected.set_aside)) + len(places) - len(set(places)),
        states=len(set(differing_states(changelog, expected, settings, until))),
        uncommitted=sum(max(0, end - committed.get(partition, 0)) for partition, end in ends.items()),
        hanging=await hanging(cluster),
    )


def _header(record: Any, name: str) -> int:
    return int(dict(record.headers)[name])


async def hanging(cluster: Cluster) -> int:
    """Partitions whose committed end lies before their end."""
    places = [
        TopicPartition(cluster.settings.topic(role), number)
        for role in WRITTEN
        for number in range(cluster.partitions)
    ]  # fmt: skip
    ends: list[dict[TopicPartition, int]] = []
    for level in ("read_committed", "read_uncommitted"):
        consumer = AIOKafkaConsumer(bootstrap_servers=cluster.kafka, isolation_level=level, enable_auto_commit=False)
        await consumer.start()
        try:
            ends.append(await consumer.end_offsets(places))
        finally:
            await consumer.stop()
    return sum(ends[0][place] != ends[1][place] for place in places)


async def final_verdict(cluster: Cluster, patience: float) -> Verdict:
    """Wait until everything is said; the last comparison when that never comes."""
    deadline = time.monotonic() + patience
    while not (verdict := await judge(cluster)).green and time.monotonic() < deadline:
        await asyncio.sleep(0.5)
    return verdict
