"""The broker goes away under an idle worker: said on /readyz, not shouted, over when it is back; a clean way out."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from sla_stream.broker.local_kafka import LocalKafka
from tests.worker_support import Cluster, WorkerProcess, workers

pytestmark = pytest.mark.kafka


def libraries_said(worker: WorkerProcess, since: int) -> int:
    return sum(not line.get("logger", "sla_stream").startswith("sla_stream") for line in worker.lines[since:])


async def test_an_outage_is_seen_on_readyz_and_ends_with_it(tmp_path: Path) -> None:
    with LocalKafka() as broker:
        cluster = await Cluster(broker.bootstrap, "outage-", tmp_path).create()
        worker = WorkerProcess(cluster)
        with workers(worker):
            await worker.ready()
            errors = [line for line in worker.lines if line["level"] not in ("info", "debug")]
            assert errors == []  # a first start on a new cluster is no reason for alarm
            before = len(worker.lines)
            await asyncio.to_thread(broker.stop)
            await worker.until(lambda: worker.http("/readyz")[0] == 503, "not ready", 30)
            assert "the broker has not answered for 1" in worker.http("/readyz")[1]
            assert worker.http("/livez")[0] == 200
            assert 0 < libraries_said(worker, before) < 40  # the clients try a hundred times a second
            await worker.until(lambda: any(line.get("suppressed") for line in worker.lines), "a count of the others")

            await asyncio.to_thread(broker.start)
            await worker.until(lambda: worker.http("/readyz")[0] == 200, "ready again", 60)

            before = len(worker.lines)
            await asyncio.to_thread(broker.stop)
            await worker.until(lambda: libraries_said(worker, before) > 0, "that the outage is noticed")
            worker.signal(signal.SIGINT)
            assert await worker.ended(12) == 0
            assert worker.said("raw") == []  # such as a thread's traceback
            assert worker.said("worker.stopped")
            assert not any("exception" in line for line in worker.lines)
