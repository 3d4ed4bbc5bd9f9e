"""Kill -9 at ten random moments under load; the next start goes on as if nothing had happened."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from tests.worker_support import Cluster, Traffic, WorkerProcess, created, traffic, workers

pytestmark = [pytest.mark.kafka, pytest.mark.chaos]

KILLS = 10


async def _send(send: Traffic, chance: random.Random, stop: asyncio.Event) -> None:
    """Tickets that live a little: replies and resolutions around their deadlines, duplicates, rubbish."""
    number = 0
    later: list[tuple[int, str, str]] = []
    while not stop.is_set():
        number += 1
        ticket = f"T{number}"
        await send.send(*created(send, [ticket]))
        if chance.random() < 0.5:
            later.append((number + chance.randint(1, 60), ticket, "agent_replied"))
        if chance.random() < 0.5:
            later.append((number + chance.randint(1, 120), ticket, "resolved"))
        for at, one, kind in [each for each in later if each[0] <= number]:
            event = send.event(one, kind, kind)
            await send.send(*[event] * (2 if chance.random() < 0.1 else 1))
            later.remove((at, one, kind))
        if chance.random() < 0.02:
            await send.send_raw(ticket.encode(), b"rubbish")
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("seed", [11])
async def test_ten_kills(kafka: str, prefix: str, tmp_path: Path, seed: int) -> None:
    cluster = await Cluster(kafka, prefix, tmp_path).create()
    chance = random.Random(seed)
    stop = asyncio.Event()
    async with traffic(cluster) as send:
        sending = asyncio.create_task(_send(send, random.Random(seed), stop))
        for _ in range(KILLS):
            worker = WorkerProcess(cluster, "--instance-id=only")
            with workers(worker):
                await worker.ready()
                await asyncio.sleep(chance.uniform(0.0, 1.5))  # the moment is the point
                assert worker.code is None, worker.log()
                worker.kill()
        stop.set()
        await sending
        last = WorkerProcess(cluster, "--instance-id=only")
        with workers(last):
            await last.ready()
            await cluster.until_all_said(60)
            await last.until(lambda: last.metric("sla_lag_offsets") == 0, "no lag")
            assert (await last.stop())[0] == 0
    ends = {record.partition: record.offset + 1 for record in await cluster.read("ticket_events")}
    assert await cluster.committed() == ends
