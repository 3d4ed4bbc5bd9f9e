"""Poison: dead letters never stop a partition below the limits, and a failing engine heals after three starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.worker_support import ROOT, Cluster, WorkerProcess, created, traffic, workers

pytestmark = pytest.mark.kafka


def _ticket_in(cluster: Cluster, partition: int, number: int = 0) -> str:
    """A ticket id that lies in a partition."""
    from sla_stream.kafka.keys import partition_by_key

    route = partition_by_key(cluster.partitions)
    ids = (f"p{partition}-{index}" for index in range(10_000))
    return [one for one in ids if route(one.encode()) == partition][number]


async def test_below_the_limit_poison_stops_nothing(kafka: str, prefix: str, tmp_path: Path) -> None:
    cluster = await Cluster(kafka, prefix, tmp_path).create()
    async with traffic(cluster) as send:
        worker = WorkerProcess(cluster)
        with workers(worker):
            await worker.ready()
            for number in range(3):
                for _ in range(99):
                    await send.send_raw(b"x", b"\xff\x00", partition=1)
                await send.send(*created(send, [_ticket_in(cluster, 1, number)]))
            await cluster.until_all_said()
            assert worker.http("/readyz")[0] == 200


async def test_a_partition_of_rubbish_is_paused_loudly_and_alone(kafka: str, prefix: str, tmp_path: Path) -> None:
    cluster = await Cluster(kafka, prefix, tmp_path).create()
    good, other = _ticket_in(cluster, 1), _ticket_in(cluster, 2)
    async with traffic(cluster) as send:
        worker = WorkerProcess(cluster)
        with workers(worker):
            await worker.ready()
            for _ in range(120):
                await send.send_raw(b"x", b"no json", partition=1)
            await send.send(*created(send, [good, other]))
            await worker.until(lambda: worker.said("partition.paused"), "partition.paused")
            await worker.until(lambda: worker.http("/readyz")[0] == 503, "not ready")
            reasons = worker.http("/readyz")[1]
            assert reasons == "not ready: partition 1 is paused: 100 dead letters in a row\n"
            assert worker.http("/livez")[0] == 200
            await worker.until(
                lambda: worker.metric("sla_outputs_total") == 4, "the other partition's warning, breaches, step"
            )
            assert len(await cluster.read("dead_letters")) == 100
            assert (await cluster.committed())[1] == 100
        lifted = WorkerProcess(cluster, "--max-dead-letters=0")
        with workers(lifted):
            await lifted.ready()
            await cluster.until_all_said()
            assert lifted.http("/readyz")[0] == 200


async def test_a_record_that_breaks_the_engine_three_times_is_set_aside(
    kafka: str, prefix: str, tmp_path: Path
) -> None:
    cluster = await Cluster(kafka, prefix, tmp_path).create()
    ticket = _ticket_in(cluster, 0)
    program = (str(ROOT / "tests" / "worker_with_bug.py"),)
    async with traffic(cluster) as send:
        await send.send(*created(send, [ticket]))
        await send.send(send.event(ticket, "poison", "agent_replied"))
        await send.send(send.event(ticket, "3", "resolved"))
        for start in (1, 2, 3):
            failing = WorkerProcess(cluster, program=program)
            with workers(failing):
                assert await failing.ended() == 3
            (line,) = failing.said("engine.failed")
            assert (line["offset"], line["starts"]) == (1, start)
            assert len(failing.said("worker.fault")) == 1
            assert await cluster.read("dead_letters") == []
        healed = WorkerProcess(cluster, program=program)
        with workers(healed):
            await healed.ready()
            await healed.until(lambda: healed.metric("sla_lag_offsets") == 0, "no lag")
            await healed.until(lambda: healed.metric("sla_events_total") == 3, "all three read")
        (dead,) = await cluster.read("dead_letters")
        headers = dict(dead.headers)
        assert headers["sla-reason"] == b"engine_error"
        assert headers["sla-offset"] == b"1"
        again = WorkerProcess(cluster)  # the fault record is gone with it
        with workers(again):
            await again.ready()
            await send.send(send.event(ticket, "4", "reopened"), send.event(ticket, "5", "resolved"))
            await again.until(lambda: again.metric("sla_events_total") == 2, "both read")
    outcomes = await cluster.read("outcomes")
    assert [record.key for record in outcomes] != []
    assert len(await cluster.read("dead_letters")) == 1
