"""Measure the worker on a real broker: throughput of a backlog, recovery, firing lateness.

make bench                          the whole, with a broker of its own (SLA_STREAM_TEST_KAFKA: an existing one)
make bench ARGS="--events 50000"    shorter

Prints a Markdown table and writes build/bench_worker.json. Both contestants read the same bytes from the same topic,
on the same broker, in the same run; with two or more cores the broker has one and the contestant another.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

sys.path.insert(0, str(Path(__file__).parents[2]))

from sla_stream.formats.instants import format_instant
from sla_stream.kafka.admin import Admin
from sla_stream.kafka.keys import partition_by_key
from sla_stream.kafka.topics import WantedTopic
from tests.kafka_support import broker, delete_topics, fresh_prefix
from tests.worker_support import Cluster, WorkerProcess, created, eventually, now_ms, traffic, workers

HERE = Path(__file__).parent
PARTITIONS = 8
HOUR = 3_600_000
TICK = os.sysconf("SC_CLK_TCK")

POLICIES = """\
apiVersion: sla-stream/v1
schedules:
  office:
    timezone: Europe/Berlin
    hours: {mon-fri: ["08:00-12:00", "13:00-18:00"]}
policies:
  - name: bench
    schedule: office
    warn: ["80%"]
    pause: [{status: [pending, on_hold]}]
    targets:
      first_response: {target: {urgent: 30m, high: 2h, default: 4h}}
      next_response: {target: 4h}
      resolution: {target: 24h, escalate: [{at: "+1h"}]}
"""

LATENESS_POLICIES = """\
apiVersion: sla-stream/v1
policies:
  - name: bench
    schedule: 24x7
    targets:
      resolution: {target: 1s}
"""


def ticket_events(count: int, seed: int = 7) -> Iterator[tuple[bytes, bytes, int]]:
    """(key, value, ms) of a plausible stream: tickets that are made, answered, paused, resolved, in the last days."""
    chance = random.Random(seed)
    kinds = [
        ("updated", "open"), ("agent_replied", None), ("updated", "pending"), ("customer_replied", "open"),
        ("agent_replied", None), ("resolved", None),
    ]  # fmt: skip
    open_tickets: list[list[Any]] = []
    start, number = now_ms() - 6 * 24 * HOUR, 0
    for index in range(count):
        at = start + index * (5 * 24 * HOUR) // count
        if len(open_tickets) < 1_000 or chance.random() < 0.2:
            number += 1
            open_tickets.append([f"T{number:07d}", 0])
            ticket, step = open_tickets[-1]
            kind, status = "created", None
        else:
            place = chance.randrange(len(open_tickets))
            ticket, step = open_tickets[place]
            kind, status = kinds[min(step, len(kinds) - 1)]
            open_tickets[place][1] += 1
            if kind == "resolved":
                open_tickets[place] = open_tickets[-1]
                open_tickets.pop()
        event: dict[str, Any] = {"event_id": f"e{index}", "ticket_id": ticket, "kind": kind}
        event["occurred_at"] = format_instant(at)
        if kind == "created":
            event |= {"priority": chance.choice(["urgent", "high", "normal"]), "customer": "acme", "group": "desk"}
        if status:
            event["status"] = status
        event["assignee"] = f"agent-{chance.randrange(50)}"
        yield ticket.encode(), json.dumps(event, separators=(",", ":")).encode(), at


async def fill(kafka: str, topic: str, events: Iterable[tuple[bytes, bytes, int]]) -> int:
    """Append everything; returns the number of bytes."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all")
    await producer.start()
    route = partition_by_key(PARTITIONS)
    open_: dict[int, Any] = {}
    total = 0
    try:
        for key, value, at in events:
            partition = route(key)
            total += len(value)
            batch = open_.get(partition) or open_.setdefault(partition, producer.create_batch())
            if batch.append(timestamp=at, key=key, value=value) is None:
                await producer.send_batch(batch, topic, partition=partition)
                open_[partition] = producer.create_batch()
                open_[partition].append(timestamp=at, key=key, value=value)
        for partition, batch in open_.items():
            await producer.send_batch(batch, topic, partition=partition)
        await producer.flush()
    finally:
        await producer.stop()
    return total


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def pin(pid: int, core: int) -> None:
    if (os.cpu_count() or 1) > core:
        for task in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), {core})


