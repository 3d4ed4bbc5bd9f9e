"""Workers come and go under load: nothing lost, nothing doubled, nothing early."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.worker_support import Cluster, Traffic, WorkerProcess, created, eventually, traffic, workers

pytestmark = pytest.mark.kafka


async def _keep_sending(send: Traffic, stop: asyncio.Event) -> None:
    number = 0
    while not stop.is_set():
        number += 1
        await send.send(*created(send, [f"T{number}"]))
        if number % 3 == 0:
            await send.send(send.event(f"T{number - 2}", "2", "agent_replied"))
        if number % 4 == 0:
            await send.send(send.event(f"T{number - 3}", "3", "resolved"))
        await asyncio.sleep(0.01)


def _owned(worker: WorkerProcess) -> float:
    return worker.metric("sla_partitions_ready")


def _owned_if_there(worker: WorkerProcess) -> float | None:
    """None when it ends itself just as it is asked."""
    try:
        return _owned(worker)
    except OSError:
        return None


async def test_one_two_one(kafka: str, prefix: str, tmp_path: Path) -> None:
    cluster = await Cluster(kafka, prefix, tmp_path).create()
    stop = asyncio.Event()
    async with traffic(cluster) as send:
        first = WorkerProcess(cluster)
        with workers(first):
            await first.ready()
            sending = asyncio.create_task(_keep_sending(send, stop))
            await first.until(lambda: first.metric("sla_events_total") > 100, "some events")
            second = WorkerProcess(cluster)
            with workers(second):
                await second.ready()
                await eventually(lambda: _owned(first) == 2 and _owned(second) == 2, "two and two partitions")
                seen = second.metric("sla_events_total")
                await second.until(lambda: second.metric("sla_events_total") > seen + 50, "the second at work")
                assert (await second.stop())[0] == 0
                await eventually(lambda: _owned(first) == 4, "all partitions back")
            seen = first.metric("sla_events_total")
            await first.until(lambda: first.metric("sla_events_total") > seen + 100, "the first at work")
            stop.set()
            await sending
            await cluster.until_all_said()


async def test_a_paused_process_cannot_commit_when_it_wakes(kafka: str, prefix: str, tmp_path: Path) -> None:
    """SIGSTOP until the group gives its partitions away; the zombie ends itself or starts over."""
    import signal

    cluster = await Cluster(kafka, prefix, tmp_path).create()
    stop = asyncio.Event()
    async with traffic(cluster) as send:
        zombie, other = WorkerProcess(cluster), WorkerProcess(cluster)
        with workers(zombie, other):
            await asyncio.gather(zombie.ready(), other.ready())
            sending = asyncio.create_task(_keep_sending(send, stop))
            await eventually(lambda: _owned(zombie) == 2 and _owned(other) == 2, "two and two partitions")
            await zombie.until(lambda: zombie.metric("sla_events_total") > 30, "some events")
            zombie.signal(signal.SIGSTOP)
            await eventually(lambda: _owned(other) == 4, "the other has taken over", 40)
            seen = other.metric("sla_events_total")
            await other.until(lambda: other.metric("sla_events_total") > seen + 100, "the other at work")
            zombie.signal(signal.SIGCONT)
            seen = other.metric("sla_events_total")
            await eventually(
                lambda: zombie.code is not None or _owned_if_there(zombie) == 2, "the zombie has left or begun anew", 40
            )
            await other.until(lambda: other.metric("sla_events_total") > seen + 50, "work goes on")
            stop.set()
            await sending
            assert zombie.code in (None, 3)
            await cluster.until_all_said()


async def test_two_processes_of_one_name_say_so_and_end(kafka: str, prefix: str, tmp_path: Path) -> None:
    """Left alone they would take the partitions from each other for ever."""
    cluster = await Cluster(kafka, prefix, tmp_path).create()
    async with traffic(cluster) as send:
        first = WorkerProcess(cluster, "--instance-id=same")
        with workers(first):
            await first.ready()
            second = WorkerProcess(cluster, "--instance-id=same")
            with workers(second):
                await eventually(lambda: 3 in (first.code, second.code), "one of the two has ended", 60)
                ended = first if first.code == 3 else second
                await eventually(lambda: bool(ended.said("worker.fault")), "the reason")
                assert "another process uses our instance id 'same'" in ended.said("worker.fault")[0]["why"]
                await send.send(*created(send, ["T1", "T2", "T3"]))
        alone = WorkerProcess(cluster, "--instance-id=same")
        with workers(alone):
            await alone.ready()
            await cluster.until_all_said()
