"""The demo: what it says is what a replay says, it shows breaches soon, and it leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from sla_stream.demo.ground import lay_ground
from sla_stream.demo.history import cut, read_history
from sla_stream.demo.line import Line
from sla_stream.demo.options import POLICIES, Options
from sla_stream.demo.pipeline import Demo
from sla_stream.demo.screen import PlainScreen
from sla_stream.formats.instants import format_instant, parse_instant
from sla_stream.formats.settings import Settings
from sla_stream.kafka.admin import Admin
from tests.oracle import net_set
from tests.worker_support import eventually, read_topic

pytestmark = pytest.mark.kafka

PATIENCE = 60.0


# --- what it says


class Silent(PlainScreen):
    """Remembers the lines and shows nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[Line] = []

    def say(self, text: str) -> None:
        pass

    def event(self, line: Line) -> None:
        self.lines.append(line)

    def progress(self, text: str) -> None:
        pass


async def said_on_kafka(options: Options) -> tuple[list[dict[str, Any]], int]:
    """Every SLA event that a bounded demo leaves in the topics, and how many lines it showed."""
    screen = Silent()
    async with lay_ground(options, screen.say) as ground:
        await Demo(options, ground, screen).run()
        settings = ground.settings
        records = [
            record
            for role in ("warnings", "breaches", "outcomes")
            for record in await read_topic(settings.kafka, settings.topic(role), settings.partitions)  # type: ignore[arg-type]
        ]
    return [json.loads(record.value or b"") for record in records], len(screen.lines)


async def said_by_replay(history: Path, as_of: int, policies: Path = POLICIES) -> list[dict[str, Any]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sla_stream", "replay",
        "--policies", str(policies), "--events", str(history), "--as-of", format_instant(as_of),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate()
    assert process.returncode == 0
    return [json.loads(line) for line in out.splitlines()]


@pytest.mark.parametrize(("until", "speed"), [("2016-03-01T18:00:30Z", 40_000.0), ("2016-03-08T12:00:30Z", 300_000.0)])
async def test_outputs_equal_replay_of_the_same_events(
    kafka: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, until: str, speed: float
) -> None:
    monkeypatch.setenv("SLA_STREAM_TEST_KAFKA", kafka)
    end = parse_instant(until)
    events = list(cut(read_history(), None, end))
    history = tmp_path / "events.jsonl"
    history.write_bytes(b"".join(event.value + b"\n" for event in events))

    said, shown = await said_on_kafka(Options(speed=speed, until=end))
    wanted = await said_by_replay(history, end)

    assert len(events) > 800
    assert shown == len(said)
    assert len({event["id"] for event in said}) == len(said)
    assert {event["type"] for event in said} >= {"sla.warning.v1", "sla.breach.v1", "sla.outcome.v1"}
    early = [one for one in said if one["type"] == "sla.breach.v1" and one["data"]["late_s"] <= 0]
    assert not early
    assert not [one for one in said if one["data"]["reason"] == "late_event"], "the clock ran ahead of the feed"
    missing, extra = net_set(wanted) - net_set(said), net_set(said) - net_set(wanted)
    assert not missing and not extra, (len(missing), len(extra), sorted(map(str, missing | extra))[:3])


# --- how it starts and stops


class Running:
    """`sla-stream demo` as a process, its output as it comes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.out: list[str] = []
        self.err: list[str] = []
        self._readers = [
            asyncio.create_task(self._read(process.stdout, self.out)),
            asyncio.create_task(self._read(process.stderr, self.err)),
        ]

    async def _read(self, stream: asyncio.StreamReader | None, lines: list[str]) -> None:
        assert stream is not None
        async for line in stream:
            lines.append(line.decode().rstrip())

    async def until_shows(self, word: str) -> None:
        def shows() -> bool:
            assert self._process.returncode is None, self.err
            return any(word in line for line in self.out + self.err)

        await eventually(shows, f"{word!r} in {self.err[-5:]}", PATIENCE)

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def ended(self) -> int:
        async with asyncio.timeout(PATIENCE):
            code = await self._process.wait()
            await asyncio.gather(*self._readers)
        return code


@asynccontextmanager
async def demo(directory: Path, *flags: str, **environment: str) -> AsyncIterator[Running]:
    """Temporary files go to `directory`, which is also how its processes are found."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sla_stream", "demo", *flags,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, start_new_session=True,
        env=os.environ | {"TMPDIR": str(directory)} | environment,
    )  # fmt: skip
    running = Running(process)
    try:
        yield running
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await running.ended()


def processes(directory: Path) -> Iterator[int]:
    """Ids of the processes whose command line names the directory."""
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if str(directory).encode() in (entry / "cmdline").read_bytes():
                yield int(entry.name)


