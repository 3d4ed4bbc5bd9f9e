"""From source records to what must be written: ticket events by ticket, dead letters with reason and place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka.structs import TopicPartition

from sla_stream.errors import InvalidRecord, Reason
from sla_stream.ingest.schemas import SchemaNeeded
from sla_stream.ingest.shared import Shared
from sla_stream.kafka.dead_letters import Headers, PoisonLimit, with_reason
from sla_stream.kafka.transaction import Batches
from sla_stream.observe.logs import get_logger

log = get_logger(__name__)

_OVERHEAD: Final = 4_096
"""Bytes of a dead letter beside its value and own headers, at most: the added headers, and the batch's own."""


@dataclass(slots=True)
class Tally:
    """What one transaction holds."""

    records: int = 0
    events: int = 0
    ignored: int = 0
    bytes: int = 0
    dead: Counter[Reason] = field(default_factory=Counter)


class Feeding:
    """One source partition's path from records to batches. Single writer."""

    def __init__(self, source: TopicPartition, shared: Shared) -> None:
        self.poison = PoisonLimit(shared.settings.max_dead_letters)
        self._source = source
        self._route = shared.routes[source.topic]
        self._schemas = shared.schemas
        self._targets = shared.targets

    def take(self, records: Sequence[Any], batches: Batches, tally: Tally) -> int:
        """Read records in order; returns how many were consumed: fewer when too many were dead letters.

        Raises SchemaNeeded for the first record if its schema is not known; a later one like it ends the turn.
        """
        events_of, schemas = self._route.events, self._schemas
        targets, add, poison = self._targets, batches.add, self.poison
        topic, partition_of = targets.ticket_events, targets.ticket_route
        taken = good = 0
        for record in records:
            try:
                events = events_of(record, schemas)
            except SchemaNeeded:
                if not taken:
                    raise
                break
            except Exception as error:
                poison.good(good)
                good = 0
                taken += 1
                self._set_aside(record, *self._refusal(record, error), batches, tally)
                if poison.exceeded:
                    break
            else:
                good += 1
                taken += 1
                for ticket_id, event in events:
                    key = ticket_id.encode()
                    add(topic, partition_of(key), key, event)
                    tally.bytes += len(event)
                tally.events += len(events)
                tally.ignored += not events
        poison.good(good)
        tally.records += taken
        return taken

    def _refusal(self, record: Any, error: Exception) -> tuple[Reason, str]:
        """Why; anything but InvalidRecord is a bug of ours, but a mapping has no state that it could have harmed."""
        if isinstance(error, InvalidRecord):
            return error.reason, error.detail
        log.error(
            "mapping.failed", topic=self._source.topic, partition=self._source.partition, offset=record.offset,
            exc_info=error,
        )  # fmt: skip
        return "engine_error", f"the mapping failed: {type(error).__name__}"

    def _set_aside(self, record: Any, reason: Reason, detail: str, batches: Batches, tally: Tally) -> None:
        self.poison.bad()
        key, value, headers = self._that_fits(record)
        if value is not record.value:
            detail = (
                f"{detail} (the record is too large for this topic and stays where it was: "
                f"{len(record.value or b''):,} bytes of value)"
            )
        targets, source = self._targets, self._source
        marked = with_reason(headers, reason, detail, source.topic, source.partition, record.offset)
        partition = targets.letter_route(key if key is not None else b"%d" % source.partition)
        batches.add(targets.dead_letters, partition, key, value, max(record.timestamp, 0), marked)
        tally.bytes += len(value or b"")
        tally.dead[reason] += 1

    def _that_fits(self, record: Any) -> tuple[bytes | None, bytes | None, Headers]:
        """Key, value and headers, unchanged; nothing of them if the topic of dead letters would refuse the whole."""
        key, value, headers = record.key, record.value, record.headers
        size = sum(len(name.encode()) + len(content or b"") + 10 for name, content in headers)
        size += len(key or b"") + len(value or b"") + _OVERHEAD
        return (key, value, headers) if size <= self._targets.largest_letter else (None, None, ())
