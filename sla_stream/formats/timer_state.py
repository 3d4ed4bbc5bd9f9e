"""Timer states v1 to bytes: a JSON line or CSV row for each cycle, one topic record for each ticket."""

from __future__ import annotations

from json.encoder import encode_basestring as quote
from typing import Any, Final

import orjson

from sla_stream.core.views import TicketView, TimerState
from sla_stream.formats.attributes import ticket_json
from sla_stream.formats.calendar_data import calendar_data
from sla_stream.formats.csv_rows import csv_row
from sla_stream.formats.numbers import instant, seconds

FIELDS: Final = (
    "ticket_id", "metric", "policy", "policy_version", "schedule", "cycle", "stage", "breached", "breached_at",
    "started_at", "due_at", "ended_at", "target_s", "elapsed_s", "remaining_s", "paused_s", "wall_elapsed_s",
    "open_hours",
)  # fmt: skip
"""The fields of one timer state, in the order in which they are written."""
_LIBRARIES: Final = orjson.dumps(calendar_data()).decode()


def render_timer_state(state: TimerState) -> bytes:
    """One JSON object (no line end) for one (ticket, metric, cycle)."""
    return _timer_state(state).encode()


def render_ticket_view(view: TicketView) -> bytes:
    """The value of a record of the timers topic: `ticket_id`, `ticket`, `url`, `cycles`, `as_of`, `libraries`."""
    attributes: dict[str, Any] = view.ticket
    url = attributes.get("url")
    return (
        f'{{"ticket_id":{quote(view.ticket_id)},"ticket":{ticket_json(attributes)},'
        f'"url":{"null" if url is None else quote(url)},'
        f'"cycles":[{",".join(map(_timer_state, view.cycles))}],"as_of":{instant[view.as_of]},'
        f'"libraries":{_LIBRARIES}}}'
    ).encode()


def render_csv_header() -> bytes:
    """The CSV header of timer states."""
    return csv_row(FIELDS)


def render_csv_row(state: TimerState) -> bytes:
    """The CSV line of one timer state."""
    fields = orjson.loads(render_timer_state(state))
    return csv_row([fields[name] for name in FIELDS])


def _timer_state(state: TimerState) -> str:
    end = state.as_of if state.ended_at is None else state.ended_at
    return (
        f'{{"ticket_id":{quote(state.ticket_id)},"metric":{quote(state.metric)},'
        f'"policy":{quote(state.policy)},"policy_version":{quote(state.policy_version)},'
        f'"schedule":{quote(state.schedule)},"cycle":{state.cycle},"stage":{quote(state.stage)},'
        f'"breached":{_boolean(state.breached)},"breached_at":{instant[state.breached_at]},'
        f'"started_at":{instant[state.started_at]},"due_at":{instant[state.due_at]},'
        f'"ended_at":{instant[state.ended_at]},"target_s":{seconds[state.target]},'
        f'"elapsed_s":{seconds[state.elapsed]},"remaining_s":{seconds[state.target - state.elapsed]},'
        f'"paused_s":{seconds[state.paused]},"wall_elapsed_s":{seconds[end - state.started_at]},'
        f'"open_hours":{_boolean(state.open_hours)}{_extra(state)}}}'
    )


def _extra(state: TimerState) -> str:
    """What only a stretch goal or a relaxed cycle has to say."""
    kind = f',"kind":{quote(state.kind)}' if state.kind != "sla" else ""
    return kind + (f',"relaxation":{quote(state.relaxation)}' if state.relaxation else "")


def _boolean(value: bool) -> str:
    return "true" if value else "false"
