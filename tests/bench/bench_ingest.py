"""How many vendor records one ingest process takes: `python -m tests.bench.bench_ingest`.

A topic is filled with Jira's issue updates (about 1.2 kB each, every one of another ticket, time and delivery), then
one `sla-stream ingest` reads it to its end, exactly once, into the keyed topic of ticket events. Reported: records for
each CPU second of the process (user and system) and for each second of wall time, both from its readiness to the last
commit, without what was read by then. The broker runs on the same machine; with --pin the process has the last core
for itself, and the broker the others.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import orjson

from tests.ingest_support import Ground, IngestProcess, source_producer
from tests.kafka_support import broker, delete_topics, fresh_prefix
from tests.source_samples import source
from tests.worker_support import Cluster, eventually, workers

POLL_S = 0.25
"""Seconds between two looks at the process: each look costs it something, too."""

TICKS = os.sysconf("SC_CLK_TCK")


def record(number: int) -> tuple[bytes, list[tuple[str, bytes]]]:
    """An update of a ticket of its own."""
    payload = orjson.loads(orjson.dumps(source("jira").samples[1].payload))
    payload["timestamp"] += number * 61
    payload["issue"]["id"] = str(10_000 + number)
    minute, hour, day = number % 60, number // 60 % 24, 1 + number // 1440 % 28
    payload["issue"]["fields"]["created"] = f"2026-02-{day:02}T{hour:02}:{minute:02}:00.{number % 1000:03}+0100"
    return orjson.dumps(payload), [("X-Atlassian-Webhook-Identifier", b"d-%d" % number)]


async def fill(ground: Ground, count: int) -> None:
    """Batches made by hand: the producer must not be what takes the time."""
    topic, partitions = ground.topic("jira"), ground.topics["jira"]
    async with source_producer(ground.cluster.kafka) as producer:
        batches = {number: producer.create_batch() for number in range(partitions)}
        for number in range(count):
            value, headers = record(number)
            where = number % partitions
            if batches[where].append(key=None, value=value, timestamp=None, headers=headers) is None:
                await (await producer.send_batch(batches[where], topic, partition=where))
                batches[where] = producer.create_batch()
                batches[where].append(key=None, value=value, timestamp=None, headers=headers)
        for where, batch in batches.items():
            if batch.record_count():
                await (await producer.send_batch(batch, topic, partition=where))


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


async def measure(kafka: str, count: int, partitions: int, pin: bool) -> dict[str, Any]:
    prefix = fresh_prefix()
    with tempfile.TemporaryDirectory() as folder:
        ground = await Ground(Cluster(kafka, prefix, Path(folder)), {"jira": partitions}).create()
        ground.configure([{"topic": "jira", "mapping": "jira"}])
        await fill(ground, count)
        process = IngestProcess(ground)
        if pin:
            os.sched_setaffinity(process.pid, {max(os.sched_getaffinity(0))})
        try:
            with workers(process):
                await process.ready()
                early = process.metric("sla_ingest_records_total")
                began, started = time.monotonic(), cpu_seconds(process.pid)
                await eventually(
                    lambda: process.metric("sla_ingest_records_total") >= count, "every record", 600, POLL_S
                )
                wall, cpu = time.monotonic() - began, cpu_seconds(process.pid) - started
                assert process.metric("sla_ingest_events_total") == count
        finally:
            await delete_topics(kafka, prefix)
    return {
        "records": count, "partitions": partitions, "wall_s": round(wall, 2), "cpu_s": round(cpu, 2),
        "records_per_cpu_second": round((count - early) / cpu), "records_per_second": round((count - early) / wall),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--pin", action="store_true", help="the process on the last core alone")
    args = parser.parse_args()
    with broker() as kafka:
        for _ in range(args.runs):
            print(json.dumps(asyncio.run(measure(kafka, args.records, args.partitions, args.pin))), flush=True)


if __name__ == "__main__":
    main()
