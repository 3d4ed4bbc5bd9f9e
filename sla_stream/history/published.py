"""SLA events that were published: from a file of JSON Lines, or from the output topics."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final, cast

import orjson

from sla_stream.errors import InvalidRecord
from sla_stream.formats.settings import Settings, TopicRole
from sla_stream.history.log import read_lines
from sla_stream.history.net_set import Json
from sla_stream.kafka.committed import committed_offsets
from sla_stream.kafka.reader import TopicReader

Batches = AsyncGenerator[tuple[int, list[Any]], None]

OUTPUTS: Final[tuple[TopicRole, ...]] = ("warnings", "breaches", "outcomes")


@dataclass(frozen=True, slots=True)
class Published:
    """One published SLA event and where it stood."""

    event: Json
    place: str


def read_published(path: str) -> Iterator[Published]:
    """Those of a file (`-`: standard input). InvalidRecord names the first line that is none; ConfigError, see log."""
    for number, line in read_lines(path):
        yield Published(sla_event(line, f"{path}:{number}"), f"{path}:{number}")


def sla_event(value: bytes | None, place: str) -> Json:
    """The JSON object of an SLA event v1. InvalidRecord says where and what."""
    try:
        event: Any = orjson.loads(value or b"null")
    except orjson.JSONDecodeError as error:
        raise InvalidRecord("json", f"{place}: not JSON: {error}") from None
    if not isinstance(event, dict) or not isinstance(event.get("data"), dict) or "type" not in event:
        raise InvalidRecord("schema", f"{place}: expected an SLA event v1 (an object with `type` and `data`)")
    return event


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How far a worker had come, and what it had published by then.

    `applied`: next input offset by partition (the group's commit, at most the end), `input_end`: the end of the input,
    `ends`: topic to partition to offset, taken after the commit, so that nothing decided up to it is missing.
    """

    applied: dict[int, int]
    input_end: dict[int, int]
    ends: dict[str, dict[int, int]]

    @property
    def behind(self) -> dict[int, int]:
        """Input records that were not applied yet, by partition; only where there are some."""
        left = {number: self.input_end[number] - offset for number, offset in self.applied.items()}
        return {number: count for number, count in left.items() if count > 0}


def snapshot(settings: Settings, input_topic: str) -> Snapshot:
    """Ask the cluster. ConfigError if it cannot be reached or has no such topics."""
    return asyncio.run(_snapshot(settings, input_topic))


async def _snapshot(settings: Settings, input_topic: str) -> Snapshot:
    committed = await committed_offsets(settings, settings.group_id, input_topic)
    async with TopicReader(settings, input_topic) as reader:
        end = await reader.end()
        applied = {number: min(committed.get(number, offset), offset) for number, offset in end.items()}
        if not committed:
            applied = dict(end)
        applied |= await _only_markers(reader, applied, end)
    ends: dict[str, dict[int, int]] = {}
    for topic in (settings.topic(role) for role in OUTPUTS):
        async with TopicReader(settings, topic) as reader:
            ends[topic] = await reader.end()
    return Snapshot(applied, end, ends)


async def _only_markers(reader: TopicReader, applied: dict[int, int], end: dict[int, int]) -> dict[int, int]:
    """Partitions that look behind but are not: between commit and end lie only markers of transactions."""
    waiting = {number for number, offset in applied.items() if offset < end[number]}
    with_records: set[int] = set()
    if waiting:
        async with aclosing(_read_all(reader, applied, end)) as batches:
            async for partition, records in batches:
                if records:
                    with_records.add(partition)
                if waiting <= with_records:
                    break
    return {number: end[number] for number in waiting - with_records}


def read_outputs(settings: Settings, taken: Snapshot) -> Iterator[Published]:
    """What the output topics held when the snapshot was taken, without what rests on input records after it."""
    for topic, ends in taken.ends.items():
        for partition, records in _batches(settings, topic, ends):
            for record in records:
                place = f"{topic}/{partition}/{record.offset}"
                event = sla_event(record.value, place)
                if _within(event, taken.applied):
                    yield Published(event, place)


def _within(event: Json, applied: Mapping[int, int]) -> bool:
    evidence = event["data"].get("evidence") or {}
    partition, offset = evidence.get("partition"), evidence.get("offset")
    return partition is None or offset is None or offset < applied.get(partition, offset + 1)


def _batches(settings: Settings, topic: str, ends: Mapping[int, int]) -> Iterator[tuple[int, list[Any]]]:
    batches = _read(settings, topic, ends)
    with asyncio.Runner() as runner:
        try:
            while (batch := runner.run(anext(batches, None))) is not None:
                yield batch
        finally:
            runner.run(batches.aclose())


async def _read(settings: Settings, topic: str, ends: Mapping[int, int]) -> Batches:
    async with TopicReader(settings, topic) as reader, aclosing(_read_all(reader, None, ends)) as batches:
        async for batch in batches:
            yield batch


def _read_all(reader: TopicReader, start: Mapping[int, int] | None, end: Mapping[int, int]) -> Batches:
    return cast(Batches, reader.read(start, end))
