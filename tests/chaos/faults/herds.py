"""Many deadlines at once, and many that a waiting backlog averts."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable

from sla_stream.formats.instants import format_instant
from tests.chaos.arena import Arena, Fault
from tests.worker_support import eventually, now_ms

HERD = """\
apiVersion: sla-stream/v1
policies:
  - name: herd
    schedule: 24x7
    targets: {resolution: {target: TARGET}}
"""
MINUTE = 60_000


async def _append(arena: Arena, events: Iterable[tuple[str, str, str, int]]) -> None:
    """(ticket, event id, kind, ms), in big batches."""
    pending = []
    for ticket, event_id, kind, at in events:
        value = {"event_id": event_id, "ticket_id": ticket, "kind": kind, "occurred_at": format_instant(at)}
        stamp = {"timestamp_ms": at} if arena.cluster.history else {}
        pending.append(await arena.send._append(ticket.encode(), json.dumps(value).encode(), **stamp))
        if len(pending) == 5_000:
            for each in pending:
                await each
            pending.clear()
    for each in pending:
        await each


async def one_second(arena: Arena) -> None:
    """`rounds` thousand deadlines in the same second, with traffic flowing."""
    count = arena.rounds * 1_000
    worker = await arena.worker("--instance-id=only").ready()
    ahead = 20 + count // 5_000
    due = now_ms() // 1000 * 1000 + ahead * 1000
    began = due - 60_000
    await _append(arena, ((f"H{number}", "1", "created", began + number % 1000) for number in range(count)))
    await arena.settle(worker, 120)
    assert now_ms() < due, f"{count:,} events took longer than {ahead} s to send and read"
    arrived = len(arena.watch.arrivals)
    async with arena.load(per_second=20):
        await worker.until(lambda: now_ms() >= due, "the second", ahead + 5)
        started = time.monotonic()
        await worker.until(lambda: len(arena.watch.arrivals) >= arrived + count, "all breaches", 120)
        arena.notes.append(f"{count:,} breaches visible {time.monotonic() - started:.1f} s after the second began")
    await arena.settle(worker)


async def long_stop(arena: Arena) -> None:
    """`rounds` thousand tickets an hour old; while the worker is away nine of ten are resolved and all fall due."""
    count = arena.rounds * 1_000
    worker = await arena.worker("--instance-id=only").ready()
    due = now_ms() + 20_000 + count // 5
    await _append(arena, ((f"L{number}", "1", "created", due - 60 * MINUTE + number % 1000) for number in range(count)))
    await worker.until(lambda: worker.metric("sla_events_total") >= count, "all tickets", 600)
    worker.kill()
    resolved = (number for number in range(count) if number % 10)
    await _append(arena, ((f"L{number}", "2", "resolved", now_ms()) for number in resolved))
    assert now_ms() < due, "the resolutions took until the deadlines"
    assert await arena.cluster.read("breaches") == [], "a breach before its time"
    await eventually(lambda: now_ms() > due + 2_000, "that every deadline has passed", 30 + count / 5_000)
    started = time.monotonic()
    last = await arena.worker("--instance-id=only").ready(120)
    await last.until(lambda: last.metric("sla_lag_offsets") == 0, "no lag", 900)
    arena.notes.append(f"caught up in {time.monotonic() - started:.1f} s; {arena.watch.retractions} retractions")
    assert arena.watch.retractions == 0, "a false alarm was said, and taken back"


FAULTS = (
    Fault(
        "deadlines in one second (thousands: rounds)", one_second, short=5, long=200,
        cluster={"policies": HERD.replace("TARGET", "{high: 2s, default: 1m}")}, patience=300,
    ),
    Fault(
        "start after a stop, all overdue (thousands: rounds)", long_stop, short=5, long=1_000,
        cluster={"history": True, "policies": HERD.replace("TARGET", "1h")}, patience=300,
    ),
)  # fmt: skip
