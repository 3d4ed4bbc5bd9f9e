"""How many webhooks one gateway takes: `python -m tests.bench.bench_gateway`.

A client with several keep-alive connections sends signed Jira updates (about 1.2 kB each, every one of another
delivery) as fast as they are answered; each answer means that Kafka has acknowledged the record (acks=all, one
broker). Reported: requests for each second of wall time and for each CPU second of the gateway (user and system), and
the latency that the client sees. At the end the records in the topic are counted. Client and broker run on the same
machine; with --pin the gateway has the last core for itself, and they the others.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import select
import socket
import tempfile
import time
from pathlib import Path
from typing import Any

from sla_stream.formats.settings import Settings
from sla_stream.kafka.admin import Admin
from sla_stream.kafka.topics import WantedTopic
from tests.bench.bench_ingest import cpu_seconds, record
from tests.gateway_support import GatewayProcess, signed, write_config
from tests.kafka_support import broker, delete_topics, fresh_prefix
from tests.worker_support import read_topic, workers

SECRET = "a secret of some length"
PARTITIONS = 4
OK = b"HTTP/1.1 200 "


def requests(count: int, port: int) -> list[bytes]:
    """Ready-made bytes: the client must not be what takes the time."""
    made = []
    for number in range(count):
        body, headers = record(number)
        lines = [
            "POST /hooks/jira HTTP/1.1", f"Host: 127.0.0.1:{port}", "Content-Type: application/json; charset=UTF-8",
            *(f"{name}: {value.decode()}" for name, value in headers),
            *(f"{name}: {value}" for name, value in signed("jira", SECRET, body).items()),
            f"Content-Length: {len(body)}", "", "",
        ]  # fmt: skip
        made.append("\r\n".join(lines).encode() + body)
    return made


def send(port: int, count: int, connections: int, results: Any) -> None:
    """One answer at a time on each connection."""
    left = requests(count, port)[::-1]
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(connections)]
    began_at: dict[int, float] = {}
    by_number = {one.fileno(): one for one in sockets}
    poll = select.poll()
    results.put("ready")
    began = time.monotonic()
    for one in sockets:
        poll.register(one, select.POLLIN)
        began_at[one.fileno()] = time.monotonic()
        one.sendall(left.pop())
    took: list[float] = []
    while len(took) < count:
        for number, _ in poll.poll():
            answer = by_number[number].recv(65_536)
            assert answer.startswith(OK), answer
            took.append(time.monotonic() - began_at[number])
            if left:
                began_at[number] = time.monotonic()
                by_number[number].sendall(left.pop())
    results.put((time.monotonic() - began, sorted(took)))


async def measure(kafka: str, count: int, connections: int, pin: bool) -> dict[str, Any]:
    topic = f"{(prefix := fresh_prefix())}jira"
    async with Admin(Settings(kafka=kafka)) as admin:
        await admin.create([WantedTopic("late", topic, PARTITIONS, 1)])
        await admin.wait_for_leaders({topic: PARTITIONS})
    with tempfile.TemporaryDirectory() as folder:
        config = write_config(Path(folder), kafka, {"jira": {"vendor": "jira", "topic": topic, "secret": SECRET}})
        gateway = GatewayProcess(config)
        results: Any = multiprocessing.get_context("fork").Queue()
        try:
            with workers(gateway):
                await gateway.ready()
                if pin:
                    os.sched_setaffinity(gateway.pid, {max(os.sched_getaffinity(0))})
                client = multiprocessing.get_context("fork").Process(
                    target=send, args=(gateway.hooks_port, count, connections, results)
                )
                client.start()
                assert await asyncio.to_thread(results.get, True, 120) == "ready"
                started = cpu_seconds(gateway.pid)
                wall, took = await asyncio.to_thread(results.get, True, 300)
                cpu = cpu_seconds(gateway.pid) - started
                await asyncio.to_thread(client.join)
                found = {dict(one.headers)["x-delivery-id"] for one in await read_topic(kafka, topic, PARTITIONS)}
                assert len(found) == count, "an acknowledged record is missing"
        finally:
            await delete_topics(kafka, prefix)
    return {
        "requests": count, "connections": connections, "wall_s": round(wall, 2), "cpu_s": round(cpu, 2),
        "requests_per_second": round(count / wall), "requests_per_cpu_second": round(count / cpu),
        "p50_ms": round(took[count // 2] * 1000, 1), "p99_ms": round(took[count * 99 // 100] * 1000, 1),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=30_000)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--pin", action="store_true", help="the gateway on the last core alone")
    args = parser.parse_args()
    with broker() as kafka:
        if args.pin:
            os.sched_setaffinity(0, os.sched_getaffinity(0) - {max(os.sched_getaffinity(0))})
        for _ in range(args.runs):
            print(json.dumps(asyncio.run(measure(kafka, args.requests, args.connections, args.pin))), flush=True)


if __name__ == "__main__":
    main()
