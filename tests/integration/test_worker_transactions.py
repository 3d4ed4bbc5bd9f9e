"""Sources that write in transactions: markers, aborted records, and transactions left open."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.worker_support import Cluster, WorkerProcess, created, now_ms, traffic, workers

pytestmark = pytest.mark.kafka


async def test_markers_and_aborted_records(kafka: str, prefix: str, tmp_path: Path) -> None:
    cluster = await Cluster(kafka, prefix, tmp_path, partitions=2).create()
    async with traffic(cluster, transactional_id=f"{prefix}source") as send:
        worker = WorkerProcess(cluster)
        with workers(worker):
            await worker.ready()
            for round_ in range(6):
                await send._producer.begin_transaction()
                await send.send(*created(send, [f"T{round_}-{number}" for number in range(5)]))
                if round_ % 3 == 2:
                    await send._producer.abort_transaction()
                else:
                    await send._producer.commit_transaction()
            await cluster.until_all_said()
            await worker.until(lambda: worker.metric("sla_lag_offsets") == 0, "no lag, markers included")
            assert worker.metric("sla_events_total") == 20
            worker.kill()
        after = WorkerProcess(cluster)  # starts from an offset that lies before a marker
        with workers(after):
            await after.ready()
            await send._producer.begin_transaction()
            await send.send(*created(send, ["late"]))
            await send._producer.commit_transaction()
            await cluster.until_all_said()


async def test_an_open_transaction_is_waited_for_two_seconds_then_repaired(
    kafka: str, prefix: str, tmp_path: Path
) -> None:
    """A resolution hidden in an open transaction: the breach is said, and taken back when it comes to light."""
    cluster = await Cluster(kafka, prefix, tmp_path, partitions=1).create()
    async with traffic(cluster) as plain, traffic(cluster, transactional_id=f"{prefix}slow") as slow:
        worker = WorkerProcess(cluster)
        with workers(worker):
            await worker.ready()
            begun = now_ms()
            await plain.send(*created(plain, ["T"]))
            resolved = plain.event("T", "2", "resolved")
            await slow._producer.begin_transaction()
            await slow.send(resolved)
            while now_ms() < begun + 2_500:  # the deadline is after 1 s, the patience 2 s
                assert await cluster.read("breaches") == [], "fired from a log it could not see the end of"
                await asyncio.sleep(0.1)
            await worker.until(lambda: worker.metric("sla_outputs_total") >= 3, "alarms after 2 s of waiting")
            assert worker.metric("sla_proofs_open_transaction_total") >= 1
            await slow._producer.commit_transaction()
            await cluster.until_all_said()
    kinds = [json.loads(record.value or b"")["type"] for record in await cluster.read("breaches")]
    assert "sla.breach.v1" in kinds
    assert "sla.retraction.v1" in kinds
