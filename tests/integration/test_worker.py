"""The worker on a real broker: end to end, recovery, lateness, the ways to stop."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from sla_stream.broker.local_kafka import LocalKafka
from tests.worker_support import Cluster, WorkerProcess, created, eventually, now_ms, traffic, workers

pytestmark = pytest.mark.kafka


async def test_end_to_end(kafka: str, prefix: str, tmp_path: Path) -> None:
    cluster = await Cluster(kafka, prefix, tmp_path).create()
    async with traffic(cluster) as send:
        worker = WorkerProcess(cluster)
        with workers(worker):
            await worker.ready()
            ids = [f"T{number}" for number in range(60)]
            await send.send(*created(send, ids))
            await send.send(*(send.event(one, "2", "agent_replied") for one in ids[::3]))
            await send.send(*(send.event(one, "3", "resolved") for one in ids[::4]))
            await send.send(*created(send, ids[:5]))  # the same ids with another instant: conflicts
            await send.send_raw(b"X", b"{bad", headers=[("trace", b"abc")])
            await send.send_raw(b"X", None)
            await send.send_raw(None, json.dumps(send.event("X", "1", "created")).encode(), partition=2)
            await send.send_raw(b"Y", json.dumps(send.event("X", "1", "created")).encode())
            await send.send(send.event("F", "1", "created", at=4_000_000_000_000))
            await cluster.until_all_said()
            await worker.until(lambda: worker.metric("sla_lag_offsets") == 0, "no lag")
            assert worker.http("/livez") == (200, "live\n")
            assert worker.http("/readyz") == (200, "ready\n")
            assert worker.metric("sla_dead_letters_total") == 10
            assert (await worker.stop())[0] == 0
    dead = await cluster.read("dead_letters")
    reasons = sorted(dict(record.headers)["sla-reason"].decode() for record in dead)
    assert reasons == ["conflict"] * 5 + ["future", "json", "json", "key", "key"]
    bad = next(record for record in dead if record.value == b"{bad")
    assert bad.key == b"X"
    assert bad.headers[0] == ("trace", b"abc")
    ends = {record.partition: record.offset + 1 for record in await cluster.read("ticket_events")}
    assert await cluster.committed() == ends


async def test_timers_topic_shows_the_last_state(kafka: str, prefix: str, tmp_path: Path) -> None:
    cluster = await Cluster(kafka, prefix, tmp_path).create()

    async def shown() -> dict[str, dict[str, str]]:
        last = {record.key: json.loads(record.value or b"") for record in await cluster.read("timers")}
        return {
            key.decode(): {cycle["metric"]: cycle["stage"] for cycle in view["cycles"]}
            for key, view in last.items()
            if key is not None
        }

    async def shows(wanted: dict[str, dict[str, str]]) -> bool:
        return await shown() == wanted

    async with traffic(cluster) as send:
        worker = WorkerProcess(cluster)
        with workers(worker):
            await worker.ready()
            await send.send(*created(send, ["a", "b"]))
            running = {"first_response": "running", "resolution": "running"}
            await eventually(lambda: shows({"a": running, "b": running}), "both running")
            await send.send(send.event("a", "2", "resolved"))
            worker.kill()  # the last state must come out after a crash, too
            second = WorkerProcess(cluster)
            with workers(second):
                ended = {"first_response": "met", "resolution": "met"}
                await eventually(lambda: shows({"a": ended, "b": running}), "the state after the crash")


async def test_what_happened_while_it_was_down(kafka: str, prefix: str, tmp_path: Path) -> None:
    """Overdue timers fire, but never before the backlog that may cancel them is read."""
    cluster = await Cluster(kafka, prefix, tmp_path).create()
    ids = [f"T{number}" for number in range(40)]
    async with traffic(cluster) as send:
        first = WorkerProcess(cluster)
        with workers(first):
            await first.ready()
            await send.send(*created(send, ids))
            await first.until(lambda: first.metric("sla_events_total") == 40, "all events read")
            assert (await first.stop())[0] == 0
        await send.send(*(send.event(one, "2", "resolved") for one in ids[::2]))
        late = now_ms() + 3_200
        await eventually(lambda: now_ms() > late, "deadlines that pass while nobody is there")
        await send.send(*(send.event(one, "2", "resolved") for one in ids[1::4]))
        second = WorkerProcess(cluster)
        with workers(second):
            await second.ready()
            await cluster.until_all_said()
            retractions = [
                record
                for record in await cluster.read("warnings", "breaches")
                if b'"sla.retraction.v1"' in (record.value or b"")
            ]
            assert retractions == []


async def test_breaches_on_an_idle_topic_are_seen_in_time(kafka: str, prefix: str, tmp_path: Path) -> None:
    """The figure is printed by the bench; here only a bound that a busy machine keeps as well."""
    cluster = await Cluster(kafka, prefix, tmp_path).create()
    async with traffic(cluster) as send:
        worker = WorkerProcess(cluster)
        with workers(worker):
            await worker.ready()
            for number in range(5):
                await send.send(*created(send, [f"T{number}"]))
                await asyncio.sleep(0.2)
            await cluster.until_all_said()
            _, text = worker.http("/metrics")
    fired = float(text.split("sla_firing_lateness_seconds_count ")[1].split()[0])
    in_time = float(text.split('sla_firing_lateness_seconds_bucket{le="0.5"} ')[1].split()[0])
    assert fired == 20  # warning, two breaches and the escalation of each
    assert in_time >= 18


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
async def test_a_stop_leaves_the_group_and_loses_nothing(kafka: str, prefix: str, tmp_path: Path, name: str) -> None:
    import signal

    cluster = await Cluster(kafka, prefix, tmp_path).create()
    async with traffic(cluster) as send:
        first = WorkerProcess(cluster)
        with workers(first):
            await first.ready()
            feeding = asyncio.create_task(_feed(send, 200))
            await first.until(lambda: first.metric("sla_events_total") > 20, "some events read")
            first.signal(getattr(signal, name))
            assert await first.ended(10) == 0
            await feeding
        second = WorkerProcess(cluster)
        with workers(second):
            await second.ready(4.5)  # a session of 6 s would have to run out had the first not left
            await cluster.until_all_said()


async def test_a_stop_while_the_broker_is_gone_is_in_time(tmp_path: Path) -> None:
    """The transaction that hangs is abandoned; the next start does it again."""
    with LocalKafka() as broker:
        cluster = await Cluster(broker.bootstrap, "gone-", tmp_path).create()
        async with traffic(cluster) as send:
            worker = WorkerProcess(cluster)
            with workers(worker):
                await worker.ready()
                await send.send(*created(send, [f"T{number}" for number in range(20)]))
                await worker.until(lambda: worker.metric("sla_events_total") == 20, "all events read")
                broker.kill()
                due = now_ms() + 1_500
                await worker.until(lambda: now_ms() > due, "deadlines that cannot be written")
                code, seconds = await worker.stop()
                assert code == 0, worker.log()
                assert seconds < 10
            broker.restart()
            # Under a supervisor, as in production: a broker that just came up may still refuse a transaction.
            again = WorkerProcess(cluster, "--workers=1")
            with workers(again):
                await again.until(lambda: again.said("worker.ready"), "the next start", 60)
                await cluster.until_all_said()


async def _feed(send: object, count: int) -> None:
    for number in range(count):
        await send.send(send.event(f"F{number}", "1", "created"))  # type: ignore[attr-defined]
        await asyncio.sleep(0.005)


async def test_missing_topics_are_named(kafka: str, prefix: str, tmp_path: Path) -> None:
    cluster = Cluster(kafka, prefix, tmp_path)
    worker = WorkerProcess(cluster)
    with workers(worker):
        assert await worker.ended() == 2
    (line,) = [line["text"] for line in worker.lines if line["event"] == "raw"]
    assert "topics create" in line
    assert cluster.settings.topic("breaches") in line


async def test_a_wrong_policy_file_ends_it_before_anything_is_touched(kafka: str, prefix: str, tmp_path: Path) -> None:
    cluster = await Cluster(kafka, prefix, tmp_path, policies="apiVersion: sla-stream/v1\npolicys: []\n").create()
    worker = WorkerProcess(cluster)
    with workers(worker):
        assert await worker.ended() == 2
    assert any("policies.yaml:2:1" in line.get("text", "") for line in worker.lines)
    assert not any("Traceback" in line.get("text", "") for line in worker.lines)
    assert await cluster.committed() == {}
