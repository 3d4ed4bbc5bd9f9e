"""The engine over a log: what was said, or would have been.

Log time is the event's own time (`occurred`) or the file's `recorded_at` (`recorded`). Between two records the
clock stops at every deadline on the way, as it does in a worker that is up to date: each decision is dated just
after its deadline, not at the next record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from sla_stream.core.engine import Applied, Engine
from sla_stream.core.events import TicketEvent
from sla_stream.core.sla_events import SlaEvent
from sla_stream.core.views import TicketView
from sla_stream.errors import InvalidRecord
from sla_stream.formats.codec import check_not_future
from sla_stream.history.log import BadRecord, Log, Record
from sla_stream.history.order import OrderedEvents

Clock = Literal["occurred", "recorded"]
Timed = tuple[int, int, TicketEvent, bytes | None]
"""(log time, line, event, its packed form where there is one)."""
CLOCKS: Final[tuple[Clock, ...]] = ("occurred", "recorded")
SLICE: Final = 16_000
"""Steps (records or deadlines) between two rests, at which tickets are packed and outputs handed on."""


@dataclass(slots=True)
class Tally:
    """What became of the lines of a log."""

    records: int = 0
    bad: dict[str, int] = field(default_factory=dict)
    """Bad records by reason."""
    after_as_of: int = 0
    """Good records not applied, because their log time is after `as_of`."""

    @property
    def bad_total(self) -> int:
        return sum(self.bad.values())


class Replay:
    """One pass of a log through an engine.

    `report` hears of every bad record as it is met; what it raises ends the replay. `log` yields every line once.
    """

    def __init__(
        self,
        engine: Engine,
        log: Log,
        report: Callable[[BadRecord], None],
        clock: Clock = "occurred",
        as_of: int | None = None,
        max_skew: int = 300_000,
        watch: Callable[[Iterable[Record | BadRecord]], Iterable[Record | BadRecord]] = iter,
        applied: Callable[[TicketEvent], None] | None = None,
    ) -> None:
        """`as_of` (ms) None: the last instant of the log. `max_skew` (ms) is looked at under `recorded` only.

        `watch` may look on as the records are read. `applied` hears of every event that counted.
        """
        self.engine = engine
        self.tally = Tally()
        self.as_of = as_of
        """Where the clock stands at the end; None if nothing was read and nothing was asked for."""
        self._log = log
        self._report = report
        self._clock = clock
        self._max_skew = max_skew
        self._watch = watch
        self._applied = applied
        self._last: int | None = None
        self._steps = 0

    def run(self) -> Iterator[list[SlaEvent]]:
        """Apply everything; SLA events in order of log time, ticket, metric and cycle, in lists of any length."""
        yield from _in_order(self._decisions())

    def views(self) -> Iterator[TicketView]:
        """Every ticket known at the end, by id, as it stands at `as_of`."""
        if self.as_of is None:
            return
        for ticket_id in sorted(self.engine.ticket_ids()):
            view = self.engine.view(ticket_id, self.as_of)
            if view is not None:
                yield view

    def _decisions(self) -> Iterator[list[SlaEvent]]:
        limit = self.as_of
        apply, last = self.engine.apply, self._last
        for log_time, line, event, packed in self._timed():
            self._last = last = log_time if last is None or log_time > last else last
            if limit is not None and last > limit:
                self.tally.after_as_of += 1
                continue
            due = self.engine.next_due()
            if due is not None and due < last:
                yield from self._advance(last)
            applied = apply(event, last, line, packed)
            if applied is Applied.CONFLICT:
                self._refuse(_conflict(line, event, "earlier"))
            elif applied is Applied.APPLIED and self._applied is not None:
                self._applied(event)
            self._steps += 1
            if self._steps >= SLICE:
                yield self._rest()
        if self.as_of is None:
            self.as_of = self._last
        if self.as_of is not None:
            yield from self._advance(self.as_of)
            self.engine.advance(self.as_of)
            self.engine.release_held()
        self.engine.flush()
        yield self.engine.take_outputs()

    def _advance(self, now: int) -> Iterator[list[SlaEvent]]:
        """Let the clock run to `now`, with a stop at each deadline before it."""
        engine = self.engine
        due = engine.next_due()
        while due is not None and due < now:
            engine.advance(due + 1)
            due = engine.next_due()
            self._steps += 1
            if self._steps >= SLICE:
                yield self._rest()

    def _rest(self) -> list[SlaEvent]:
        """Pack the tickets and take what was said."""
        self._steps = 0
        self.engine.flush()
        return self.engine.take_outputs()

    def _timed(self) -> Iterator[Timed]:
        """Every good record, in the order of the clock."""
        if self._clock == "occurred":
            return self._by_occurrence()
        if self._log.merged:
            return self._by_log_time()
        return ((log_time, line, event, None) for log_time, line, event in self._as_recorded())

    def _as_recorded(self) -> Iterator[tuple[int, int, TicketEvent]]:
        for record in self._good():
            assert record.log_time is not None
            try:
                check_not_future(record.event, record.log_time, self._max_skew)
            except InvalidRecord as error:
                self._refuse(BadRecord.of(record.line, error))
            else:
                yield record.log_time, record.line, record.event

    def _by_log_time(self) -> Iterator[Timed]:
        """Several partitions as one log: in the order of their log times, none of which goes back."""
        with OrderedEvents(by_log_time=True) as events:
            highest: dict[int, int] = {}
            for log_time, line, event in self._as_recorded():
                partition = self._log.partition(line)
                highest[partition] = max(log_time, highest.get(partition, log_time))
                events.add(line, event, highest[partition])
            for log_time, line, event, _, packed in events.entries():
                yield log_time, line, event, packed

    def _by_occurrence(self) -> Iterator[Timed]:
        with OrderedEvents() as events:
            for record in self._good():
                events.add(record.line, record.event)
            for at, line, event, standing, packed in events.entries():
                if standing is None:
                    yield at, line, event, packed
                else:
                    self._refuse(_conflict(line, event, f"at {self._log.spot(standing)}"))

    def _good(self) -> Iterator[Record]:
        for record in self._watch(self._log):
            self.tally.records += 1
            if isinstance(record, Record):
                yield record
            else:
                self._refuse(record)

    def _refuse(self, record: BadRecord) -> None:
        self.tally.bad[record.reason] = self.tally.bad.get(record.reason, 0) + 1
        self._report(record)


def _conflict(line: int, event: TicketEvent, where: str) -> BadRecord:
    return BadRecord(
        line,
        "conflict",
        f"event_id {event.event_id!r} of ticket {event.ticket_id!r} came {where} with other content, which stands",
    )


def _in_order(batches: Iterable[list[SlaEvent]]) -> Iterator[list[SlaEvent]]:
    """Sort decisions of the same log time; what one (ticket, metric, cycle) says keeps its order.

    Log time never goes back, so only the last log time of a batch has to wait for the next batch.
    """
    waiting: list[SlaEvent] = []
    for batch in batches:
        if not batch:
            continue
        waiting += batch
        last = waiting[-1].decided_at
        cut = len(waiting)
        while cut and waiting[cut - 1].decided_at == last:
            cut -= 1
        if cut:
            yield sorted(waiting[:cut], key=_place)
            waiting = waiting[cut:]
    if waiting:
        yield sorted(waiting, key=_place)


def _place(event: SlaEvent) -> tuple[int, str, str, int]:
    return (event.decided_at, event.ticket_id, event.metric, event.cycle)
