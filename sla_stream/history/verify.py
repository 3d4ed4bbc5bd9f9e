"""What was published against what the ticket events say: recompute, compare net sets, name every difference.

The events are read once more by the same engine. Whatever was still moving when the comparison was made (something
was said of the clock less than `grace` before its instant, or after it) is in flight: counted, not judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

from sla_stream.core.engine import Engine
from sla_stream.core.sla_events import SlaEvent
from sla_stream.errors import InvalidRecord
from sla_stream.formats.instants import format_instant
from sla_stream.history.log import BadRecord, Log, Record
from sla_stream.history.net_set import COMPARED, ClockKey, Difference, NetSet, Statement, compare
from sla_stream.history.published import Published
from sla_stream.history.replay import Clock, Replay


@dataclass(slots=True)
class Verdict:
    """How it ended. `until`: the instant up to which both sides were looked at (ms); None if there was nothing.

    `in_flight`: differences of clocks that were moving; `waiting`: of clocks to which a policy set published a moment
    ago has not come yet. `started_before`: tickets of which the range of the log holds no `created`, so that nothing
    can be said of them; they are left out.
    """

    until: int | None = None
    published: int = 0
    expected: int = 0
    differences: list[Difference] = field(default_factory=list)
    in_flight: int = 0
    waiting: int = 0
    started_before: set[str] = field(default_factory=set)
    bad: dict[str, int] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        return not self.differences

    def leave_out_waiting(self, before: Verdict) -> None:
        """Clocks that agree with `before`, the verdict without the newest sets, wait to be judged by those."""
        differ = {each.name[:3] for each in before.differences}
        rest = [each for each in self.differences if each.name[:3] in differ]
        self.waiting += len(self.differences) - len(rest)
        self.differences = rest


class Line(Protocol):
    """Where a person sees how far it has come."""

    def watch(self, log: Iterable[Record | BadRecord]) -> Iterable[Record | BadRecord]: ...

    def say(self, count: int) -> None: ...


class Verification:
    """One comparison: `expect` first, then `take` what was published, then `verdict`."""

    def __init__(
        self,
        engine: Engine,
        log: Log,
        report: Callable[[BadRecord], None],
        clock: Clock,
        as_of: int | None = None,
        max_skew: int = 300_000,
        grace: int = 0,
        behind: Iterable[int] = (),
        whole: bool = True,
        line: Line | None = None,
    ) -> None:
        """`as_of` (ms): look no further; default: as far as events or published decisions go.

        `behind`: partitions of which the worker had not read everything; nothing after their last applied record is
        judged. `whole`: the log holds its tickets' events from the first on. `line`: hears how far it has come.
        """
        self._log = log
        self._behind = frozenset(behind)
        self._as_of = as_of
        self._grace = grace
        self._line = line
        self._whole = whole
        self._expected = NetSet()
        self._published = NetSet()
        self._progress: dict[int, int] = {}
        self._first_seen: dict[str, bool] = {}
        self._renderer = log.renderer("/verify")
        self._replay = Replay(engine, log, report, clock, as_of, max_skew, self._watch)

    def expect(self) -> None:
        """Read the ticket events and work out what is to be said."""
        for events in self._replay.run():
            self._note(events)
            if self._line is not None:
                self._line.say(len(events))

    def take(self, published: Iterable[Published]) -> None:
        """What was published. InvalidRecord names the first record that is no SLA event."""
        for one in published:
            try:
                self._published.add(one.event, one.place)
            except KeyError as error:
                raise InvalidRecord("schema", f"{one.place}: no SLA event v1: {error} is missing") from None
            except (TypeError, ValueError) as error:
                raise InvalidRecord("schema", f"{one.place}: no SLA event v1: {error}") from None

    def verdict(self) -> Verdict:
        """Let the clock run as far as there is something to judge, and compare."""
        until = self._until()
        if until is not None:
            self._go_on(until)
        found = Verdict(until, len(self._published), len(self._expected), bad=dict(self._replay.tally.bad))
        if not self._whole:
            found.started_before = {ticket for ticket, created in self._first_seen.items() if not created}
        for each in self._all_differences():
            if each.name.ticket_id in found.started_before or (not self._whole and self._unknown(each)):
                continue
            if self._moving(each.name[:3], until):
                found.in_flight += 1
            else:
                found.differences.append(each)
        found.differences.sort(key=lambda each: each.name)
        return found

    def _all_differences(self) -> Iterator[Difference]:
        yield from self._published.problems
        yield from self._published.dangling()
        yield from compare(self._published, self._expected)

    def _until(self) -> int | None:
        if self._as_of is not None:
            return self._as_of
        behind = [at for partition, at in self._progress.items() if partition in self._behind]
        if behind:
            return min(behind)
        return max((at for at in (self._replay.as_of, self._published.last) if at is not None), default=None)

    def _go_on(self, until: int) -> None:
        engine = self._replay.engine
        while (due := engine.next_due()) is not None and due < until:
            engine.advance(due + 1)
        engine.advance(until)
        engine.release_held()
        self._note(engine.take_outputs())

    def _note(self, events: Iterable[SlaEvent]) -> None:
        for event in events:
            place = self._log.where(event.evidence[0])
            self._expected.add(orjson.loads(self._renderer.render(event)), place)

    def _moving(self, clock: ClockKey, until: int | None) -> bool:
        if until is None:
            return False
        since = until - self._grace
        return any(net.moved.get(clock, since) > since for net in (self._published, self._expected))

    def _unknown(self, each: Difference) -> bool:
        """Of a ticket that the range of the log does not know at all."""
        return each.name.ticket_id not in self._first_seen

    def _watch(self, records: Iterable[Record | BadRecord]) -> Iterator[Record | BadRecord]:
        """Look on as records are read: how far each partition comes, whose beginning is there."""
        for record in records if self._line is None else self._line.watch(records):
            if isinstance(record, Record):
                at = record.event.at if record.log_time is None else record.log_time
                partition = self._log.partition(record.line)
                self._progress[partition] = max(at, self._progress.get(partition, at))
                if not self._whole:
                    self._first_seen.setdefault(record.event.ticket_id, record.event.kind == "created")
            yield record


def difference_json(each: Difference) -> dict[str, Any]:
    """One difference for a program.

    {"difference", "ticket_id", "metric", "cycle", "type", "threshold", "kind", "detail",
     "fields": {name: [published, expected]},
     "published": {"id", "at", "decided_at", "place", ...compared values} or null, "expected": the same or null}
    """
    name = each.name
    return {
        "difference": each.kind,
        "ticket_id": name.ticket_id,
        "metric": name.metric,
        "cycle": name.cycle,
        "type": name.type,
        "threshold": name.threshold or None,
        "kind": name.kind,
        "detail": each.detail or None,
        "fields": {field_name: list(pair) for field_name, pair in each.fields.items()},
        "published": _side(each.published),
        "expected": _side(each.expected),
    }


def difference_line(each: Difference) -> str:
    """One difference for a person."""
    name = each.name
    what = f"{name.type.split('.')[1]} {name.threshold}".strip()
    text = f"ticket {name.ticket_id}: {what} of {name.metric} #{name.cycle}"
    said = each.published or each.expected
    assert said is not None
    if each.kind == "differs":
        parts = [f"{field_name} published {one}, expected {other}" for field_name, (one, other) in each.fields.items()]
        return f"differs: {text}: {'; '.join(parts)} ({said.place})"
    where = f" ({said.place})" if each.published is not None else f" (rests on {said.place})"
    detail = f": {each.detail}" if each.detail else f", dated {format_instant(said.at)}"
    return f"{each.kind}: {text}{detail}{where}"


def _side(said: Statement | None) -> Mapping[str, Any] | None:
    if said is None:
        return None
    values: dict[str, Any] = dict(zip(COMPARED, said.values, strict=True))
    values["actions"] = orjson.loads(values["actions"])
    return {
        "id": said.id,
        "at": format_instant(said.at),
        "decided_at": format_instant(said.decided_at),
        "place": said.place,
        **values,
    }
