"""Policies as a stream, on a real broker: published once, taken up by running workers at one instant."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import pytest

from sla_stream.formats.instants import format_instant
from tests.oracle import net_set
from tests.worker_support import Cluster, WorkerProcess, eventually, now_ms, read_topic, traffic, workers

pytestmark = pytest.mark.kafka

DESK = """\
apiVersion: sla-stream/v1
policies:
  - {name: desk, EXTRAtargets: {resolution: {target: TARGET}}}
"""
MINUTE = 60_000


def desk(target: str, **extra: str) -> str:
    more = "".join(f"{name}: {value}, " for name, value in extra.items())
    return DESK.replace("TARGET", target).replace("EXTRA", more)


async def fresh(kafka: str, prefix: str, tmp_path: Path, first: str, **more: Any) -> Cluster:
    cluster = await Cluster(kafka, prefix, tmp_path, publishes=True, **more).create()
    await cluster.push(first)
    return cluster


async def said(cluster: Cluster, *topics: Any) -> list[dict[str, Any]]:
    return [json.loads(record.value or b"") for record in await cluster.read(*topics or ("breaches",))]


async def targets(cluster: Cluster) -> dict[str, float]:
    """Target of each breach, by ticket."""
    return {one["subject"]: one["data"]["target_s"] for one in await said(cluster)}


async def until_adopted(number: int, *processes: WorkerProcess, partitions: int = 4) -> None:
    def everywhere() -> bool:
        lines = [line for one in processes for line in one.said("policies.adopted")]
        return {line["partition"] for line in lines if line["number"] == number} == set(range(partitions))

    await eventually(everywhere, f"set {number} on every partition")


async def test_two_workers_take_a_set_up_at_one_instant(kafka: str, prefix: str, tmp_path: Path) -> None:
    """No restart; running cycles keep their target, new ones take the new; looking back agrees."""
    cluster = await fresh(kafka, prefix, tmp_path, desk("6s"))
    old, new = {f"old-{number}" for number in range(20)}, {f"new-{number}" for number in range(20)}
    first, second = WorkerProcess(cluster), WorkerProcess(cluster)
    with workers(first, second):
        async with traffic(cluster) as send:
            await first.ready()
            await second.ready()
            await eventually(
                lambda: first.metric("sla_partitions_ready") == second.metric("sla_partitions_ready") == 2,
                "two partitions each",
            )
            await send.send(*[send.event(ticket, "1", "created") for ticket in old])
            assert "resolution: 6s on 24x7, now 1s on 24x7" in await cluster.push(desk("1s"))
            await until_adopted(2, first, second)
            await send.send(*[send.event(ticket, "1", "created") for ticket in new])

            async def all_breached() -> bool:
                return (await targets(cluster)).keys() == old | new

            await eventually(all_breached, "a breach of every ticket")
        records = await read_topic(kafka, cluster.settings.topic("policies"), 1)
        adopted = [line for one in (first, second) for line in one.said("policies.adopted")]
        assert {line["since"] for line in adopted} == {format_instant(records[-1].timestamp)}
        assert first.metric("sla_policy_set") + second.metric("sla_policy_set") == 4 * 2
        assert await targets(cluster) == dict.fromkeys(old, 6) | dict.fromkeys(new, 1)
        await cluster.until_all_said()
        assert "0 differences" in await cluster.command("verify", "--topic", "--grace=0s")
        explained = json.loads((await cluster.command("tickets", "get", "old-1", "--explain")).splitlines()[0])
        assert [each["what"] for each in explained["history"]] == ["running"]
        (tmp_path / "draft.yaml").write_text(desk("1h"))
        draft = f"--policies={tmp_path / 'draft.yaml'}"
        simulated = await cluster.command(
            "simulate", draft, "--topic", "--out=tickets", f"--as-of={format_instant(now_ms())}"
        )
        assert len([line for line in simulated.splitlines() if line.startswith("won: ")]) == 40
        assert "expected two policy files" in await cluster.command("simulate", "--topic", code=2)
        replayed = await cluster.command("replay", "--topic", "--clock=recorded", f"--as-of={format_instant(now_ms())}")
        events = [json.loads(line) for line in replayed.splitlines()]
        assert net_set(events) == net_set(await said(cluster, "warnings", "breaches", "outcomes"))


async def test_a_later_start_is_where_the_others_are(kafka: str, prefix: str, tmp_path: Path) -> None:
    """Killed after the adoption: the cycle of before the change has its old target still, from the changelog."""
    cluster = await fresh(kafka, prefix, tmp_path, desk("5s"))
    async with traffic(cluster) as send:
        first = WorkerProcess(cluster, "--instance-id=one")
        with workers(first):
            await first.ready()
            await send.send(send.event("old", "1", "created"))
            await cluster.push(desk("1s"))
            await until_adopted(2, first)
            first.kill()
        second = WorkerProcess(cluster, "--instance-id=one")
        with workers(second):
            await second.ready()
            await send.send(send.event("new", "1", "created"))

            async def both() -> bool:
                return await targets(cluster) == {"old": 5, "new": 1}

            await eventually(both, "one breach by each target")
            await cluster.until_all_said()


async def test_running_cycles_migrate_at_valid_from(kafka: str, prefix: str, tmp_path: Path) -> None:
    """Nothing else happens meanwhile: the change itself wakes them."""
    cluster = await fresh(kafka, prefix, tmp_path, desk("1h"))
    worker = WorkerProcess(cluster)
    with workers(worker):
        async with traffic(cluster) as send:
            await worker.ready()
            await send.send(*[send.event(f"T{number}", "1", "created") for number in range(8)])
            began = now_ms()
            since = format_instant(began + 4_000)
            shown = await cluster.push(
                desk("1h") + desk("3s", valid_from=since, on_change="migrate").splitlines()[-1] + "\n"
            )
            assert f"from {since} on; running ones take the new target then" in shown
            await until_adopted(2, worker)
            assert await said(cluster) == []
            await cluster.until_all_said()
            found = await said(cluster)
    assert {one["data"]["target_s"] for one in found} == {3}
    assert {one["time"] for one in found} == {since}  # used up by then, so due at the change
    assert len(found) == 8


async def test_an_unplanned_closure_retracts_and_corrects(kafka: str, prefix: str, tmp_path: Path) -> None:
    """The desk was closed since before the tickets came: their breaches and missed outcomes did not happen."""
    schedule = 'schedules:\n  office: {timezone: UTC, hours: {mon-sun: "00:00-24:00"}CLOSED}\n'

    def office(closed: str, **extra: str) -> str:
        head, body = desk("1s", schedule="office", **extra).split("\n", 1)
        return f"{head}\n{schedule.replace('CLOSED', closed)}{body}"

    cluster = await fresh(kafka, prefix, tmp_path, office(""))
    worker = WorkerProcess(cluster)
    tickets = [f"T{number}" for number in range(8)]
    with workers(worker):
        async with traffic(cluster) as send:
            await worker.ready()
            began = now_ms() // MINUTE * MINUTE
            await send.send(*[send.event(ticket, "1", "created") for ticket in tickets])
            await worker.until(lambda: worker.metric("sla_outputs_total") == 8, "a breach of each")
            await send.send(*[send.event(ticket, "2", "resolved") for ticket in tickets[:4]])
            await worker.until(lambda: worker.metric("sla_outputs_total") == 12, "missed outcomes")
            window = f"{format_instant(began)[:16]}/{format_instant(began + 30 * MINUTE)[:16]}"
            shown = await cluster.push(
                office(f', closed: ["{window}"]', valid_from=format_instant(began), on_change="migrate")
            )
            assert f"judges the past again from {format_instant(began)} on" in shown
            await until_adopted(2, worker)
            await worker.until(lambda: worker.metric("sla_outputs_total") == 24, "retractions and corrections")
            await send.send(*[send.event(ticket, "2", "resolved") for ticket in tickets[4:]])
            await cluster.until_all_said()
            assert "0 differences" in await cluster.command("verify", "--topic", "--grace=0s")
    breaches = await said(cluster)
    retractions = [one for one in breaches if one["type"] == "sla.retraction.v1"]
    assert sorted(one["subject"] for one in retractions) == tickets
    assert {one["data"]["reason"] for one in retractions} == {"policy_amended"}
    outcomes = net_set(await said(cluster, "outcomes"))
    assert [one[8] for one in outcomes] == ["met"] * 8


async def test_killed_in_the_middle_of_an_amendment(kafka: str, prefix: str, tmp_path: Path) -> None:
    """Thousands of pasts are judged again; whatever was committed by then is not said twice, the rest is said."""
    cluster = await fresh(kafka, prefix, tmp_path, desk("1s"), partitions=2)
    count = 6_000
    began = now_ms()
    async with traffic(cluster) as send:
        first = WorkerProcess(cluster, "--instance-id=one")
        with workers(first):
            await first.ready()
            await send.send(*[send.event(f"T{number}", "1", "created") for number in range(count)])
            await first.until(lambda: first.metric("sla_outputs_total") == count, "a breach of each")
            storm = (
                f"relaxations:\n  - {{name: storm, from: {format_instant(began - MINUTE)}, to: "
                f"{format_instant(now_ms() + MINUTE)}, extra: 3h, reason: flood, approved_by: boss}}\n"
            )
            pushing = asyncio.create_task(cluster.push(desk("1s") + storm))
            await eventually(lambda: first.metric("sla_outputs_total") > count, "the first retractions", every=0.001)
            first.kill()
            await pushing
        taken_back = len(await said(cluster)) - count
        assert 0 < taken_back < count, "the kill was not in the middle"
        second = WorkerProcess(cluster, "--instance-id=one")
        with workers(second):
            await second.ready()

            async def all_taken_back() -> bool:
                return len(await said(cluster)) == 2 * count

            await eventually(all_taken_back, "every retraction")
            await send.send(*[send.event(f"T{number}", "2", "resolved") for number in range(count)])
            await cluster.until_all_said(60)
    outcomes = net_set(await said(cluster, "outcomes"))
    assert {one[8] for one in outcomes} == {"met"}
    assert len(outcomes) == count


async def test_verify_right_after_a_push_judges_nobody_who_waits(kafka: str, prefix: str, tmp_path: Path) -> None:
    """The worker stands still while a set is published that changes the past."""
    cluster = await fresh(kafka, prefix, tmp_path, desk("1s"), partitions=2)
    worker = WorkerProcess(cluster)
    with workers(worker):
        async with traffic(cluster) as send:
            await worker.ready()
            began = format_instant(now_ms() - 60_000)
            await send.send(send.event("A", "1", "created"), send.event("B", "1", "created"))
            await cluster.until_all_said()
            worker.signal(signal.SIGSTOP)
            await cluster.push(desk("1s") + desk("5h", valid_from=began).splitlines()[-1] + "\n")
            said = await cluster.command("verify", "--topic", "--grace=0s")
            assert "; 0 differences; 2 wait for a policy set published in the last 10 minutes" in said
            worker.signal(signal.SIGCONT)
            await cluster.until_all_said()
            assert (await cluster.command("verify", "--topic", "--grace=0s")).rstrip().endswith("; 0 differences")
