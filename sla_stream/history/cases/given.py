"""Ticket events as they are written in a case file.

`Mon 09:00 created priority=high tags=vip,eu due_at="Tue 12:00" @ Mon 09:05`: when, what, attributes and fields of the
event, and behind `@` when the record was written, if that was not at once. `name=` clears. A mapping with the fields
of a ticket event says the same, with `recorded_at` for what stands behind `@`.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any, Final

import orjson

from sla_stream.core.events import KINDS, TicketEvent
from sla_stream.errors import InvalidRecord
from sla_stream.formats.codec import decode_ticket_event
from sla_stream.formats.instants import format_instant
from sla_stream.formats.policy_file.findings import did_you_mean, one_of, quote
from sla_stream.formats.wire import FIELDS
from sla_stream.history.cases.times import Times

TICKET: Final = "T-1"
"""The ticket of events that name none."""
SHORT: Final = {"id": "event_id", "ticket": "ticket_id"}
WORDS: Final = FIELDS - {"custom", "kind", "occurred_at", "recorded_at"}
"""Fields that may stand as name=value."""
_INSTANTS: Final = ("occurred_at", "recorded_at", "created_at", "due_at")
_TRUTH: Final = {"true": True, "yes": True, "false": False, "no": False}


@dataclass(frozen=True, slots=True)
class Given:
    """One record: the event and when it was written to the log, ms."""

    event: TicketEvent
    log_time: int


def read_given(written: Any, position: int, times: Times) -> Given:
    """The record at `position` (from 1) of a case. ValueError says what is wrong."""
    if isinstance(written, str):
        fields, log_time = _read_text(written, times)
    elif isinstance(written, dict):
        fields, log_time = _read_mapping(written, times)
    else:
        raise ValueError("expected text such as 'Mon 09:00 created priority=high', or a mapping")
    fields.setdefault("event_id", f"e{position:03}")
    fields.setdefault("ticket_id", TICKET)
    try:
        event = decode_ticket_event(orjson.dumps(fields))
    except InvalidRecord as error:
        raise ValueError(error.detail) from None
    return Given(event, event.at if log_time is None else log_time)


def _read_text(text: str, times: Times) -> tuple[dict[str, Any], int | None]:
    told, _, logged = text.partition(" @ ")
    try:
        words = shlex.split(told)
    except ValueError:
        raise ValueError(f"{quote(text)} has a quote that is not closed") from None
    size = 1 if words and "T" in words[0] and ":" in words[0] else 2
    when, rest = " ".join(words[:size]), words[size:]
    fields: dict[str, Any] = {"occurred_at": format_instant(times.read(when))}
    if not rest or rest[0] not in KINDS:
        found = quote(rest[0]) if rest else "nothing"
        hint = did_you_mean(rest[0], KINDS) if rest else ""
        raise ValueError(f"found {found} after the time; expected {one_of(KINDS)}{hint}")
    fields["kind"] = rest[0]
    for word in rest[1:]:
        _set(fields, word, times)
    return fields, times.read(logged.strip()) if logged else None


def _set(fields: dict[str, Any], word: str, times: Times) -> None:
    name, equals, text = word.partition("=")
    name = SHORT.get(name, name)
    if not equals:
        raise ValueError(f"{quote(word)}; expected name=value")
    if name.startswith("custom."):
        fields.setdefault("custom", {})[name.removeprefix("custom.")] = _scalar(text)
    elif name not in WORDS:
        hint = did_you_mean(name, {*WORDS, *SHORT})
        raise ValueError(f"{quote(name)} is no field of a ticket event; expected one such as priority=high{hint}")
    else:
        fields[name] = _value(name, text, times)


def _value(name: str, text: str, times: Times) -> Any:
    if not text:
        return None
    if name in _INSTANTS:
        return format_instant(times.read(text))
    if name == "tags":
        return text.split(",")
    if name == "public":
        if text not in _TRUTH:
            raise ValueError(f"public={text}; expected true or false")
        return _TRUTH[text]
    if name == "sequence":
        if not text.removeprefix("-").isdecimal():
            raise ValueError(f"sequence={text}; expected a whole number")
        return int(text)
    return text


def _scalar(text: str) -> Any:
    """A number, true or false where the text reads so; text otherwise."""
    if not text:
        return None
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    return value if isinstance(value, (bool, int, float)) else text


def _read_mapping(written: dict[str, Any], times: Times) -> tuple[dict[str, Any], int | None]:
    fields = {SHORT.get(name, name): value for name, value in written.items()}
    unknown = sorted(fields.keys() - FIELDS)
    if unknown:
        raise ValueError(f"{quote(unknown[0])} is no field of a ticket event{did_you_mean(unknown[0], FIELDS)}")
    for name in _INSTANTS:
        if isinstance(fields.get(name), str):
            fields[name] = format_instant(times.read(fields[name]))
    logged = fields.pop("recorded_at", None)
    return fields, None if logged is None else times.read(str(logged))
