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
from sla_stream.sources.usual import quick_utc, quick_words

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
        return scalar
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


def _instant(value: Any) -> Any:
    if value.__class__ is str:
        return quick_utc(value) or format_instant(instant(value))
    if value.__class__ is Instant:
        return format_instant(int(value))
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
    words = quick_words(value) if isinstance(value, list) else None
    return sorted(_words(value)) if words is None else words


def _words(value: Any) -> set[str]:
    if not isinstance(value, list) or any(item is None or isinstance(item, dict | list) for item in value):
        raise ValueError(f"found {shown(value)}; expected an array of text (`as: split` for words with commas)")
    return {as_text(item) for item in value}


def scalar(value: Any) -> Any:
    """The last step for site-specific attributes."""
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
