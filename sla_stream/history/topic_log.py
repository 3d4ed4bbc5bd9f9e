"""A log of ticket events from a range of a topic's offsets, all partitions, committed records only.

A record's `line` is its offset and partition in one number (`code`), which is also its evidence in the engine.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Any, Final, cast

from sla_stream.core.sla_events import SlaEvent
from sla_stream.errors import ConfigError, InvalidRecord
from sla_stream.formats.codec import decode_ticket_event
from sla_stream.formats.instants import parse_instant
from sla_stream.formats.settings import Settings
from sla_stream.formats.sla_event import SlaEventRenderer
from sla_stream.formats.wire import UnknownFields
from sla_stream.history.log import BadRecord, Record
from sla_stream.kafka.keys import partition_of
from sla_stream.kafka.reader import TopicReader

_PARTITION_BITS: Final = 16

Batches = AsyncGenerator[tuple[int, list[Any]], None]

Bound = int | dict[int, int] | str
"""An offset for all partitions, offsets by partition, or an instant (as text, checked)."""


def code(partition: int, offset: int) -> int:
    """Offset and partition as one number; within a partition it orders as the offset does."""
    return offset << _PARTITION_BITS | partition


def place(line: int) -> tuple[int, int]:
    """(partition, offset) of a code."""
    return line & ((1 << _PARTITION_BITS) - 1), line >> _PARTITION_BITS


def parse_bound(flag: str, text: str | None) -> Bound | None:
    """`1200`, `0:1200,1:1180` or an instant. ConfigError names the flag."""
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return int(text)
    parts = [part.split(":") for part in text.split(",")]
    if all(len(part) == 2 and "".join(part).isascii() and part[0].isdigit() and part[1].isdigit() for part in parts):
        return {int(partition): int(offset) for partition, offset in parts}
    try:
        parse_instant(text)
    except ValueError:
        raise ConfigError(
            f"{flag}: found {text!r}; expected an offset (1200), offsets by partition (0:1200,1:1180) or an instant "
            "(2026-03-02T08:00:00Z)"
        ) from None
    return text


class TopicLog:
    """The records of a topic from `start` up to but without `end`; None is where the topic begins and ends."""

    merged = True

    def __init__(self, settings: Settings, topic: str, start: Bound | None, end: Bound | None) -> None:
        self.topic = topic
        self.unknown = UnknownFields()
        self._settings = settings
        self._start = start
        self._end = end
        self._key: bytes | None = None
        self._kept = False

    def stop_at(self, end: dict[int, int]) -> None:
        """Read no further than these offsets, by partition."""
        self._end = dict(end)

    def keep_end(self) -> None:
        """Every reading ends where the first one did."""
        self._kept = True

    def only_key(self, key: str | None) -> None:
        """Read only the partition that Java's default partitioner gives this key (None: all of them)."""
        self._key = None if key is None else key.encode()

    def where(self, line: int) -> str:
        partition, offset = place(line)
        return f"{self.topic}/{partition}/{offset}"

    def spot(self, line: int) -> str:
        return f"offset {place(line)[1]}"

    def partition(self, line: int) -> int:
        return place(line)[0]

    def renderer(self, source: str) -> TopicRenderer:
        """Renders SLA events with the record they rest on."""
        return TopicRenderer(source, self.topic)

    def __iter__(self) -> Iterator[Record | BadRecord]:
        """Every record. Raises ConfigError if there is no such topic or cluster, RetryableError if it goes away."""
        batches = self._batches()
        with asyncio.Runner() as runner:
            try:
                while (batch := runner.run(anext(batches, None))) is not None:
                    partition, records = batch
                    for record in records:
                        yield self._decode(partition, record)
            finally:
                runner.run(batches.aclose())

    async def _batches(self) -> Batches:
        async with TopicReader(self._settings, self.topic) as reader:
            start = await self._offsets(reader, self._start)
            end = await self._offsets(reader, self._end)
            if self._kept and not isinstance(self._end, dict):
                self._end = end = end or await reader.end()
            if self._key is not None:
                mine = partition_of(self._key, len(reader.partitions))
                last = await reader.end() | (end or {})
                start = (start or {}) | {number: at for number, at in last.items() if number != mine}
            async with aclosing(cast(Batches, reader.read(start, end))) as batches:
                async for batch in batches:
                    yield batch

    async def _offsets(self, reader: TopicReader, bound: Bound | None) -> dict[int, int] | None:
        """By partition, none beyond what is there."""
        if bound is None:
            return None
        if isinstance(bound, str):
            return await reader.offsets_at(parse_instant(bound))
        wanted = dict.fromkeys(reader.partitions, bound) if isinstance(bound, int) else bound
        first, last = await reader.beginning(), await reader.end()
        unknown = wanted.keys() - first.keys()
        if unknown:
            raise ConfigError(f"topic {self.topic} has no partition {min(unknown)}; it has {len(first)}")
        return {number: min(max(offset, first[number]), last[number]) for number, offset in wanted.items()}

    def _decode(self, partition: int, record: Any) -> Record | BadRecord:
        line = code(partition, record.offset)
        try:
            event = decode_ticket_event(record.value, record.headers, record.key, self.unknown)
        except InvalidRecord as error:
            return BadRecord.of(line, error)
        return Record(line, event, record.timestamp)


class TopicRenderer:
    """One renderer for each partition, chosen by the evidence."""

    def __init__(self, source: str, topic: str) -> None:
        self._source = source
        self._topic = topic
        self._renderers: dict[int, SlaEventRenderer] = {}

    def render(self, event: SlaEvent) -> bytes:
        """The record value."""
        line, recorded_at = event.evidence
        partition, offset = place(line)
        renderer = self._renderers.get(partition)
        if renderer is None:
            renderer = self._renderers[partition] = SlaEventRenderer(self._source, self._topic, partition)
        event.evidence = (offset, recorded_at)
        return renderer.render(event)
