"""The engine over a log: what was said, or would have been.

Log time is the event's own time (`occurred`) or the file's `recorded_at` (`recorded`). Between two records the
clock stops at every deadline on the way, as it does in a worker that is up to date: each decision is dated just
after its deadline, not at the next record.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from sla_stream.core.engine import Applied, Engine
from sla_stream.core.events import Logged, TicketEvent
from sla_stream.core.sla_events import SlaEvent
from sla_stream.core.views import TicketView
from sla_stream.errors import InvalidRecord
from sla_stream.formats.codec import check_not_future
from sla_stream.history.log import BadRecord, Log, Record
from sla_stream.history.order import OrderedEvents

Clock = Literal["occurred", "recorded"]
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

    def views(self, ended: bool = True) -> Iterator[TicketView]:
        """Every ticket known at the end, by id, as it stands at `as_of`. `ended`: with its ended cycles."""
        if self.as_of is None:
            return
        for ticket_id in sorted(self.engine.ticket_ids()):
            view = self.engine.view(ticket_id, self.as_of, ended)
            if view is not None:
                yield view

    def _decisions(self) -> Iterator[list[SlaEvent]]:
        if self._clock == "occurred" and self.engine.follows:
            yield from self._by_ticket()
        else:
            yield from self._one_by_one()
        if self.as_of is None:
            self.as_of = self._last
        if self.as_of is not None:
            yield from self._advance(self.as_of)
            self.engine.advance(self.as_of)
            self.engine.release_held()
        yield self._rest()

    def _by_ticket(self) -> Iterator[list[SlaEvent]]:
        """A slice of the log at a time, and of that one ticket after the other: its state is at hand, and packed once.

        Tickets know nothing of each other, so the same is said; `run` puts it in the order of log time.
        """
        lives: dict[str, list[Logged]] = {}
        count = 0
        for record in self._in_time():
            lives.setdefault(record[2].ticket_id, []).append(record)
            count += 1
            if count >= SLICE:
                yield from self._live(lives, record[0])
                lives, count = {}, 0
        if self._last is not None:
            yield from self._live(lives, self._last if self.as_of is None else min(self._last, self.as_of))

    def _live(self, lives: dict[str, list[Logged]], until: int) -> Iterator[list[SlaEvent]]:
        """Tickets with records, each through all of its time, then what is due of the others on the way."""
        engine = self.engine
        for ticket_id, records in lives.items():
            for applied, (_, line, event, _) in zip(engine.follow(ticket_id, records, until), records, strict=True):
                self._note(applied, line, event)
        said, done = sorted(engine.take_outputs(), key=_place), 0
        for others in self._advance(until):
            reached = bisect_right(said, engine.log_time, done, key=_decided_at)
            yield said[done:reached] + others
            done = reached
        engine.advance(until)
        yield said[done:] + self._rest()

    def _one_by_one(self) -> Iterator[list[SlaEvent]]:
        for log_time, line, event, packed in self._in_time():
            yield from self._advance(log_time)
            self._note(self.engine.apply(event, log_time, line, packed), line, event)
            self._steps += 1
            if self._steps >= SLICE:
                yield self._rest()

    def _in_time(self) -> Iterator[Logged]:
        """The records to apply; log time never goes back."""
        limit, last = self.as_of, self._last
        for log_time, line, event, packed in self._timed():
            self._last = last = log_time if last is None or log_time > last else last
            if limit is not None and last > limit:
                self.tally.after_as_of += 1
            else:
                yield last, line, event, packed

    def _note(self, applied: Applied, line: int, event: TicketEvent) -> None:
        if applied is Applied.APPLIED:
            if self._applied is not None:
                self._applied(event)
        elif applied is Applied.CONFLICT:
            self._refuse(_conflict(line, event, "earlier"))

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

    def _timed(self) -> Iterator[Logged]:
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

    def _by_log_time(self) -> Iterator[Logged]:
        """Several partitions as one log: in the order of their log times, none of which goes back."""
        with OrderedEvents(by_log_time=True) as events:
            highest: dict[int, int] = {}
            for log_time, line, event in self._as_recorded():
                partition = self._log.partition(line)
                highest[partition] = max(log_time, highest.get(partition, log_time))
                events.add(line, event, highest[partition])
            for log_time, line, event, _, packed in events.entries():
                yield log_time, line, event, packed

    def _by_occurrence(self) -> Iterator[Logged]:
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
    """Decisions in the order of their log time; what one (ticket, metric, cycle) says keeps its order.

    No batch goes back behind the last log time of the one before, so only what was said at that has to wait for it.
    """
    waiting: list[SlaEvent] = []
    for batch in batches:
        if not batch:
            continue
        waiting += batch
        waiting.sort(key=_place)
        cut = bisect_left(waiting, waiting[-1].decided_at, key=_decided_at)
        if cut:
            yield waiting[:cut]
            waiting = waiting[cut:]
    if waiting:
        yield waiting


def _decided_at(event: SlaEvent) -> int:
    return event.decided_at


def _place(event: SlaEvent) -> tuple[int, str, str, int]:
    return (event.decided_at, event.ticket_id, event.metric, event.cycle)
