"""An explanation as JSON: the contract's `history` of a timer state, and everything else that a program may check.

    {"ticket_id", "as_of", "ticket": {attributes},
     "clocks": [{... timer state v1 ..., "kind",
                 "history": [{"from", "to", "what", "reason", "event_id", "place"}],
                 "moments": [{"at", "what", "reason", "event_id", "policy", "target_s"}],
                 "sums": {"running_s", "paused_s", "closed_hours_s", "wall_s"}, "adds_up"}],
     "said": [{"id", "type", "metric", "cycle", "threshold", "outcome", "at", "decided_at", "retracts", "supersedes",
               "reason", "evidence"}],
     "events": [{"event_id", "kind", "occurred_at", "actor", "place"}],
     "left_out": [{"event_id", "place", "why"}]}

`to` is always an instant: that of the question, where an interval still goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
import orjson

from sla_stream.core.events import TicketEvent
from sla_stream.core.explain import ClockStory, Interval, Moment, explain_ticket
from sla_stream.core.sla_events import SlaEvent
from sla_stream.core.timeline import Timeline
from sla_stream.core.views import TicketView, TimerState
from sla_stream.formats.attributes import ticket_json
from sla_stream.formats.instants import format_instant
from sla_stream.formats.timer_state import render_timer_state
from sla_stream.history.log import Log
from sla_stream.history.ticket_history import TicketHistory

_pack: Final = msgspec.msgpack.Encoder().encode
_unpack: Final = msgspec.msgpack.Decoder(TicketEvent).decode


def history_json(clock: ClockStory, places: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """The `history` of a timer state (contract §3); with `places`, where in the log each event stood."""
    return [_interval(each, places) for each in clock.intervals]


def state_with_history(state: TimerState, clock: ClockStory) -> dict[str, Any]:
    """A timer state v1 with its `history`."""
    return {**orjson.loads(render_timer_state(state)), "history": history_json(clock)}


class Stories:
    """Keeps the events of a replay, so that in the end each state can be told with its history.

    `keep` is for `Replay(applied=...)`. Memory grows with the events, about their size in the log.
    """

    def __init__(self) -> None:
        self._packed: dict[str, list[bytes]] = {}

    def keep(self, event: TicketEvent) -> None:
        """An event that was applied."""
        self._packed.setdefault(event.ticket_id, []).append(_pack(event))

    def states(self, timeline: Timeline, view: TicketView) -> Iterator[dict[str, Any]]:
        """Each timer state of the view with its `history`."""
        events = sorted((_unpack(each) for each in self._packed.get(view.ticket_id, [])), key=lambda event: event.key)
        story = explain_ticket(timeline, view.ticket_id, events, view.as_of)
        for state, clock in zip(view.cycles, story.clocks, strict=True):
            yield state_with_history(state, clock)


def explanation_json(found: TicketHistory, log: Log) -> dict[str, Any]:
    """The object shown above. The history must have a story."""
    assert found.story is not None
    view = found.story.view
    return {
        "ticket_id": found.ticket_id,
        "as_of": format_instant(view.as_of),
        "ticket": orjson.loads(ticket_json(view.ticket)),
        "clocks": [_clock(clock, found.places) for clock in found.story.clocks],
        "said": [_said(each, log) for each in found.said],
        "events": [
            {
                "event_id": event.event_id,
                "kind": event.kind,
                "occurred_at": format_instant(event.at),
                "actor": event.actor,
                "place": found.places[event.event_id],
            }
            for event in found.events
        ],
        "left_out": [{"event_id": each.event_id, "place": each.place, "why": each.why} for each in found.left_out],
    }


def _clock(clock: ClockStory, places: Mapping[str, str]) -> dict[str, Any]:
    return {
        **orjson.loads(render_timer_state(clock.state)),
        "kind": clock.state.kind,
        "history": history_json(clock, places),
        "moments": [_moment(each) for each in clock.moments],
        "sums": {
            "running_s": _seconds(clock.total("running")),
            "paused_s": _seconds(clock.total("paused")),
            "closed_hours_s": _seconds(clock.total("closed_hours")),
            "wall_s": _seconds(clock.wall),
        },
        "adds_up": clock.adds_up,
    }


def _interval(each: Interval, places: Mapping[str, str] | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "from": format_instant(each.start),
        "to": format_instant(each.end),
        "what": each.what,
        "reason": each.reason,
        "event_id": each.event_id,
    }
    if places is not None:
        found["place"] = places.get(each.event_id or "")
    return found


def _moment(each: Moment) -> dict[str, Any]:
    return {
        "at": format_instant(each.at),
        "what": each.what,
        "reason": each.reason,
        "event_id": each.event_id,
        "policy": each.policy,
        "target_s": _seconds(each.target),
    }


def _said(event: SlaEvent, log: Log) -> dict[str, Any]:
    return {
        "id": event.id,
        "type": event.type,
        "metric": event.metric,
        "cycle": event.cycle,
        "threshold": event.threshold,
        "outcome": event.outcome,
        "at": format_instant(event.at),
        "decided_at": format_instant(event.decided_at),
        "retracts": event.retracts,
        "supersedes": event.supersedes,
        "reason": event.reason,
        "evidence": log.where(event.evidence[0]),
    }


def _seconds(ms: int) -> float:
    whole, rest = divmod(ms, 1000)
    return ms / 1000 if rest else whole
