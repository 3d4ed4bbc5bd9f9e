"""The table: a partition's ticket states, backed by a compacted changelog topic.

Recovery reads the changelog partition of the same number to its end. Beside the tickets it holds reserved
records, whose keys are not valid UTF-8 and so can never be a ticket's: the last one of every transaction says what
is not per ticket, a fault record counts the starts that one input record has brought down, and there is one
for each policy set that running cycles were started under.

A ticket whose state is newer than what the timers topic shows is *dirty*. Nothing is stored for that but one
offset: every ticket whose last changelog record lies at or behind `shown_from` is dirty.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from sla_stream.worker.policy_record import PREFIX, Stored, read_record, since_of

META_KEY: Final = b"\xffmeta"
FAULT_KEY: Final = b"\xfffault"
_RESERVED: Final = 0xFF

_TAIL: Final = 64
"""Offsets before the end in which the last meta record is looked for first."""


class Meta(msgspec.Struct, array_like=True):
    """The last changelog record of every transaction."""

    engine: bytes
    """`Engine.meta()`."""
    shown_from: int
    """Changelog offset from which on tickets may be newer than the timers topic."""


class Fault(msgspec.Struct, array_like=True):
    """An input record that made the engine fail, and at how many starts in a row."""

    offset: int
    starts: int


@dataclass(slots=True)
class Table:
    """What recovery found. `end` is the changelog's end offset, all of it committed."""

    states: dict[str, bytes] = field(default_factory=dict)
    dirty: dict[str, int] = field(default_factory=dict)
    meta: Meta | None = None
    fault: Fault | None = None
    policies: dict[int, Stored] = field(default_factory=dict)
    """Policy sets by the instant (ms) from which on they hold."""
    end: int = 0

    def take(self, records: Sequence[Any], shown_from: int) -> None:
        """Apply changelog records in order."""
        states, dirty = self.states, self.dirty
        for record in records:
            key, value = record.key, record.value
            if key[0] == _RESERVED:
                self._take_reserved(key, value)
                continue
            ticket_id = key.decode()
            if value is None:
                states.pop(ticket_id, None)
            else:
                states[ticket_id] = value
            if record.offset >= shown_from:
                dirty.setdefault(ticket_id, record.offset)

    def _take_reserved(self, key: bytes, value: bytes | None) -> None:
        if key == META_KEY and value is not None:
            self.meta = msgspec.msgpack.decode(value, type=Meta)
        elif key.startswith(PREFIX):
            if value is None:
                self.policies.pop(since_of(key), None)
            else:
                self.policies[since_of(key)] = read_record(value)
        elif key == FAULT_KEY:
            self.fault = None if value is None else msgspec.msgpack.decode(value, type=Fault)


async def read_table(consumer: AIOKafkaConsumer, changelog: TopicPartition, *, want_dirty: bool) -> Table:
    """Replay a changelog partition with a started, read_committed consumer of no group.

    The caller has fenced the previous owner first, so the end asked for here is final.
    """
    consumer.assign([changelog])
    end = (await consumer.end_offsets([changelog]))[changelog]
    begin = (await consumer.beginning_offsets([changelog]))[changelog]
    table = Table(end=end)
    shown_from = await _shown_from(consumer, changelog, begin, end) if want_dirty else end
    await _replay(consumer, changelog, begin, end, table, shown_from)
    return table


async def _shown_from(consumer: AIOKafkaConsumer, changelog: TopicPartition, begin: int, end: int) -> int:
    """Where the dirty tickets begin, from the last meta record; 0 when it is not near the end."""
    tail = Table()
    await _replay(consumer, changelog, max(begin, end - _TAIL), end, tail, end)
    return tail.meta.shown_from if tail.meta is not None else 0


async def _replay(
    consumer: AIOKafkaConsumer, changelog: TopicPartition, begin: int, end: int, table: Table, shown_from: int
) -> None:
    """Read by position: the last offsets may be markers, which no record will ever announce."""
    if begin >= end:
        return
    consumer.seek(changelog, begin)
    while await consumer.position(changelog) < end:
        for records in (await consumer.getmany(changelog, timeout_ms=50)).values():
            table.take(records, shown_from)
            await asyncio.sleep(0)
