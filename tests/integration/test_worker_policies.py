"""A worker whose policy file was edited: running cycles keep the policies of their start."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.worker_support import Cluster, WorkerProcess, eventually, traffic, workers

pytestmark = pytest.mark.kafka

POLICIES = """\
apiVersion: sla-stream/v1
policies:
  - name: desk
    targets:
      resolution: {target: TARGET}
"""


async def test_edited_file_after_a_kill(kafka: str, prefix: str, tmp_path: Path) -> None:
    """The old ticket is judged by the old target, the new one by the new; the table forgets neither."""
    cluster = await Cluster(kafka, prefix, tmp_path, policies=POLICIES.replace("TARGET", "4s")).create()

    async def targets() -> dict[str, float]:
        found = [json.loads(record.value or b"")["data"] for record in await cluster.read("breaches")]
        return {data["ticket_id"]: data["target_s"] for data in found}

    async def are(wanted: dict[str, float]) -> bool:
        return await targets() == wanted

    async with traffic(cluster) as send:
        first = WorkerProcess(cluster)
        with workers(first):
            await first.ready()
            await send.send(send.event("old", "1", "created"))
            await first.until(lambda: first.metric("sla_events_total") == 1, "the first event")
            first.kill()
        (tmp_path / "policies.yaml").write_text(POLICIES.replace("TARGET", "1s"))
        second = WorkerProcess(cluster)
        with workers(second):
            await second.ready()
            await send.send(send.event("new", "1", "created"))
            await eventually(lambda: are({"old": 4, "new": 1}), "one breach by each target")
        third = WorkerProcess(cluster)  # both sets come back from the changelog
        with workers(third):
            await third.ready()
            await send.send(send.event("old", "2", "resolved"), send.event("new", "2", "resolved"))
            await third.until(lambda: third.metric("sla_lag_offsets") == 0, "no lag")
