"""Clocks: a worker whose wall clock is an hour wrong and jumps; a log that crosses a change of daylight saving time."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

from sla_stream.formats.instants import format_instant
from tests.chaos.arena import Arena, Fault

SKEWED = ("-m", "tests.chaos.programs.skewed_worker")
HOUR = 3_600
OFFICE = """\
apiVersion: sla-stream/v1
schedules:
  office:
    timezone: Europe/Berlin
    hours: {mon-sun: ["00:00-06:00", "08:00-18:00"]}
policies:
  - name: office
    schedule: office
    targets:
      first_response: {target: 2h, warn: ["50%"]}
      resolution: {target: 8h, pause: [{status: [pending]}]}
"""


async def wrong_clock(arena: Arena) -> None:
    """An hour fast, an hour slow, then jumping every second. Deadlines go by the broker's time, so nothing is early."""
    clock = arena.directory / "clock"
    async with arena.load():
        for start in (HOUR, -HOUR) * arena.rounds:
            clock.write_text(str(start))
            worker = arena.worker("--instance-id=only", program=SKEWED, CLOCK_FILE=str(clock))
            await worker.ready()
            seen = len(arena.watch.arrivals)
            await worker.until(lambda: len(arena.watch.arrivals) > seen + 50, "SLA events")  # noqa: B023
            for _ in range(4):
                arena.strike()
                clock.write_text(str(arena.chance.choice((-HOUR, -1, 0, 1, HOUR))))
                await asyncio.sleep(0.5)  # how long the clock stays there
            worker.kill()
        last = await arena.worker("--instance-id=only").ready()
        await arena.settle(last)


async def daylight_saving(arena: Arena) -> None:
    """Both nights of 2025 in which Berlin's clocks change, inside business hours; the worker lives elsewhere."""
    batch: list[tuple[int, str, dict[str, Any]]] = []
    for night in (datetime(2025, 3, 29, 12, tzinfo=UTC), datetime(2025, 10, 25, 12, tzinfo=UTC)):
        start = int(night.timestamp() * 1000)
        for number in range(300):
            at = start + arena.chance.randrange(24 * HOUR) * 1000
            ticket = f"{night:%m}-{number}"
            batch.append((at, ticket, {"kind": "created"}))
            for kind in ("agent_replied", "resolved"):
                if arena.chance.random() < 0.7:
                    at += arena.chance.randrange(6 * HOUR) * 1000
                    batch.append((at, ticket, {"kind": kind}))
        batch.append((start + 72 * HOUR * 1000, "end", {"kind": "created" if night.month == 3 else "updated"}))
    batch.sort(key=lambda each: each[0])
    half = len(batch) // 2
    await _append(arena, batch[:half])
    worker = await arena.worker("--instance-id=only", TZ="America/New_York").ready()
    await worker.until(lambda: worker.metric("sla_events_total") > 0, "some events")
    arena.strike()
    worker.kill()
    await _append(arena, batch[half:])
    last = await arena.worker("--instance-id=only", TZ="Australia/Lord_Howe").ready()
    await arena.settle(last)


async def _append(arena: Arena, batch: list[tuple[int, str, dict[str, Any]]]) -> None:
    for at, ticket, event in batch:
        value = {"event_id": f"{event['kind']}-{at}", "ticket_id": ticket, "occurred_at": format_instant(at), **event}
        await arena.send.send_raw(ticket.encode(), json.dumps(value).encode(), timestamp_ms=at)


FAULTS = (
    Fault("worker's clock wrong by an hour, jumping", wrong_clock, short=1, long=10),
    Fault(
        "daylight saving time begins and ends", daylight_saving, short=1, long=1,
        cluster={"history": True, "policies": OFFICE},
    ),
)  # fmt: skip
