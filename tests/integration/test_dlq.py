"""`sla-stream dlq` and `late` on a real broker: found, shown, and sent again exactly once, whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import jsonschema_rs
import pytest
from aiokafka import AIOKafkaProducer

from sla_stream.cli.main import main
from sla_stream.formats.settings import TopicRole
from sla_stream.kafka.admin import Admin
from sla_stream.kafka.dead_letters import with_reason
from sla_stream.kafka.topics import WantedTopic
from tests.worker_support import ROOT, Cluster, WorkerProcess, eventually, now_ms, read_topic, traffic, workers

pytestmark = pytest.mark.kafka

LETTERS = 2_500


def program(cluster: Cluster, *words: str) -> list[str]:
    return [sys.executable, "-m", "sla_stream", *words, f"--kafka={cluster.kafka}", f"--topic-prefix={cluster.prefix}"]


async def command(cluster: Cluster, *words: str, code: int = 0) -> str:
    """A command on this cluster, in this process; what it said on both outputs. Its exit code is checked."""
    said = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        found = await asyncio.to_thread(main, [*program(cluster, *words)[3:]])
    text = said.buffer.getvalue().decode()  # type: ignore[attr-defined]
    assert found == code, f"{words} ended with {found}: {text}"
    return text


def lines(text: str) -> Iterator[dict[str, object]]:
    """The JSON lines of what a command said on both outputs."""
    return (json.loads(line) for line in text.splitlines() if line.startswith("{"))


async def put_letters(
    cluster: Cluster, count: int, reason: str = "engine_error", role: TopicRole = "dead_letters"
) -> None:
    """Letters of ticket events that could be applied by now, as a worker would have set them aside."""
    topic, source = cluster.settings.topic(role), cluster.settings.topic("ticket_events")
    producer = AIOKafkaProducer(bootstrap_servers=cluster.kafka, linger_ms=5)
    await producer.start()
    try:
        sent = []
        for number in range(count):
            event = {"event_id": f"e{number}", "ticket_id": f"t{number % 50}", "kind": "updated",
                     "occurred_at": "2026-03-02T08:00:00Z"}  # fmt: skip
            headers = with_reason([("n", b"%d" % number)], reason, "", source, number % cluster.partitions, number)  # type: ignore[arg-type]
            sent.append(
                await producer.send(
                    topic, json.dumps(event).encode(), key=event["ticket_id"].encode(),
                    partition=number % cluster.partitions, headers=headers,
                )
            )  # fmt: skip
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


async def test_from_worker_to_list_to_worker(kafka: str, prefix: str, tmp_path: Path) -> None:
    """An event whose source's clock is ahead, and one that comes an hour late; by the time of the retry both fit."""
    cluster = await Cluster(kafka, prefix, tmp_path).create()
    hour = 3_600_000
    async with traffic(cluster) as send:
        # a partition that no partitioner of ours would choose: there the ticket's other events are
        place = (send._route(b"T-1") + 1) % cluster.partitions
        strict = WorkerProcess(cluster, "--max-skew=0ms", "--allowed-lateness=10m")
        with workers(strict):
            await strict.ready()
            value = json.dumps(send.event("T-1", "e1", "created", at=now_ms() + 1_500), indent=1).encode()
            await send.send_raw(b"T-1", value, partition=place, headers=[("trace", b"\x00\xff")])
            await send.send_raw(b"T-2", b"no json")
            await send.send(send.event("L-1", "1", "created", at=now_ms() - 2 * hour))
            await send.send(send.event("L-1", "2", "updated", priority="high"))
            await send.send(send.event("L-1", "3", "agent_replied", at=now_ms() - hour))
            await eventually(lambda: cluster.read("late"), "a late event")
            await strict.until(lambda: strict.metric("sla_dead_letters_total") == 2, "two dead letters")
        refused = await command(cluster, "late", "retry", "--all", "--allowed-lateness=10m", code=1)
        assert "would be refused: too_late: its place is" in refused
        assert "allowed_lateness (10m) does not reach back so far" in refused
        letter = await look_at_the_dead(cluster, place)
        await eventually(lambda: now_ms() > ahead_at(value) + 50, "the event's instant")
        await retry_the_dead(cluster, letter, place)
        assert "1 sent" in await command(cluster, "late", "retry", "--all", "--allowed-lateness=3h")
        lenient = WorkerProcess(cluster, "--max-skew=0ms", "--allowed-lateness=3h")
        with workers(lenient):
            await lenient.ready()
            await eventually(lambda: cluster.read("outcomes"), "the outcome that the reply brings")
            await eventually(lambda: breached(cluster, "T-1"), "the breach of what was dead")
    (outcome,) = await cluster.read("outcomes")
    assert json.loads(outcome.value or b"")["data"]["metric"] == "first_response"
    assert (len(await cluster.read("late")), len(await cluster.read("dead_letters"))) == (1, 2)
    assert next(lines(await command(cluster, "late", "list")))["retried_at"] is not None
    await compare_what_was_sent(cluster, letter, place)


