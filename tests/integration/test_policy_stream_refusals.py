"""Policies as a stream, on a real broker: what is refused, and who may write."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from sla_stream.errors import ConfigError
from sla_stream.formats.instants import format_instant
from sla_stream.formats.policy_file import parse_policies
from sla_stream.formats.policy_set_record import pushed_set
from sla_stream.formats.settings import Settings
from sla_stream.kafka.policy_log import PolicyPusher, PushOvertaken, read_policy_history
from tests.integration.test_policy_stream import desk, fresh, targets, until_adopted
from tests.worker_support import ROOT, Cluster, WorkerProcess, eventually, now_ms, read_topic, traffic, workers

pytestmark = pytest.mark.kafka


async def rubbish(cluster: Cluster, key: bytes, value: bytes | None) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=cluster.kafka)
    await producer.start()
    try:
        await producer.send_and_wait(cluster.settings.topic("policies"), value, key=key, partition=0)
    finally:
        await producer.stop()


async def test_a_bad_record_is_refused_and_alarmed_and_life_goes_on(kafka: str, prefix: str, tmp_path: Path) -> None:
    cluster = await fresh(kafka, prefix, tmp_path, desk("1h"))
    good = (await read_topic(kafka, cluster.settings.topic("policies"), 1))[0].value or b""
    damaged = json.dumps(json.loads(good) | {"number": 3, "set": "AAAA"}).encode()
    worker = WorkerProcess(cluster)
    with workers(worker):
        async with traffic(cluster) as send:
            await worker.ready()
            await send.send(send.event("old", "1", "created"))
            for key, value in ((b"2", b"rubbish"), (b"3", damaged), (b"4", None)):
                await rubbish(cluster, key, value)
            await worker.until(lambda: worker.metric("sla_policy_records_refused_total") == 3, "three refusals")
            assert [line["level"] for line in worker.said("policies.record_refused")] == ["error"] * 3
            assert worker.metric("sla_policy_set") == 4 * 1
            assert "not usable: found no JSON" in await cluster.push(desk("1s"))
            await until_adopted(5, worker)
            await send.send(send.event("new", "1", "created"))

            async def breached() -> bool:
                return await targets(cluster) == {"new": 1}

            await eventually(breached, "the breach of the new ticket")
            await send.send(send.event("old", "2", "resolved"))
            await cluster.until_all_said()
        again = WorkerProcess(cluster)
        with workers(again):
            await again.until(lambda: len(again.said("policies.record_refused")) == 3, "the same refusals at a start")
            await again.ready()


async def test_a_file_that_differs_from_what_is_published(kafka: str, prefix: str, tmp_path: Path) -> None:
    cluster = await Cluster(kafka, prefix, tmp_path, policies=desk("6s"), partitions=2).create()
    neither = WorkerProcess(Cluster(kafka, prefix, tmp_path, policies=desk("6s"), publishes=True))
    with workers(neither):
        assert await neither.ended() == 2
        assert "no policy file given, and" in neither.log()
    worker = WorkerProcess(cluster)
    with workers(worker):
        async with traffic(cluster) as send:
            await worker.ready()
            await send.send(send.event("old", "1", "created"))
            await worker.until(lambda: worker.metric("sla_events_total") == 1, "the first event")
            await cluster.push(desk("6s"))  # what is published first is what runs already
            await worker.until(lambda: bool(worker.said("policies.published")), "the first set")
            assert not worker.said("policies.file_is_behind")
            await cluster.push(desk("1s"))
            await until_adopted(2, worker, partitions=2)
            assert worker.said("policies.file_is_behind")
            await send.send(send.event("new", "1", "created"))

            async def both() -> bool:
                return await targets(cluster) == {"old": 6, "new": 1}

            await eventually(both, "one breach by each target")
            assert (await worker.stop())[0] == 0
            other = WorkerProcess(cluster)
            with workers(other):
                assert await other.ended() == 2
                assert f"{cluster.settings.policies} differs from set 2 of {prefix}sla.policies.v1" in other.log()
                assert f"sla-stream policy push --policies {cluster.settings.policies}" in other.log()
            Path(str(cluster.settings.policies)).write_text("# the same\n" + desk("1s"))
            same = WorkerProcess(cluster)
            with workers(same):
                await same.ready()
                await send.send(send.event("old", "2", "resolved"), send.event("new", "2", "resolved"))
                await same.until(lambda: same.metric("sla_events_total") == 2, "the resolutions")
            cluster.publishes = True
            await cluster.until_all_said()


async def test_push_says_what_it_would_do_and_asks(kafka: str, prefix: str, tmp_path: Path) -> None:
    cluster = await Cluster(kafka, prefix, tmp_path, publishes=True).create()
    shown = await cluster.push(desk("6s"), "--reason=x", code=1)
    assert "holds no set yet:" in shown
    assert "expected --yes, or a terminal to ask on; not published" in shown
    assert "published set 1" in await cluster.push(desk("6s"), "--yes", "--by=ops", "--reason=change 4711")
    assert "nothing changed: the file says what set 1 of" in await cluster.push("# twice\n" + desk("6s"))
    refused = await cluster.push(desk("6 parsecs"), code=2)
    assert "pushed.yaml:3:" in refused
    history = await read_policy_history(cluster.settings)
    assert [(one.pushed.number, one.pushed.pushed_by, one.pushed.reason) for one in history.sets] == [
        (1, "ops", "change 4711")
    ]
    assert history.sets[0].pushed.text == desk("6s")


def _own_terminal(terminal: int) -> None:
    """In the child: a session with this terminal, so that Ctrl-C is a signal."""
    os.setsid()
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)


@pytest.mark.parametrize(
    ("answer", "code", "count"), [(b"y\n", 0, 2), (b"\n", 1, 1), (b"n\n", 1, 1), (b"\x04", 1, 1), (b"\x03", 130, 1)]
)
async def test_push_asks_on_a_terminal(
    kafka: str, prefix: str, tmp_path: Path, answer: bytes, code: int, count: int
) -> None:
    cluster = await fresh(kafka, prefix, tmp_path, desk("6s"))
    (tmp_path / "next.yaml").write_text(desk("1s"))
    ours, its = pty.openpty()
    command = [
        sys.executable, "-m", "sla_stream", "policy", "push", f"--policies={tmp_path / 'next.yaml'}",
        f"--kafka={kafka}", f"--topic-prefix={prefix}",
    ]  # fmt: skip
    process = subprocess.Popen(
        command, stdin=its, stdout=its, stderr=subprocess.PIPE, cwd=ROOT, preexec_fn=lambda: _own_terminal(its)
    )
    os.close(its)
    said = bytearray()

    def asked() -> bool:
        while select.select([ours], [], [], 0)[0]:
            said.extend(os.read(ours, 4096))
        return b"[y/N]" in said

    try:
        await eventually(asked, "the question")
        os.write(ours, answer)
        await eventually(lambda: process.poll() is not None, "its end")
        assert process.returncode == code
    finally:
        process.kill()
        process.communicate()
        os.close(ours)
    assert len((await read_policy_history(cluster.settings)).sets) == count


async def test_two_pushers_exclude_each_other(kafka: str, prefix: str, tmp_path: Path) -> None:
    """Whoever looked before the other one began would overwrite what it has not seen."""
    cluster = await fresh(kafka, prefix, tmp_path, desk("6s"))
    settings = cluster.settings
    async with PolicyPusher(settings) as slow:
        async with PolicyPusher(settings) as quick:
            await quick.push(pushed_set(quick.history.next_number, parse_policies(desk("1s"), "p"), "quick"))
        with pytest.raises(PushOvertaken, match="run it again to see what is different now"):
            await slow.push(pushed_set(slow.history.next_number, parse_policies(desk("2s"), "p"), "slow"))
    async with PolicyPusher(settings) as again:
        await again.push(pushed_set(again.history.next_number, parse_policies(desk("2s"), "p"), "again"))
    history = await read_policy_history(settings)
    assert [one.pushed.text for one in history.sets] == [desk("6s"), "quick", "again"]
    assert history.refused == []


async def test_no_topic_no_push(kafka: str, prefix: str) -> None:
    with pytest.raises(
        ConfigError, match=r"has no topic .*sla\.policies\.v1; expected it to exist: `sla-stream topics"
    ):
        async with PolicyPusher(Settings(kafka=kafka, topic_prefix=prefix)):
            raise AssertionError("there is nothing to push to")


async def test_a_set_that_nobody_could_use_is_refused_before_it_is_sent(
    kafka: str, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = await fresh(kafka, prefix, tmp_path, desk("6s"))
    long = pushed_set(2, parse_policies(desk("1s"), "p"), "# " + "x" * (9 << 20))
    async with PolicyPusher(cluster.settings) as pusher:
        with pytest.raises(ConfigError, match="bytes as a record; expected at most"):
            await pusher.push(long)
        with monkeypatch.context() as faulty:
            faulty.setattr("sla_stream.core.cycle.arm", lambda cycle, target: 1 // 0)
            with pytest.raises(ConfigError, match="every worker would refuse this set: ZeroDivisionError"):
                await pusher.push(pushed_set(2, parse_policies(desk("1s"), "p")))
        large = pushed_set(2, parse_policies(desk("1s"), "p"), "# " + "x" * (7 << 20))
        await pusher.push(large)
    assert len((await read_policy_history(cluster.settings)).sets) == 2


async def test_a_set_that_cannot_judge_a_ticket_brings_nobody_down(kafka: str, prefix: str, tmp_path: Path) -> None:
    """A fault of the engine: alarmed, survived, and repaired by a release that has it no more."""
    cluster = await fresh(kafka, prefix, tmp_path, desk("1h"))
    program = (str(ROOT / "tests" / "worker_with_bug.py"),)
    since = format_instant(now_ms() - 60_000)
    with workers(faulty := WorkerProcess(cluster, program=program)):
        async with traffic(cluster) as send:
            await faulty.ready()
            await send.send(*[send.event(ticket, "1", "created") for ticket in ("bad", "good")])
            await faulty.until(lambda: faulty.metric("sla_events_total") == 2, "the tickets")
            await cluster.push(desk("1h") + desk("1s", valid_from=since).splitlines()[-1] + "\n")
            await faulty.until(lambda: faulty.metric("sla_tickets_unjudged_total") == 1, "the alarm")
            [line] = faulty.said("policies.ticket_not_judged")
            assert (line["level"], line["ticket_id"], line["number"]) == ("error", "bad", 2)
            await send.send(send.event("new", "1", "created"), send.event("bad", "2", "updated", priority="high"))

            async def breached() -> bool:
                return await targets(cluster) == {"good": 1, "new": 1}

            await eventually(breached, "the breaches of the others")
            assert (await faulty.stop())[0] == 0
    with workers(repaired := WorkerProcess(cluster)):
        await repaired.ready()
        await cluster.until_all_said()
        assert await targets(cluster) == {"good": 1, "new": 1, "bad": 1}
