"""Which letters are meant: by what they say of themselves, or by their places."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from sla_stream.errors import ConfigError
from sla_stream.kafka.reader import TopicReader
from sla_stream.letters.letter import Letter, ids_of, letter_of

_ID: Final = re.compile(r"(\d{1,9})/(\d{1,18})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Every condition that is given must hold. Instants in ms, `since` included, `until` not."""

    reasons: frozenset[str] | None = None
    source: str | None = None
    """Topic it was read from first."""
    partition: int | None = None
    """Partition of that topic."""
    since: int | None = None
    until: int | None = None
    ticket: str | None = None
    event: str | None = None
    contains: bytes | None = None
    """Occurs in the value."""
    places: frozenset[tuple[int, int]] | None = None
    """(partition, offset) in the letters' own topic."""

    def takes(self, letter: Letter) -> bool:
        """Whether the letter is meant."""
        place, source = letter.place, letter.source
        return (
            (self.places is None or (place.partition, place.offset) in self.places)
            and (self.reasons is None or letter.reason in self.reasons)
            and (self.source is None or (source is not None and source.topic == self.source))
            and (self.partition is None or (source is not None and source.partition == self.partition))
            and (self.since is None or letter.timestamp >= self.since)
            and (self.until is None or letter.timestamp < self.until)
            and (self.contains is None or self.contains in (letter.value or b""))
            and self._takes_ids(letter)
        )

    def _takes_ids(self, letter: Letter) -> bool:
        if self.ticket is None and self.event is None:
            return True
        ticket_id, event_id = ids_of(letter)
        by_key = letter.key is not None and letter.key == (self.ticket or "").encode()
        return (self.ticket is None or by_key or ticket_id == self.ticket) and (
            self.event is None or event_id == self.event
        )


def places_of(ids: Iterable[str]) -> frozenset[tuple[int, int]]:
    """Places from `PARTITION/OFFSET`. ConfigError for anything else."""
    places: set[tuple[int, int]] = set()
    for text in ids:
        match = _ID.fullmatch(text)
        if match is None:
            raise ConfigError(f"{text!r}: expected a letter as `list` shows it, PARTITION/OFFSET, for instance 3/1042")
        places.add((int(match[1]), int(match[2])))
    return frozenset(places)


async def read_letters(reader: TopicReader, topic: str, selection: Selection) -> AsyncIterator[Letter]:
    """The letters that are meant and there now, in offset order within a partition; only they take memory."""
    start, end = await _bounds(reader, selection)
    async for partition, records in reader.read(start, end):
        for record in records:
            letter = letter_of(topic, partition, record)
            if selection.takes(letter):
                yield letter


async def _bounds(reader: TopicReader, selection: Selection) -> tuple[Mapping[int, int], Mapping[int, int]]:
    """Offsets outside of which nothing can be meant. Timestamps are not in order, so only `since` says where."""
    start, end = await reader.beginning(), await reader.end()
    if selection.since is not None:
        start = await reader.offsets_at(selection.since)
    if selection.places is not None:
        for number in start:
            offsets = [offset for partition, offset in selection.places if partition == number]
            low, high = min(offsets, default=end[number]), max(offsets, default=-1) + 1
            start[number], end[number] = max(start[number], low), min(end[number], high)
    return start, end