async def look_at_the_dead(cluster: Cluster, place: int) -> str:
    """`list`, `show`, `export`; the id of the letter that was ahead."""
    source = cluster.settings.topic("ticket_events")
    said = await command(cluster, "dlq", "list")
    assert "2 on " + cluster.settings.topic("dead_letters") in said
    assert "0 of them sent again" in said
    (future,) = (row for row in lines(said) if row["reason"] == "future")
    assert (future["topic"], future["partition"], future["offset"]) == (source, place, 0)
    assert (future["key"], future["ticket_id"], future["event_id"]) == ("T-1", "T-1", "e1")
    letter = str(future["letter"])
    shown = await command(cluster, "dlq", "show", letter)
    assert f"from      {source}/{place}/0" in shown
    assert '"event_id": "e1"' in shown
    assert "1 of the 1 letters asked for: not found" in await command(cluster, "dlq", "show", "0/999999", code=1)
    exported = await command(cluster, "dlq", "export", "--reason=json,future", code=1)
    assert "no json" in exported.splitlines()
    assert f"{letter}: left out, its value has more than one line" in exported
    return letter


async def retry_the_dead(cluster: Cluster, letter: str, place: int) -> None:
    source = cluster.settings.topic("ticket_events")
    there = len(await cluster.read("ticket_events"))
    dry = await command(cluster, "dlq", "retry", "--all", "--dry-run", "--max-skew=0ms", code=1)
    assert f"{letter} (future) would be sent to {source}/{place}" in dry
    assert "(json) would be refused: json" in dry
    assert len(await cluster.read("ticket_events")) == there, "a dry run has sent something"
    only = ("--reason=future", "--max-skew=0ms")
    sent = await command(cluster, "dlq", "retry", *only, "--by=ops", "--why=clock")
    assert sent.splitlines() == [f"{letter} (future) sent to {source}/{place}", "1 sent"]
    again = await command(cluster, "dlq", "retry", *only)
    assert again.splitlines()[-1] == "1 sent before"


async def breached(cluster: Cluster, ticket_id: str) -> bool:
    return any(record.key == ticket_id.encode() for record in await cluster.read("breaches"))


async def compare_what_was_sent(cluster: Cluster, letter: str, place: int) -> None:
    """The record is the same but for one header, and the retries topic says who sent it and why."""
    source = cluster.settings.topic("ticket_events")
    original, resent = [record for record in await cluster.read("ticket_events") if record.key == b"T-1"]
    assert (resent.partition, resent.value) == (original.partition, original.value)
    assert dict(resent.headers) == {"trace": b"\x00\xff", "sla-retry-of": str_place(cluster, letter)}
    marks = await read_topic(cluster.kafka, cluster.settings.topic("retries"), 1)
    (mark,) = (one for one in marks if one.key == str_place(cluster, letter))
    told = json.loads(mark.value or b"")
    jsonschema_rs.validator_for(json.loads((ROOT / "schemas" / "retry.v1.schema.json").read_text())).validate(told)
    assert (told["by"], told["why"], told["reason"], told["sent_to"]) == ("ops", "clock", "future", f"{source}/{place}")
    assert next(lines(await command(cluster, "dlq", "list", "--event=e1")))["retried_at"] == told["retried_at"]
    assert "again at" in await command(cluster, "dlq", "show", letter)


