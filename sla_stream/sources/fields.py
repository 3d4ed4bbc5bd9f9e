"""The fields of a ticket event and what each may hold, as the last step of reading one.

What comes out here is ready for JSON and passes the codec: a mapping cannot make an event that the contract refuses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sla_stream.core.events import ACTORS, KINDS, STATUSES, TEXT_ATTRIBUTES
from sla_stream.formats.instants import format_instant
from sla_stream.formats.wire_errors import shown
from sla_stream.sources.coercions import Instant, as_text, instant
from sla_stream.sources.scope import MISSING

Finish = Callable[[Any], Any]
"""From a read value (not MISSING) to what is written, or MISSING. ValueError: `found ...; expected ...`."""

ENUMS: Final[dict[str, tuple[str, ...]]] = {"kind": KINDS, "status": STATUSES, "actor": ACTORS}
INSTANTS: Final = frozenset({"occurred_at", "created_at", "due_at"})
EVENT_FIELDS: Final[tuple[str, ...]] = (
    "event_id", "ticket_id", "kind", "occurred_at", "sequence", "created_at", "actor", "public", "merged_into",
    "reason",
)  # fmt: skip
ATTRIBUTES: Final[tuple[str, ...]] = ("status", *TEXT_ATTRIBUTES, "tags", "due_at", "url")
CLEARABLE: Final = frozenset(ATTRIBUTES) - {"status"}
"""A null in the source clears these; in all other fields it counts as absent."""


def finish_of(field: str) -> Finish:
    """The last step for a field; `custom.NAME` is a field, too."""
    if field.startswith("custom."):
        return _scalar
    return _FINISH.get(field) or text_or_null


def _id(value: Any) -> Any:
    if value.__class__ is str and 0 < len(value) <= 200:
        return value
    if value is None:
        return MISSING
    if isinstance(value, bool) or not isinstance(value, str | int) or not 1 <= len(text := str(value)) <= 200:
        raise ValueError(f"found {shown(value)}; expected text of 1 to 200 characters, or a whole number")
    return text


def _enum(field: str) -> Finish:
    choices = ENUMS[field]
    known = frozenset(choices)

    def finish(value: Any) -> Any:
        if value is None:
            return MISSING
        if isinstance(value, str) and value in known:
            return value
        raise ValueError(f"found {shown(value)}; expected one of {', '.join(choices)} (is there a `map` missing?)")

    return finish


class _Minutes(dict[str, str]):
    """`2026-03-02T09:30+0100` -> `2026-03-02T08:30`, for the minutes met lately. ValueError unless it is one."""

    def __missing__(self, minute: str) -> str:
        if len(self) >= _REMEMBERED:
            self.clear()
        self[minute] = text = format_instant(instant(f"{minute[:16]}:00{minute[16:]}"))[:16]
        return text


_REMEMBERED: Final = 20_000
_minutes: Final = _Minutes()
_SECONDS: Final = {f":{second:02}." for second in range(60)}
_MILLIS: Final = {f"{milli:03}" for milli in range(1000)}


def _instant(value: Any) -> Any:
    """The usual forms by look-up: `2026-03-02T09:30:00.123Z`, and with +0100 or +01:00 instead of Z."""
    if value.__class__ is str and len(value) >= 24 and value[16:20] in _SECONDS and value[20:23] in _MILLIS:
        try:
            return f"{_minutes[value[:16] + value[23:]]}{value[16:23]}Z"
        except ValueError:
            pass  # The careful way says what is wrong.
    if value.__class__ is Instant:
        return format_instant(value)
    return MISSING if value is None else format_instant(instant(value))


def _instant_or_null(value: Any) -> Any:
    return None if value is None else _instant(value)


def _sequence(value: Any) -> Any:
    if value is None:
        return MISSING
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**63) <= value < 2**63:
        raise ValueError(f"found {shown(value)}; expected a whole number of at most 64 bits (`as: int`)")
    return value


def _public(value: Any) -> Any:
    if value is None:
        return MISSING
    if not isinstance(value, bool):
        raise ValueError(f"found {shown(value)}; expected true or false (`as: bool`)")
    return value


def text_or_null(value: Any) -> Any:
    """The last step for text attributes."""
    if value.__class__ is str or value is None:
        return value
    if isinstance(value, dict | list):
        raise ValueError(f"found {shown(value)}; expected text or null")
    return as_text(value)


def _reason(value: Any) -> Any:
    return MISSING if value is None else text_or_null(value)


def _tags(value: Any) -> Any:
    if value is None:
        return None
    try:
        "".join(value)  # The quickest way to see that all are text.
        return sorted(set(value)) if value.__class__ is list else sorted(_words(value))
    except TypeError:
        return sorted(_words(value))


def _words(value: Any) -> set[str]:
    if not isinstance(value, list) or any(item is None or isinstance(item, dict | list) for item in value):
        raise ValueError(f"found {shown(value)}; expected an array of text (`as: split` for words with commas)")
    return {as_text(item) for item in value}


def _scalar(value: Any) -> Any:
    if isinstance(value, dict | list) or (isinstance(value, int) and not -(2**63) <= value < 2**63):
        raise ValueError(f"found {shown(value)}; expected text, a number of at most 64 bits, true, false or null")
    return value


_FINISH: Final[dict[str, Finish]] = {
    "event_id": _id,
    "ticket_id": _id,
    "merged_into": _id,
    "kind": _enum("kind"),
    "status": _enum("status"),
    "actor": _enum("actor"),
    "occurred_at": _instant,
    "created_at": _instant,
    "due_at": _instant_or_null,
    "sequence": _sequence,
    "public": _public,
    "reason": _reason,
    "tags": _tags,
}
