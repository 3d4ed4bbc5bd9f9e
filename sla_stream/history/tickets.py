"""The present state of tickets from the timers topic: the last record of each key, filtered as it is read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, cast

import orjson

from sla_stream.formats.instants import parse_instant
from sla_stream.formats.settings import Settings
from sla_stream.kafka.keys import partition_of
from sla_stream.kafka.reader import TopicReader

Json = dict[str, Any]
Keep = Callable[[Json], bool]
"""Whether a timer state (contract §3) is wanted."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What `tickets list` shows; None: whatever. `due_before` in ms: open deadlines before it, breached ones too."""

    stages: frozenset[str] | None = None
    breached: bool | None = None
    metrics: frozenset[str] | None = None
    policies: frozenset[str] | None = None
    due_before: int | None = None

    def __call__(self, state: Json) -> bool:
        """Whether the state passes."""
        if self.stages is not None and state["stage"] not in self.stages:
            return False
        if self.breached is not None and state["breached"] != self.breached:
            return False
        if self.metrics is not None and state["metric"] not in self.metrics:
            return False
        if self.policies is not None and state["policy"] not in self.policies:
            return False
        return self.due_before is None or (
            state["due_at"] is not None and parse_instant(state["due_at"]) < self.due_before
        )


def read_states(settings: Settings, ticket_id: str | None, keep: Keep) -> list[Json]:
    """The wanted states, each with the `as_of` of its ticket's record: the soonest due first, then by ticket.

    `ticket_id`: of one ticket only, in the order of its record. ConfigError if there is no such topic or cluster.
    Memory grows with what is wanted, not with the topic.
    """
    return asyncio.run(_read(settings, ticket_id, keep))


async def _read(settings: Settings, ticket_id: str | None, keep: Keep) -> list[Json]:
    found: dict[bytes, list[Json]] = {}
    wanted = None if ticket_id is None else ticket_id.encode()
    async with TopicReader(settings, settings.topic("timers")) as reader:
        ends = await reader.end()
        start = None if wanted is None else _only(partition_of(wanted, len(reader.partitions)), ends)
        read = cast("AsyncGenerator[tuple[int, list[Any]], None]", reader.read(start, ends))
        async with aclosing(read) as batches:
            async for _, records in batches:
                for record in records:
                    if wanted is None or record.key == wanted:
                        _fold(found, record.key, record.value, keep)
    states = [state for states in found.values() for state in states]
    return states if wanted is not None else sorted(states, key=_soonest)


def _only(partition: int, ends: Mapping[int, int]) -> dict[int, int]:
    """Where to start so that only one partition is read."""
    return {number: end for number, end in ends.items() if number != partition}


def _fold(found: dict[bytes, list[Json]], key: bytes, value: bytes | None, keep: Keep) -> None:
    """The last record of a key counts; null: the ticket is forgotten."""
    found.pop(key, None)
    if value is None:
        return
    view = orjson.loads(value)
    states = [state | {"as_of": view["as_of"]} for state in view["cycles"] if keep(state)]
    if states:
        found[key] = states


def _soonest(state: Json) -> tuple[bool, str, str, str, int]:
    due = state["due_at"]
    return (due is None, due or "", state["ticket_id"], state["metric"], state["cycle"])


def table(states: Iterable[Json]) -> list[str]:
    """The states as lines of aligned columns under a head; the deadline that counts, and what is left of the time."""
    rows = [("ticket", "metric", "cycle", "stage", "due", "left", "policy")]
    for state in states:
        stage = f"{state['stage']}!" if state["breached"] else state["stage"]
        due = state["due_at"] or state["ended_at"] or "-"
        rows.append((
            state["ticket_id"], state["metric"], str(state["cycle"]), stage, due.replace(".000Z", "Z"),
            _left(state["remaining_s"]), state["policy"],
        ))  # fmt: skip
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _left(seconds: float) -> str:
    sign, whole = ("-" if seconds < 0 else ""), int(abs(seconds))
    return f"{sign}{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
