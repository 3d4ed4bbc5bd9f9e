"""`run --workers N`: restarts what fails, stops with its children, and takes them along even on kill -9."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import pytest

from tests.worker_support import Cluster, WorkerProcess, created, eventually, traffic, workers

pytestmark = pytest.mark.kafka


def _alive(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    return False


def _pids(supervisor: WorkerProcess) -> list[int]:
    return [line["pid"] for line in supervisor.said("supervisor.child_started")]


def _ready(supervisor: WorkerProcess) -> int:
    return len(supervisor.said("worker.ready"))


async def test_restart_and_orderly_stop(kafka: str, prefix: str, tmp_path: Path) -> None:
    cluster = await Cluster(kafka, prefix, tmp_path).create()
    async with traffic(cluster) as send:
        supervisor = WorkerProcess(cluster, "--workers=2", "--instance-id=w")
        with workers(supervisor):
            await supervisor.until(lambda: _ready(supervisor) == 2, "two workers ready")
            await send.send(*created(send, [f"T{number}" for number in range(20)]))
            os.kill(_pids(supervisor)[0], signal.SIGKILL)
            await supervisor.until(lambda: _ready(supervisor) == 3, "the killed one is back")
            (ended,) = supervisor.said("supervisor.child_ended")
            assert ended["code"] == -signal.SIGKILL
            await cluster.until_all_said()
            code, _ = await supervisor.stop()
            assert code == 0
            assert not any(_alive(pid) for pid in _pids(supervisor))


async def test_children_die_with_a_killed_supervisor(kafka: str, prefix: str, tmp_path: Path) -> None:
    cluster = await Cluster(kafka, prefix, tmp_path).create()
    supervisor = WorkerProcess(cluster, "--workers=2")
    with workers(supervisor):
        await supervisor.until(lambda: _ready(supervisor) == 2, "two workers ready")
        children = _pids(supervisor)
        assert all(_alive(pid) for pid in children)
        supervisor.signal(signal.SIGKILL)
        await eventually(lambda: not any(_alive(pid) for pid in children), "the children's end", 12)


async def test_wrong_configuration_is_not_tried_again(kafka: str, prefix: str, tmp_path: Path) -> None:
    cluster = Cluster(kafka, prefix, tmp_path)  # without topics
    supervisor = WorkerProcess(cluster, "--workers=2")
    with workers(supervisor):
        assert await supervisor.ended() == 2
    assert any("topics create" in line.get("text", "") for line in supervisor.lines)
