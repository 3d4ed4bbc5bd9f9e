"""Ticket events v1 from bytes: checked, normalised, in one typed pass.

What the contract leaves open is decided here:

* `public` is false where it means nothing (kinds other than replies and notes), so that a condition such as
  `{actor: agent, public: true}` fits answers only.
* `null` counts as absent in `sequence`, `actor`, `public`, `created_at`, `merged_into` and `reason`. It
  clears an attribute, also `tags`, `due_at`, `url`, a name in `custom`. `status` and `custom` take no null.
* Text other than ids has no length limit and may be empty. A whole number written as `5.0` is 5.
* Integers (`sequence`, values of `custom`) fit in 64 bits; instants lie in the years 1970 to 9999.
* Of two equal keys in one JSON object the last wins. NaN, infinities and lone surrogates are no JSON.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec
import orjson
from msgspec import UNSET, UnsetType

from sla_stream.core.events import TicketEvent
from sla_stream.errors import InvalidRecord
from sla_stream.formats.cloudevents import Headers, looks_structured, open_structured, unwrap
from sla_stream.formats.instants import LATEST_MS, parse_instant
from sla_stream.formats.wire import FIELDS, StrictWireEvent, UnknownFields, WireEvent
from sla_stream.formats.wire_errors import explain, not_json, wrong

unknown_fields: Final = UnknownFields()
"""The count of this process, used where the caller passes none of its own."""

_STATUS_OF_KIND: Final = {"resolved": "resolved", "closed": "closed", "reopened": "open"}
_ACTOR_OF_KIND: Final = {"customer_replied": "customer", "agent_replied": "agent"}
_PUBLIC_KINDS: Final = frozenset({"customer_replied", "agent_replied"})
_strict: Final = msgspec.json.Decoder(StrictWireEvent).decode
_lenient: Final = msgspec.json.Decoder(WireEvent).decode
_REFUSED: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


MAX_VALUE_BYTES: Final = 262_144
"""Larger values are refused: the attributes of an event come back in every SLA event and in the ticket's state."""


def decode_ticket_event(
    value: bytes | None,
    headers: Headers = (),
    key: bytes | UnsetType | None = UNSET,
    unknown: UnknownFields = unknown_fields,
) -> TicketEvent:
    """A ticket event from a record.

    `key` is compared with the ticket id when given (None, a record without a key, is refused).
    Raises InvalidRecord (`too_large`, `json`, `schema`, `key`); its detail names field, finding and expectation.
    """
    event = normalise(decode_wire(value, headers, unknown))
    if key is not UNSET and (key is None or key != event.ticket_id.encode()):
        raise InvalidRecord("key", _key_detail(key, event.ticket_id))
    return event


def decode_wire(value: bytes | None, headers: Headers = (), unknown: UnknownFields = unknown_fields) -> WireEvent:
    """The JSON object of a record, typed but not normalised. Raises InvalidRecord (`too_large`, `json`, `schema`)."""
    if value is None:
        raise InvalidRecord("json", "no value: found a null record; expected a ticket event")
    if len(value) > MAX_VALUE_BYTES:
        raise InvalidRecord("too_large", f"found {len(value):,} bytes; expected at most {MAX_VALUE_BYTES:,}")
    envelope = unwrap(value, headers) if headers else None
    payload = value if envelope is None else envelope.data
    try:
        wire: WireEvent = _strict(payload)
    except _REFUSED:
        wire = _decode_carefully(payload, unknown, maybe_wrapped=envelope is None)
    if envelope is not None:
        envelope.fill(wire)
    return wire


def normalise(wire: WireEvent) -> TicketEvent:
    """The event as the engine takes it: defaults filled in, `kind` over `status`, instants in ms.

    Raises InvalidRecord (`schema`).
    """
    event_id, ticket_id, occurred_at = wire.event_id, wire.ticket_id, wire.occurred_at
    if event_id is UNSET or ticket_id is UNSET or occurred_at is UNSET:
        raise _missing(wire)
    kind = wire.kind
    merged_into = wire.merged_into or None
    if kind == "merged" and merged_into is None:
        raise InvalidRecord("schema", "merged_into: missing; expected the id of the ticket merged into")
    public = wire.public
    created_at = wire.created_at
    # By position, in the order of TicketEvent's fields: keywords would cost a tenth of the whole decoding.
    return TicketEvent(
        _instant("occurred_at", occurred_at),
        wire.sequence or 0,
        event_id,
        ticket_id,
        kind,
        wire.actor or _ACTOR_OF_KIND.get(kind, "system"),
        public if public is True or public is False else kind in _PUBLIC_KINDS,
        _attributes(wire),
        None if created_at is UNSET or created_at is None else _instant("created_at", created_at),
        merged_into,
        wire.reason or None,
    )


def recorded_at(wire: WireEvent) -> int | None:
    """Log time that a line of a file carries, ms, or None. Raises InvalidRecord (`schema`)."""
    value = wire.recorded_at
    if value is UNSET or value is None:
        return None
    if not isinstance(value, str):
        raise wrong("recorded_at", value, "an instant (RFC 3339 with a zone), as text")
    return _instant("recorded_at", value)


