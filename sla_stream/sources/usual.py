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
_SECONDS: Final = {f"{second:02}.": f"{second:02}." for second in range(60)}
_WHOLE: Final = {f"{second:02}": f"{second:02}.000Z" for second in range(60)}
_MILLIS: Final = {f"{milli:03}": f"{milli:03}Z" for milli in range(1000)}


class _Minutes(dict[str, str]):
    """`2026-01-02T04:04:+0100` -> `2026-01-02T03:04:`, for the minutes met lately."""

    def __missing__(self, text: str) -> str:
        if text[17:18] not in ("Z", "+", "-"):
            raise ValueError("finer than a millisecond, or no zone")
        minute = format_instant(instant(f"{text[:17]}00{text[17:]}"))[:17]
        if len(self) >= REMEMBERED:
            self.clear()
        self[text] = minute
        return minute


_minutes: Final = _Minutes()


def quick_utc(text: str) -> str | None:
    """An instant as we write it; None for every form but whole seconds or milliseconds and a zone, and for mistakes."""
    try:
        if text[19:20] == ".":
            return _minutes[text[:17] + text[23:]] + _SECONDS[text[17:20]] + _MILLIS[text[20:23]]
        return _minutes[text[:17] + text[19:]] + _WHOLE[text[17:19]]
    except (KeyError, ValueError):
        return None


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
    names = {"format_instant": format_instant}
    return (f"{{v}}.__class__ is int and {low} <= {{v}} < {high}", f"format_instant({milliseconds})", names)


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