async def on_cluster(kafka: str) -> set[str]:
    """Names of the topics and groups of demos."""
    async with Admin(Settings(kafka=kafka)) as admin:
        topics = {name for name in await admin.topic_names() if name.startswith("sla-demo-")}
        groups = {name for name, *_ in await admin._client.list_consumer_groups() if name.startswith("sla-demo-")}
    return {*topics, *groups}


@pytest.mark.parametrize(
    ("number", "flags"),
    [(signal.SIGINT, []), (signal.SIGTERM, ["--speed=30000"]), (signal.SIGHUP, ["--speed=30000"])],
)
async def test_shows_breaches_soon_and_leaves_nothing_behind(
    kafka: str, tmp_path: Path, number: signal.Signals, flags: list[str]
) -> None:
    before, began = await on_cluster(kafka), time.monotonic()
    async with demo(tmp_path, *flags, SLA_STREAM_TEST_KAFKA=kafka) as running:
        await running.until_shows("  breach  ")
        assert time.monotonic() - began < 60
        assert await on_cluster(kafka) > before
        assert list(processes(tmp_path))
        running.signal(number)
        assert await running.ended() == 130
    assert list(tmp_path.iterdir()) == []
    assert not list(processes(tmp_path))
    assert await on_cluster(kafka) == before


async def test_own_broker_goes_with_it(tmp_path: Path) -> None:
    async with demo(tmp_path, "--events", "150", "--speed", "50000", SLA_STREAM_TEST_KAFKA="") as running:
        await running.until_shows("end: ")
        assert await running.ended() == 0
    assert any("broker: Apache Kafka 4" in line for line in running.err)
    assert any("· 150 events ·" in line and "· lag 0 ·" in line for line in running.err)
    assert list(tmp_path.iterdir()) == []
    assert not list(processes(tmp_path))


async def test_without_java_the_embedded_broker_serves_and_says_what_it_is(tmp_path: Path) -> None:
    empty = tmp_path / "no-programs"
    empty.mkdir()
    environment = {"PATH": str(empty), "JAVA_HOME": "", "SLA_STREAM_TEST_KAFKA": ""}
    async with demo(tmp_path, "--events", "150", "--speed", "50000", **environment) as running:
        await running.until_shows("end: ")
        assert await running.ended() == 0
    assert any("embedded broker" in line and "no evidence for exactly-once" in line for line in running.err)
    assert any("  breach  " in line for line in running.out)
    assert list(tmp_path.iterdir()) == [empty]


async def test_children_do_not_outlive_a_kill(kafka: str, tmp_path: Path) -> None:
    before = await on_cluster(kafka)
    async with demo(tmp_path, SLA_STREAM_TEST_KAFKA=kafka) as running:
        await running.until_shows("worker ready")
        assert list(processes(tmp_path))
        running.signal(signal.SIGKILL)
        assert await running.ended() == -signal.SIGKILL
        await eventually(lambda: not list(processes(tmp_path)), "the worker's end", PATIENCE)
    left = await on_cluster(kafka) - before
    async with Admin(Settings(kafka=kafka)) as admin:
        await admin.delete([name for name in left if not name.endswith("-worker")])


async def test_a_worker_that_dies_ends_the_demo_with_its_last_words(kafka: str, tmp_path: Path) -> None:
    before = await on_cluster(kafka)
    async with demo(tmp_path, SLA_STREAM_TEST_KAFKA=kafka) as running:
        await running.until_shows("worker ready")
        for worker in processes(tmp_path):
            os.kill(worker, signal.SIGKILL)
        assert await running.ended() == 3
    assert any("worker ended with exit code -9" in line for line in running.err)
    assert any("partition.ready" in line for line in running.err)
    assert list(tmp_path.iterdir()) == []
    assert await on_cluster(kafka) == before


async def test_live_moves_the_history_to_now(kafka: str, tmp_path: Path) -> None:
    async with demo(tmp_path, "--live", "--events", "4000", SLA_STREAM_TEST_KAFKA=kafka) as running:
        assert await running.ended() == 0
    assert any("  breach  " in line for line in running.out)
    assert not any("1970" in line for line in running.err)
    assert not any("late_event" in line for line in running.out)  # no alarm was false
    today, shown = time.time(), time.mktime(time.strptime(running.out[0][:10], "%Y-%m-%d"))
    assert 20 * 86_400 < today - shown < 30 * 86_400


async def test_refuses_bad_policies_before_it_starts_anything(tmp_path: Path) -> None:
    policies = tmp_path / "mine.yaml"
    shutil.copy(POLICIES, policies)
    policies.write_text(policies.read_text().replace("targets:", "tragets:"))
    async with demo(tmp_path, "--policies", str(policies)) as running:
        assert await running.ended() == 2
    assert any("mine.yaml:" in line and "targets" in line for line in running.err)
    assert not running.out
    assert list(tmp_path.iterdir()) == [policies]
