"""What goes into one transaction: input that waits, timers that are proven, and a share of looking back.

Each of them is bounded and gives way, so that none of them makes the others wait for long.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from sla_stream.errors import SlaStreamError
from sla_stream.kafka.transaction import Batches
from sla_stream.worker.amendments import Amendments
from sla_stream.worker.firing import Firing, Poll
from sla_stream.worker.inbox import Inbox
from sla_stream.worker.processing import Processing
from sla_stream.worker.turns import Turns

MAX_EVENTS: Final = 4_000
"""Ticket events in one transaction at most: more makes timers late and brings no throughput."""

MAX_FIRED: Final = 1_000
"""Tickets whose timers fire in one transaction at most, when there is no input to prove it."""

SLICE: Final = 100
"""Ticket events or timers worked off between two looks at the clock."""


class GapInInput(SlaStreamError):
    """A fetched batch begins behind the position: records between would be lost."""


class Gathered(NamedTuple):
    position: int
    """Input offset before which everything is applied."""
    events: int
    """Records consumed, with what was fired before them."""
    highwater: int | None
    """The log's end as the last batch saw it; None if there was none."""


class Gathering:
    """One partition's share of input, time and amendments. `gather` is called once a transaction."""

    def __init__(self, inbox: Inbox, firing: Firing, processing: Processing, amendments: Amendments) -> None:
        self._inbox = inbox
        self._firing = firing
        self._processing = processing
        self._amendments = amendments
        self._engine = processing.engine

    def may_fire(self) -> bool:
        """Whether something is due that is proven."""
        due = self._engine.next_timer()
        return due is not None and due < self._firing.limit

    async def gather(self, batches: Batches, position: int) -> Gathered:
        """Apply input from `position` on, fire, look back. GapInInput; EngineFailed for a record the engine refuses."""
        found = await self._apply_input(batches, position)
        await self._fire()
        await self._amendments.look_back(busy=bool(self._inbox) or self.may_fire())
        return found

    async def _apply_input(self, batches: Batches, position: int) -> Gathered:
        events, fired, highwater = 0, 0, None
        turns = Turns()
        while self._inbox and events + fired < MAX_EVENTS and await turns.go_on():
            if self._fire_before_next_record():
                fired += SLICE
                continue
            batch = self._inbox.take(SLICE)
            if batch.start > position:
                raise GapInInput(f"gap in the input: {position} expected, {batch.start} fetched")
            records = batch.records
            if records and records[0].offset < position:
                records = [record for record in records if record.offset >= position]
            done = self._processing.apply(records, batches)
            events += done
            if done < len(records):
                position = records[done].offset
                break
            position = max(position, batch.end)
            self._firing.see(Poll(batch.stable, batch.highwater, batch.polled_at))
            highwater = batch.highwater
            if self._processing.poison.exceeded:
                break
        return Gathered(position, events, highwater)

    async def _fire(self) -> None:
        turns, fired = Turns(), 0
        while self.may_fire() and fired < MAX_FIRED and await turns.go_on():
            self._engine.fire(self._firing.limit, SLICE)
            fired += SLICE

    def _fire_before_next_record(self) -> bool:
        """A slice of what is due before the next record, which proves it; True if more remains.

        The engine would fire all of it when the record is applied; after a long time down that may be a lot.
        """
        recorded_at, due = self._inbox.next_timestamp(), self._engine.next_timer()
        if recorded_at is None or due is None:
            return False
        at = max(recorded_at, self._engine.log_time)  # as the engine takes it
        return due < at and self._engine.fire(at, SLICE)
