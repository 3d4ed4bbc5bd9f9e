"""Fields' last steps in short, for the values that most records hold: what `generating` writes instead of a call.

Each is (test, change, names): Python with `{v}` for the value, which is neither missing nor null, and `w` as a
variable of its own. Where the test does not hold, the field's whole reader is called, which also knows the refusals.
"""

from __future__ import annotations

from typing import Any, Final

from sla_stream.core.events import ACTORS, KINDS, STATUSES
from sla_stream.formats.instants import format_instant
from sla_stream.sources.coercions import EPOCH_BOUNDS, instant

Usual = tuple[str, str, dict[str, Any]]

NOTHING_USUAL: Final[Usual] = ("False", "{v}", {})

REMEMBERED: Final = 20_000
_CLOCKS: Final = frozenset(f":{minute:02}:{second:02}" for minute in range(60) for second in range(60))
_FRACTIONS: Final = frozenset(f".{milli:03}" for milli in range(1000))
_SECONDS: Final = tuple(f"{second:02}." for second in range(60))
_MILLIS: Final = tuple(f"{milli:03}Z" for milli in range(1000))


class _Hours(dict[str, str]):
    """`2026-01-02T04+0100` -> `2026-01-02T03`, for the hours met lately. ValueError unless the zone is whole hours."""

    def __missing__(self, text: str) -> str:
        zone = text[13:]
        if not (zone == "Z" or (zone[:1] in ("+", "-") and zone[3:].lstrip(":") == "00")):
            raise ValueError("finer than a millisecond, or a zone of half hours, or none")
        hour = format_instant(instant(f"{text[:13]}:00:00{zone}"))[:13]
        if len(self) >= REMEMBERED:
            self.clear()
        self[text] = hour
        return hour


_hours: Final = _Hours()


def quick_utc(text: str) -> str | None:
    """An instant as we write it; None for every form but whole seconds or milliseconds and a zone, and for mistakes."""
    clock, fraction = text[13:19], text[19:23]
    if clock not in _CLOCKS:
        return None
    try:
        if fraction in _FRACTIONS:
            return f"{_hours[text[:13] + text[23:]]}{clock}{fraction}Z"
        return f"{_hours[text[:13] + text[19:]]}{clock}.000Z"
    except ValueError:
        return None


class _TextOfMinute(dict[int, str]):
    """Minutes since 1970 -> `2026-01-02T03:04:`, for those met lately."""

    def __missing__(self, minute: int) -> str:
        text = format_instant(minute * 60_000)[:17]
        if len(self) >= REMEMBERED:
            self.clear()
        self[minute] = text
        return text


_text_of_minute: Final = _TextOfMinute()


def quick_text(at: int) -> str:
    """An instant in ms, later than 1970, as we write it."""
    minute, rest = divmod(at, 60_000)
    return _text_of_minute[minute] + _SECONDS[rest // 1000] + _MILLIS[rest % 1000]


def quick_words(value: list[Any]) -> list[str] | None:
    """A list of text, each once and in order; None if something else is in it."""
    if len(value) < 2:
        return value if not value or value[0].__class__ is str else None
    try:
        words = sorted(set(value))
    except TypeError:
        return None
    return words if words[0].__class__ is str else None


_ID: Final[Usual] = ("{v}.__class__ is str and 0 < len({v}) <= 200", "{v}", {})
_INSTANT: Final[Usual] = (
    "{v}.__class__ is str and (w := quick_utc({v})) is not None", "w", {"quick_utc": quick_utc}
)  # fmt: skip


def _one_of(name: str, words: tuple[str, ...]) -> Usual:
    return ("{v}.__class__ is str and {v} in " + name, "{v}", {name: frozenset(words)})


def _epoch(unit: str, milliseconds: str) -> Usual:
    low, high = EPOCH_BOUNDS[unit]
    test = f"{{v}}.__class__ is int and {low} <= {{v}} < {high}"
    return (test, f"quick_text({milliseconds})", {"quick_text": quick_text})


USUAL: Final[dict[str, Usual]] = {
    "event_id": _ID,
    "ticket_id": _ID,
    "merged_into": _ID,
    "kind": _one_of("KINDS", KINDS),
    "status": _one_of("STATUSES", STATUSES),
    "actor": _one_of("ACTORS", ACTORS),
    "occurred_at": _INSTANT,
    "created_at": _INSTANT,
    "due_at": _INSTANT,
    "sequence": (f"{{v}}.__class__ is int and {-(2**63)} <= {{v}} < {2**63}", "{v}", {}),
    "public": ("{v} is True or {v} is False", "{v}", {}),
    "reason": ("{v}.__class__ is str", "{v}", {}),
    "tags": ("{v}.__class__ is list and (w := quick_words({v})) is not None", "w", {"quick_words": quick_words}),
}
"""By field."""

USUAL_TIMES: Final[dict[str, Usual]] = {
    "iso": _INSTANT,
    "epoch_s": _epoch("epoch_s", "{v} * 1000"),
    "epoch_ms": _epoch("epoch_ms", "{v}"),
    "epoch_us": _epoch("epoch_us", "{v} // 1000"),
}
"""By coercion, for fields that hold an instant."""
