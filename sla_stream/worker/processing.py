"""From input records to what must be written: decode, engine, outputs, changelog. No I/O, no waiting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from sla_stream.core.engine import Applied, Counters, Engine
from sla_stream.core.sla_events import BREACH, ESCALATION, OUTCOME, RETRACTION, WARNING, SlaEvent
from sla_stream.errors import InvalidRecord, Reason
from sla_stream.formats.codec import check_not_future, decode_ticket_event
from sla_stream.formats.instants import format_instant
from sla_stream.formats.setting_model import Settings, TopicRole
from sla_stream.formats.sla_event import SlaEventRenderer, source_of
from sla_stream.formats.timer_state import render_ticket_view
from sla_stream.kafka.dead_letters import PoisonLimit, with_reason
from sla_stream.kafka.transaction import Batches
from sla_stream.observe.metrics import Metrics
from sla_stream.worker.policy_record import Adopted
from sla_stream.worker.table import FAULT_KEY, META_KEY, Fault, Meta
from sla_stream.worker.timers_topic import TimersTopic

ROLE: Final[dict[str, TopicRole]] = {
    WARNING: "warnings",
    BREACH: "breaches",
    ESCALATION: "breaches",
    OUTCOME: "outcomes",
}

ALARMS: Final = (WARNING, BREACH, ESCALATION)

STARTS: Final = 3
"""Starts in a row that one record may bring down before it becomes a dead letter (contract rule 17)."""

Routes = dict[TopicRole, Callable[[bytes], int]]


class EngineFailed(Exception):
    """The engine raised on the input record at `offset`; its memory is no longer to be trusted."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"the engine failed on the record at offset {offset}")
        self.offset = offset