def ahead_at(value: bytes) -> int:
    from sla_stream.formats.instants import parse_instant

    return parse_instant(json.loads(value)["occurred_at"])


def str_place(cluster: Cluster, letter: str) -> bytes:
    return f"{cluster.settings.topic('dead_letters')}/{letter}".encode()


async def test_killed_and_overtaken_retries_send_nothing_twice(kafka: str, prefix: str, tmp_path: Path) -> None:
    cluster = await Cluster(kafka, prefix, tmp_path).create()
    await put_letters(cluster, LETTERS)

    async def start() -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *program(cluster, "dlq", "retry", "--all"), cwd=ROOT, limit=4096,  # unread output holds it up midway
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip

    async def resent() -> list[int]:
        return [int(dict(record.headers)["n"]) for record in await cluster.read("ticket_events")]

    killed = await start()
    assert killed.stdout is not None
    assert await asyncio.wait_for(killed.stdout.read(1), 30), "it has sent a first batch"
    killed.kill()
    await killed.communicate()
    before = await resent()
    assert 0 < len(before) < LETTERS, "the kill came in the middle"

    rivals = [await start(), await start()]
    ended = await asyncio.gather(*(asyncio.wait_for(one.communicate(), 60) for one in rivals))
    codes = [one.returncode for one in rivals]
    assert 0 in codes, ended
    for code, (_, said) in zip(codes, ended, strict=True):
        assert code == 0 or (code == 1 and b"another retry began after this one" in said), said.decode()
    assert Counter(await resent()) == Counter(range(LETTERS))

    assert "nothing found" in await command(cluster, "dlq", "retry", "--reason=json")
    assert f"{LETTERS} sent before" in await command(cluster, "dlq", "retry", "--all")
    assert "1 sent" in (await command(cluster, "dlq", "retry", "0/0", "--again")).splitlines()


async def test_what_was_not_ours_or_has_gone_is_left(kafka: str, prefix: str, tmp_path: Path) -> None:
    cluster = await Cluster(kafka, prefix, tmp_path, partitions=1).create()
    dead, source = cluster.settings.topic("dead_letters"), cluster.settings.topic("ticket_events")
    vendor = f"{prefix}vendor"
    async with traffic(cluster) as send:
        producer = send._producer
        headers = [
            [("mine", b"1")],
            with_reason([], "json", "x", vendor, 0, 4),
            with_reason([], "engine_error", "x", source, 7, 4),
        ]
        for each in headers:
            await producer.send_and_wait(dead, b'{"event_id":"e","ticket_id":"k","kind":"created",'
                b'"occurred_at":"2026-03-02T08:00:00Z"}', key=b"k", partition=0, headers=each)  # fmt: skip
        said = await command(cluster, "dlq", "retry", "--all", code=1)
        assert "0/0 (not ours) left: its headers do not say where it came from" in said
        assert f"0/1 (json) left: it came from {vendor}; `--source {vendor}` allows to write there" in said
        assert f"0/2 (engine_error) left: {source} has no partition 7 any more" in said
        assert "3 left" in said
        gone = await command(cluster, "dlq", "retry", f"--source={vendor}", code=2)
        assert f"has no topic {vendor}, where letters came from" in gone
        async with Admin(cluster.settings) as admin:
            await admin.create([WantedTopic("late", vendor, 1, 1)])
            await admin.wait_for_leaders({vendor: 1})
        assert "1 sent" in await command(cluster, "dlq", "retry", f"--source={vendor}")
        (record,) = await read_topic(kafka, vendor, 1)
        assert record.key == b"k"
    assert "expected letters (PARTITION/OFFSET) or a filter, or --all" in await command(cluster, "dlq", "retry", code=2)
    assert "expected a letter as `list` shows it" in await command(cluster, "dlq", "show", "x", code=2)