def check_not_future(event: TicketEvent, recorded_at: int, max_skew_ms: int) -> None:
    """Refuse an event that claims to have happened well after it was recorded: InvalidRecord (`future`)."""
    ahead = event.at - recorded_at
    if ahead > max_skew_ms:
        raise InvalidRecord(
            "future",
            f"occurred_at: {ahead / 1000:g} s ahead of the record's own time; "
            f"expected at most {max_skew_ms / 1000:g} s",
        )


def _decode_carefully(value: bytes, unknown: UnknownFields, maybe_wrapped: bool) -> WireEvent:
    """The slow way: counts unknown fields, opens a CloudEvent that no header announced, explains refusals."""
    try:
        tree = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise not_json(error) from None
    if maybe_wrapped and looks_structured(tree):
        envelope = open_structured(tree)
        wire = _decode_carefully(envelope.data, unknown, maybe_wrapped=False)
        envelope.fill(wire)
        return wire
    try:
        wire = _lenient(value)
    except msgspec.ValidationError as error:
        raise explain(tree, str(error)) from None
    except _REFUSED as error:
        raise not_json(error) from None
    unknown.add(name for name in tree if name not in FIELDS)
    return wire


def _attributes(wire: WireEvent) -> dict[str, Any]:
    """What the event sets, always in the same order."""
    found: dict[str, Any] = {}
    status = _STATUS_OF_KIND.get(wire.kind, wire.status)
    if status is not UNSET:
        found["status"] = status
    _add_text(wire, found)
    if wire.tags is not UNSET:
        found["tags"] = None if wire.tags is None else sorted(set(wire.tags))
    if wire.due_at is not UNSET:
        found["due_at"] = None if wire.due_at is None else _instant("due_at", wire.due_at)
    if wire.url is not UNSET:
        found["url"] = wire.url
    if wire.custom is not UNSET:
        for name, scalar in sorted(wire.custom.items()):
            found[f"custom.{name}"] = _whole(scalar) if isinstance(scalar, float) else scalar
    return found


def _add_text(wire: WireEvent, found: dict[str, Any]) -> None:
    """TEXT_ATTRIBUTES, written out: a loop over their names takes twice as long, for every event there is."""
    if (value := wire.status_label) is not UNSET:
        found["status_label"] = value
    if (value := wire.priority) is not UNSET:
        found["priority"] = value
    if (value := wire.type) is not UNSET:
        found["type"] = value
    if (value := wire.channel) is not UNSET:
        found["channel"] = value
    if (value := wire.customer) is not UNSET:
        found["customer"] = value
    if (value := wire.plan) is not UNSET:
        found["plan"] = value
    if (value := wire.service) is not UNSET:
        found["service"] = value
    if (value := wire.department) is not UNSET:
        found["department"] = value
    if (value := wire.group) is not UNSET:
        found["group"] = value
    if (value := wire.assignee) is not UNSET:
        found["assignee"] = value


def _whole(number: float) -> float | int:
    """5.0 and 5 are one number to a person and to most JSON writers: keep one form of it."""
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


class _Minutes(dict[str, int]):
    """`2026-01-02T03:04` -> ms, for the minutes met lately: events come mostly in the order of their time.

    KeyError outside the years 1970 to 9999.
    """

    def __missing__(self, text: str) -> int:
        if len(self) >= 20_000:
            self.clear()
        value = parse_instant(text + ":00Z")
        if not 0 <= value <= LATEST_MS:
            raise KeyError(text)
        self[text] = value
        return value


class _Seconds(dict[str, int]):
    """`:05Z` and `:05.678Z` -> ms. KeyError for what is neither; there are few enough to keep each one met."""

    def __missing__(self, text: str) -> int:
        if not _SECONDS_FORM.fullmatch(text):
            raise KeyError(text)
        self[text] = value = int(text[1:3]) * 1000 + int(text[4:-1] or 0)
        return value


_SECONDS_FORM: Final = re.compile(r":[0-5][0-9](\.[0-9]{3})?Z", re.ASCII)
_minutes: Final = _Minutes()
_seconds: Final = _Seconds()


def _instant(field: str, text: str) -> int:
    """Ms. The two usual forms by table; every other, and every mistake, by `parse_instant`."""
    try:
        return _minutes[text[:16]] + _seconds[text[16:]]
    except (KeyError, ValueError):
        pass
    try:
        at = parse_instant(text)
    except ValueError as error:
        raise InvalidRecord("schema", f"{field}: {error}") from None
    if not 0 <= at <= LATEST_MS:
        raise wrong(field, text, "an instant in the years 1970 to 9999")
    return at


def _missing(wire: WireEvent) -> InvalidRecord:
    names = [name for name in ("event_id", "ticket_id", "occurred_at") if getattr(wire, name) is UNSET]
    return InvalidRecord("schema", f"{', '.join(names)}: missing; required in every ticket event")


def _key_detail(key: bytes | None, ticket_id: str) -> str:
    if key is None:
        return f"record key: none; expected the ticket id {ticket_id!r}"
    found = key[:200].decode(errors="backslashreplace")
    return f"record key: found {found!r}; expected the ticket id {ticket_id!r}"