class Processing:
    """One partition's path from records to batches. Single writer."""

    def __init__(
        self,
        settings: Settings,
        partition: int,
        engine: Engine,
        routes: Routes,
        metrics: Metrics,
        timers: TimersTopic,
        adopted: Adopted,
    ) -> None:
        self.engine = engine
        self.adopted = adopted
        self.timers = timers
        self.poison = PoisonLimit(settings.max_dead_letters)
        self.fault: Fault | None = None
        """The record that brought down the last starts."""
        self._partition = partition
        self._routes = routes
        self._metrics = metrics
        self._topics = settings.topics
        self._input = self._topics["ticket_events"]
        self._max_skew = settings.max_skew
        self._lateness = settings.allowed_lateness
        self._renderer = SlaEventRenderer(source_of(settings.app_id), self._input, partition)
        self._seen = Counters()

    def apply(self, records: Sequence[Any], batches: Batches) -> int:
        """Apply records in order; returns how many were consumed, fewer when too many were dead letters.

        Raises EngineFailed with the offset of the record that the engine cannot take.
        """
        poison = self.poison
        apply, max_skew = self.engine.apply, self._max_skew
        for index, record in enumerate(records):
            offset, recorded_at = record.offset, record.timestamp
            try:
                if self.fault is not None and offset == self.fault.offset and self.fault.starts >= STARTS:
                    detail = f"the engine failed on this record at {self.fault.starts} starts in a row"
                    raise InvalidRecord("engine_error", detail)
                event = decode_ticket_event(record.value, record.headers, record.key)
                check_not_future(event, recorded_at, max_skew)
                applied = apply(event, recorded_at, offset)
            except InvalidRecord as bad:
                self._dead_letter(record, bad.reason, bad.detail, batches)
            except Exception as error:
                raise EngineFailed(offset) from error
            else:
                if applied is not Applied.CONFLICT:
                    poison.good()
                    if applied is Applied.TOO_LATE:
                        self._too_late(record, event.at, batches)
                    continue
                detail = f"event id {event.event_id!r} was seen before with other content"
                self._dead_letter(record, "conflict", detail, batches)
            if poison.exceeded:
                return index + 1
        return len(records)

    def collect(self, batches: Batches) -> list[SlaEvent]:
        """Write what the engine has decided since the last call; returns the SLA events."""
        outputs = self.engine.take_outputs()
        render = self._renderer.render
        for output in outputs:
            try:
                value = render(output)
            except Exception as error:
                raise EngineFailed(output.evidence[0]) from error
            kind = output.retracts_type if output.type == RETRACTION else output.type
            assert kind is not None
            role = ROLE[kind]
            key = output.ticket_id.encode()
            batches.add(self._topics[role], self._routes[role](key), key, value, output.decided_at)
        return outputs

    def save(self, batches: Batches, changelog_end: int, now: float, lagging: bool, next_offset: int) -> None:
        """Write the changed states, the timers topic and, when there is anything at all, the meta record."""
        changelog, partition = self._topics["changelog"], self._partition
        states = self.engine.flush()
        for ticket_id, state in states:
            batches.add(changelog, partition, ticket_id.encode(), state)
        self.timers.mark((ticket_id for ticket_id, _ in states), changelog_end)
        if not lagging:
            self._publish_timers(batches, now)
        if self.fault is not None and next_offset > self.fault.offset:
            batches.add(changelog, partition, FAULT_KEY, None)
            self.fault = None
        if batches:
            for key, value in self.adopted.changes():
                batches.add(changelog, partition, key, value)
            meta = Meta(self.engine.meta(), self.timers.shown_from(changelog_end))
            batches.add(changelog, partition, META_KEY, msgspec.msgpack.encode(meta))

    def count(self, outputs: Sequence[SlaEvent], now: int) -> None:
        """Tell the metrics what a transaction did that was committed at `now`."""
        metrics, seen, total = self._metrics, self._seen, self.engine.counters
        for result in ("applied", "duplicates", "conflicts", "too_late"):
            metrics.event_outcomes.labels(result).inc(getattr(total, result) - getattr(seen, result))
        metrics.late.inc(total.late - seen.late)
        metrics.unknown_tickets.inc(total.unknown_ticket - seen.unknown_ticket)
        metrics.no_policy.inc(total.no_policy - seen.no_policy)
        self._seen = Counters(**{name: getattr(total, name) for name in Counters.__slots__})
        for output in outputs:
            metrics.outputs.labels(output.type).inc()
            if output.type in ALARMS and not output.late_attach:
                metrics.lateness.observe(max(0, now - output.at) / 1000)

    def _publish_timers(self, batches: Batches, now: float) -> None:
        due = self.timers.take(now)
        if not due:
            return
        topic, route = self._topics["timers"], self._routes["timers"]
        as_of = self.engine.log_time
        for ticket_id in due:
            key = ticket_id.encode()
            view = self.engine.view(ticket_id, as_of)
            value = None if view is None else render_ticket_view(view)
            batches.add(topic, route(key), key, value, as_of)

    def _dead_letter(self, record: Any, reason: Reason, detail: str, batches: Batches) -> None:
        self.poison.bad()
        self._metrics.dead_letters.labels(reason).inc()
        self._set_aside("dead_letters", record, reason, detail, batches)

    def _too_late(self, record: Any, at: int, batches: Batches) -> None:
        late_ms = max(self.engine.log_time, record.timestamp) - at
        place = f"its place is {format_instant(at)}, {late_ms / 1000:.0f} s before the log's time"
        if late_ms > self._lateness:
            detail = f"{place}; allowed_lateness is {self._lateness // 1000} s"
        else:
            detail = f"{place}, among events of the ticket that were folded: only its newest are kept for reordering"
        self._set_aside("late", record, "too_late", detail, batches)

    def _set_aside(self, role: TopicRole, record: Any, reason: Reason, detail: str, batches: Batches) -> None:
        headers = with_reason(record.headers, reason, detail, self._input, self._partition, record.offset)
        key = record.key
        partition = self._routes[role](key if key is not None else b"%d" % self._partition)
        timestamp = max(record.timestamp, 0)
        batches.add(self._topics[role], partition, key, record.value, timestamp, headers)
