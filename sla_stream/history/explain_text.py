"""An explanation for a person: each clock with its picture, its intervals with their reasons, and the sums.

Lines are lists of spans, so that a terminal can colour what a file shows plain.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from sla_stream.core.explain import ClockStory, Moment
from sla_stream.core.sla_events import RETRACTION, SlaEvent
from sla_stream.formats.instants import format_instant
from sla_stream.history.log import Log
from sla_stream.history.picture import BLOCKS, Brush, bar, marks
from sla_stream.history.ticket_history import TicketHistory


class Span(NamedTuple):
    """A piece of a line; `style` is a colour or emphasis by name, empty for none."""

    text: str
    style: str = ""


Line = list[Span]

STYLES: Final = {"running": "green", "paused": "yellow", "closed_hours": "bright_black"}
_STAGE_STYLES: Final = {"met": "green", "missed": "red", "cancelled": "bright_black", "paused": "yellow"}
_LEGEND: Final = "w warning  X breach  e escalation  t other target  r reopened"


def explanation_lines(found: TicketHistory, log: Log, brush: Brush = BLOCKS, width: int = 72) -> Iterator[Line]:
    """The whole explanation. The history must have a story."""
    assert found.story is not None
    view = found.story.view
    yield [Span(f"ticket {found.ticket_id}", "bold"), Span(f" as of {at(view.as_of)}"), *_attributes(found)]
    yield []
    if not found.story.clocks:
        yield [Span("no clock runs for it: no policy has a target for it (`policy explain` says why)")]
        yield []
    for clock in found.story.clocks:
        yield from _clock(clock, found, brush, width)
        yield []
    if found.story.clocks:
        yield [Span(f"{brush.running} running  {brush.paused} paused  {brush.closed_hours} closed   {_LEGEND}", "dim")]
        yield []
    yield from _said(found, log)
    yield from _left_out(found)
    if not found.agrees:
        yield [Span("the engine that read the same records ends in another state: please report it", "bold red")]


def at(instant: int) -> str:
    """An instant without zero milliseconds."""
    return format_instant(instant).replace(".000Z", "Z")


def span(ms: int) -> str:
    """`1h30m`, `45s`, `0.250s`: exact to the millisecond; `0` for none."""
    if not ms:
        return "0"
    sign, ms = ("-", -ms) if ms < 0 else ("", ms)
    hours, rest = divmod(ms, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    seconds, rest = divmod(rest, 1000)
    text = (f"{hours}h" if hours else "") + (f"{minutes}m" if minutes else "")
    if rest:
        text += f"{seconds}.{rest:03}s"
    elif seconds:
        text += f"{seconds}s"
    return sign + text


def _attributes(found: TicketHistory) -> Line:
    assert found.story is not None
    ticket = found.story.view.ticket
    known = [
        f"{name} {ticket[name]}" for name in ("status", "priority", "customer", "group") if ticket.get(name) is not None
    ]
    return [Span("   " + ", ".join(known))] if known else []


def _clock(clock: ClockStory, found: TicketHistory, brush: Brush, width: int) -> Iterator[Line]:
    state = clock.state
    kind = " (stretch goal)" if state.kind == "kpi" else ""
    yield [
        Span(f"{state.metric} #{state.cycle}{kind}", "bold"),
        Span("  "),
        Span(state.stage + (", breached" if state.breached and state.stage in ("running", "paused") else ""),
             "red" if state.breached else _STAGE_STYLES.get(state.stage, "")),
        Span(f"   {span(state.target)} on {state.schedule}, policy {state.policy} ({state.policy_version})"),
    ]  # fmt: skip
    yield [Span(f"  {_when(clock)}")]
    slices = bar(clock, width, brush)
    if slices:
        yield [Span("  "), *(Span(each.character, STYLES[each.what]) for each in slices)]
        below = marks(clock, width)
        if below:
            yield [Span(f"  {below}")]
    shown: str | None = None
    for each in clock.intervals:
        place = found.places.get(each.event_id or "") if each.event_id != shown else None
        shown = each.event_id or shown
        yield [
            Span(f"  {at(each.start)}  "),
            Span(f"{each.what:12}", STYLES[each.what]),
            Span(f" {span(each.end - each.start):>10}  {each.reason}"),
            Span(f"   [{each.event_id}, {place}]" if place else "", "dim"),
        ]
    yield [_sums(clock)]
    changes = [_moment(moment) for moment in clock.moments if moment.what != "started"]
    if changes:
        yield [Span(f"  {'; '.join(changes)}")]


def _when(clock: ClockStory) -> str:
    state = clock.state
    parts = [f"started {at(state.started_at)}"]
    if state.breached_at is not None:
        parts.append(f"breached {at(state.breached_at)}")
    elif state.due_at is not None:
        parts.append(f"due {at(state.due_at)}")
    if state.ended_at is not None:
        parts.append(f"ended {at(state.ended_at)}")
    left = state.target - state.elapsed
    parts.append(f"{span(left)} left" if left >= 0 else f"{span(-left)} over")
    return ", ".join(parts)


def _sums(clock: ClockStory) -> Span:
    running, paused, closed = (clock.total(what) for what in ("running", "paused", "closed_hours"))
    text = f"  = running {span(running)} + paused {span(paused)} + closed {span(closed)} = {span(clock.wall)} in all"
    if clock.adds_up:
        return Span(f"{text}: adds up")
    return Span(f"{text}: DOES NOT ADD UP to elapsed {span(clock.state.elapsed)}, please report it", "bold red")


def _moment(moment: Moment) -> str:
    text = f"{moment.what} at {at(moment.at)}"
    if moment.what in ("retargeted", "attached", "restarted"):
        text += f" to {span(moment.target)} of {moment.policy}"
    return text


def _said(found: TicketHistory, log: Log) -> Iterator[Line]:
    if not found.said:
        return
    yield [Span("what was said, in this order:", "bold")]
    for each in found.said:
        yield [Span(f"  {at(each.decided_at)}  {_sentence(each)}"), Span(f"   [{log.where(each.evidence[0])}]", "dim")]
    yield []


def _sentence(each: SlaEvent) -> str:
    kind = (each.retracts_type or each.type).split(".")[1]
    what = each.outcome or each.threshold or ""
    text = f"{kind} {what} {each.metric} #{each.cycle}, dated {at(each.at)}".replace("  ", " ")
    if each.type == RETRACTION:
        return f"taken back: {text} ({each.reason})"
    return text + (f" ({each.reason})" if each.reason else "") + (" instead of the last one" if each.supersedes else "")


def _left_out(found: TicketHistory) -> Iterator[Line]:
    if found.left_out:
        yield [Span("left out:", "bold")]
        for each in found.left_out:
            yield [Span(f"  {each.place}  {each.event_id}: {each.why}")]
        yield []