async def backlog(cluster: Cluster, events: int, timers: str) -> dict[str, Any]:
    """Our worker over the whole backlog, from ready to the last commit."""
    worker = WorkerProcess(cluster, f"--app-id=bench-{timers}", f"--timers-topic={timers}")
    with workers(worker):
        pin(worker.pid, 1)
        await worker.ready()
        began, cpu = time.perf_counter(), cpu_seconds(worker.pid)
        already = worker.metric("sla_events_total")
        await worker.until(lambda: worker.metric("sla_events_total") >= events, "the backlog", 600)
        wall, used = time.perf_counter() - began, cpu_seconds(worker.pid) - cpu
        outputs = worker.metric("sla_outputs_total")
        lateness = worker.metric("sla_transaction_seconds_sum") / worker.metric("sla_transaction_seconds_count")
        memory = worker.metric("process_resident_memory_bytes")
    return {
        "what": f"sla-stream worker, exactly once, timers topic {timers}",
        "events": events - already,
        "wall_s": wall,
        "cpu_s": used,
        "outputs_per_event": outputs / events,
        "mean_transaction_ms": lateness * 1000,
        "rss_mb": memory / 1e6,
    }


async def idiomatic(kafka: str, cluster: Cluster, events: int) -> dict[str, Any]:
    sink = f"{cluster.prefix}faust-out"
    table = f"{sink}-faust-tickets-changelog"
    async with Admin(cluster.settings) as admin:
        topics = [
            WantedTopic("warnings", sink, PARTITIONS, None),
            WantedTopic("changelog", table, PARTITIONS, None, {"cleanup.policy": "compact"}),
        ]
        await admin.create(topics)
        await admin.wait_for_leaders({sink: PARTITIONS, table: PARTITIONS})
    program = [sys.executable, str(HERE / "idiomatic_faust.py"), kafka, cluster.settings.topic("ticket_events")]
    process = subprocess.Popen([*program, sink, str(events)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        pin(process.pid, 1)
        out, _ = await asyncio.to_thread(process.communicate, timeout=300)
    finally:
        process.kill()
        process.wait()
    line = next(line for line in out.splitlines() if b'"wall_s"' in line)
    found = json.loads(line[line.index(b"{") :])
    return {"what": "idiomatic Faust agent, at least once, table write + send", "outputs_per_event": 1.0, **found}


async def recovery(kafka: str, directory: Path, prefix: str, tickets: int) -> dict[str, Any]:
    """Kill -9 with open tickets, start again: seconds from the start of the process to `worker.ready`."""
    cluster = Cluster(kafka, f"{prefix}rec-", directory, partitions=PARTITIONS, policies=POLICIES)
    await cluster.create()
    now = now_ms()
    event = {"event_id": "1", "kind": "created", "occurred_at": format_instant(now)}
    keys = (b"T%07d" % number for number in range(tickets))
    events = ((key, json.dumps({"ticket_id": key.decode(), **event}).encode(), now) for key in keys)
    await fill(kafka, cluster.settings.topic("ticket_events"), events)
    first = WorkerProcess(cluster, "--timers-topic=off", "--instance-id=bench")
    with workers(first):
        await first.ready()
        await first.until(lambda: first.metric("sla_events_total") >= tickets, "all tickets", 300)
    began = time.perf_counter()
    second = WorkerProcess(cluster, "--timers-topic=off", "--instance-id=bench")
    with workers(second):
        pin(second.pid, 1)
        await second.ready(120)
        seconds = time.perf_counter() - began
        slowest = max(line["seconds"] for line in second.said("partition.ready"))
        assert second.metric("sla_open_timers") >= tickets
        used = cpu_seconds(second.pid)
    return {"tickets": tickets, "start_to_ready_s": seconds, "slowest_partition_s": slowest, "cpu_s": used}


async def lateness(kafka: str, directory: Path, prefix: str, tickets: int) -> dict[str, Any]:
    """Deadline to arrival at a read_committed reader, on an otherwise idle topic; both clocks are this machine's."""
    cluster = Cluster(kafka, f"{prefix}late-", directory, partitions=PARTITIONS, policies=LATENESS_POLICIES)
    await cluster.create()
    seen: list[float] = []
    reader = AIOKafkaConsumer(
        cluster.settings.topic("breaches"), bootstrap_servers=kafka, isolation_level="read_committed",
        auto_offset_reset="earliest", enable_auto_commit=False, fetch_max_wait_ms=500,
    )  # fmt: skip
    await reader.start()

    async def read() -> None:
        async for record in reader:
            due = json.loads(record.value)["data"]["due_at"]
            seen.append(time.time() * 1000 - _ms(due))

    reading = asyncio.create_task(read())
    try:
        async with traffic(cluster) as send:
            worker = WorkerProcess(cluster)
            with workers(worker):
                await worker.ready()
                for number in range(tickets):
                    await send.send(*created(send, [f"T{number}"]))
                    await asyncio.sleep(0.137)
                await eventually(lambda: len(seen) >= tickets, "all breaches")
    finally:
        reading.cancel()
        await reader.stop()
    seen.sort()
    at = {name: seen[min(len(seen) - 1, int(len(seen) * share))] for name, share in _SHARES.items()}
    return {"breaches": len(seen), **{f"{name}_ms": value for name, value in at.items()}}


_SHARES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}


def _ms(text: str) -> int:
    from sla_stream.formats.instants import parse_instant

    return parse_instant(text)


async def measure(kafka: str, args: argparse.Namespace, directory: Path) -> dict[str, Any]:
    prefix = fresh_prefix()
    results: dict[str, Any] = {"cores": os.cpu_count(), "python": sys.version.split()[0]}
    try:
        cluster = Cluster(kafka, prefix, directory, partitions=PARTITIONS, policies=POLICIES, history=True)
        await cluster.create()
        for timers in ("off", "on"):
            async with Admin(cluster.settings) as admin:
                changelog = f"{prefix}bench-{timers}-changelog"
                await admin.create(
                    [WantedTopic("changelog", changelog, PARTITIONS, None, {"cleanup.policy": "compact"})]
                )
        size = await fill(kafka, cluster.settings.topic("ticket_events"), ticket_events(args.events))
        results["bytes_per_event"] = size / args.events
        results["throughput"] = [
            await backlog(cluster, args.events, "off"),
            await backlog(cluster, args.events, "on"),
            await idiomatic(kafka, cluster, min(args.events, args.faust_events)),
        ]
        results["recovery"] = await recovery(kafka, directory, prefix, args.tickets)
        results["lateness"] = await lateness(kafka, directory, prefix, args.breaches)
    finally:
        await delete_topics(kafka, prefix)
    return results


def table(results: dict[str, Any]) -> str:
    lines = [
        f"Events of {results['bytes_per_event']:.0f} B, {PARTITIONS} partitions, policies of three metrics on "
        f"business hours; {results['cores']} cores.",
        "",
        "| what | events | events/s | CPU-s | events per CPU-s | outputs/event |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for one in results["throughput"]:
        lines.append(
            f"| {one['what']} | {one['events']:,.0f} | {one['events'] / one['wall_s']:,.0f} | {one['cpu_s']:.1f} | "
            f"{one['events'] / one['cpu_s']:,.0f} | {one['outputs_per_event']:.2f} |"
        )
    back, late = results["recovery"], results["lateness"]
    lines += [
        "",
        "| what | figure |",
        "| --- | ---: |",
        f"| kill -9 with {back['tickets']:,} open tickets: process start to ready | {back['start_to_ready_s']:.2f} s |",
        f"| of that, slowest partition: fence, changelog, position | {back['slowest_partition_s']:.2f} s |",
        f"| deadline to read_committed reader, idle topic, p50 | {late['p50_ms']:.0f} ms |",
        f"| the same, p99 of {late['breaches']} | {late['p99_ms']:.0f} ms |",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=300_000, help="size of the backlog")
    parser.add_argument("--faust-events", type=int, default=20_000, help="of which the idiomatic agent reads")
    parser.add_argument("--tickets", type=int, default=100_000, help="open tickets to recover")
    parser.add_argument("--breaches", type=int, default=60, help="breaches to time")
    parser.add_argument("--json", type=Path, default=Path("build/bench_worker.json"))
    args = parser.parse_args()
    with broker() as kafka, tempfile.TemporaryDirectory() as directory:
        results = asyncio.run(measure(kafka, args, Path(directory)))
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps(results, indent=2) + "\n")
    print(table(results))


if __name__ == "__main__":
    main()
