"""Values as sources write them, turned into what they mean: `as: epoch_ms`, `as: json`, `as: lower`.

Each function takes a JSON value that is neither missing nor null and raises ValueError, as a sentence
`found ...; expected ...`, where the value is not so written. Instants are ms since 1970, UTC.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

import orjson

from sla_stream.formats.instants import LATEST_MS, parse_instant
from sla_stream.formats.wire_errors import shown

Coercion = Callable[[Any], Any]


class Instant(int):
    """An instant on its way through `first` or `let`: a bare number of a record is none, whatever it may look like."""


_1973_S: Final = 100_000_000
_5138_S: Final = 100_000_000_000
_LOCAL: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?:\.([0-9]{1,9}))?", re.ASCII
)
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_BARE_WORD: Final = re.compile(r'("(?:[^"\\]|\\.)*")|([A-Za-z_](?:[A-Za-z0-9_ -]*[A-Za-z0-9_])?)')
_JSON_WORDS: Final = frozenset({"true", "false", "null"})


def as_text(value: Any) -> str:
    """A scalar as text: 5, 5.0 and "5" are the same. Never fails: anything else becomes what it is called."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    return str(value) if isinstance(value, int) else shown(value)


def instant(value: Any) -> int:
    """RFC 3339 with a zone, also with a zone such as +0100, as some sources write it."""
    if not isinstance(value, str):
        raise _found(value, "an instant with a zone, as text")
    if len(value) > 5 and value[-5] in "+-" and value[-4:].isdigit():
        value = f"{value[:-2]}:{value[-2:]}"
    return _in_range(parse_instant(value), value)


def epoch(per_second: int) -> Coercion:
    """Numbers since 1970 in seconds, ms or µs; one that must be in another unit is refused."""
    unit = {1: "seconds", 1_000: "milliseconds", 1_000_000: "microseconds"}[per_second]

    low, high = _1973_S * per_second, _5138_S * per_second

    def read(value: Any) -> int:
        if value.__class__ is int and low <= value < high:
            return int(value) * 1000 // per_second
        number = _number(value, f"{unit} since 1970")
        if number and not low <= number < high:
            raise _found(value, f"{unit} since 1970 (is it in another unit?)")
        return _in_range(int(number * 1000 // per_second), value)

    return read


def local(zone: ZoneInfo) -> Coercion:
    """Wall-clock time without a zone. In the repeated hour the first reading counts, in a gap the shifted one."""

    def read(value: Any) -> int:
        match = _LOCAL.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            raise _found(value, "a date and time without a zone, as in 2026-03-02 09:30:00")
        try:
            naive = datetime.fromisoformat(f"{match[1]}T{match[2]}")
        except ValueError:
            raise _found(value, "a date and time that exist") from None
        millis = int(f"{match[3] or ''}000"[:3])
        return _in_range(int(naive.replace(tzinfo=zone).timestamp()) * 1000 + millis, value)

    return read


def instant_or_local(zone: ZoneInfo) -> Coercion:
    """With a zone as it says, without one as the wall clock in `zone`."""
    wall_clock = local(zone)

    def read(value: Any) -> int:
        bare = isinstance(value, str) and _LOCAL.fullmatch(value) is not None
        return wall_clock(value) if bare else instant(value)

    return read


def any_time(value: Any) -> int:
    """An instant with a zone, or a number since 1970 in seconds, ms or µs: their sizes tell them apart."""
    if isinstance(value, str) and not re.fullmatch(r"[0-9.]+", value, re.ASCII):
        return instant(value)
    number = _number(value, "an instant with a zone, or a number since 1970")
    for per_second in (1, 1_000, 1_000_000):
        if _1973_S * per_second <= number < _5138_S * per_second:
            return int(number * 1000 // per_second)
    raise _found(value, "an instant with a zone, or seconds, ms or µs since 1970 (years 1973 to 5138)")


def end_of_day(zone: ZoneInfo) -> Coercion:
    """A date promised means the end of that day, its last millisecond, where the zone is."""

    @lru_cache(maxsize=4_000)
    def last_of(text: str) -> int | None:
        try:
            after = date.fromisoformat(text) + timedelta(days=1) if _DAY.fullmatch(text) else None
        except (ValueError, OverflowError):
            return None
        if after is None:
            return None
        return int(datetime(after.year, after.month, after.day, tzinfo=zone).timestamp()) * 1000 - 1

    def read(value: Any) -> int:
        at = last_of(value) if isinstance(value, str) else None
        if at is None:
            raise _found(value, "a date, as in 2026-03-02")
        return _in_range(at, value)

    return read


def whole(value: Any) -> int:
    """A whole number, also as text."""
    number = _number(value, "a whole number")
    if not float(number).is_integer() or not -(2**63) <= number < 2**63:
        raise _found(value, "a whole number of at most 64 bits")
    return int(number)


def truth(value: Any) -> bool:
    """true or false, also as text, 1 and 0, yes and no."""
    found = _TRUTHS.get(as_text(value).lower())
    if found is None:
        raise _found(value, "true or false")
    return found


def json_text(value: Any) -> Any:
    """JSON inside a text; a value that is no text already stands for itself."""
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        raise _found(value, "JSON") from None


def loose_json(value: Any) -> Any:
    """JSON inside a text whose words have no quotes, such as `{status:{from:4,to:6}}` or `{note_type:private}`."""
    if not isinstance(value, str):
        return value
    quoted = _BARE_WORD.sub(lambda m: m[1] or (m[2] if m[2] in _JSON_WORDS else f'"{m[2]}"'), value)
    try:
        return orjson.loads(quoted)
    except orjson.JSONDecodeError:
        raise _found(value, "JSON, with or without quotes around words") from None


def blank_is_null(value: Any) -> Any:
    """Text without anything in it means nobody, nothing: null."""
    return None if isinstance(value, str) and not value.strip() else value


def split(value: Any) -> list[str]:
    """Words between commas; an array stands for itself."""
    if isinstance(value, list):
        return [as_text(item) for item in value]
    return [word.strip() for word in as_text(value).split(",") if word.strip()]


_TRUTHS: Final = {
    "true": True, "1": True, "yes": True, "y": True, "false": False, "0": False, "no": False, "n": False,
}  # fmt: skip

EPOCH_BOUNDS: Final = {
    "epoch_s": (_1973_S, _5138_S),
    "epoch_ms": (_1973_S * 1_000, _5138_S * 1_000),
    "epoch_us": (_1973_S * 1_000_000, _5138_S * 1_000_000),
}
"""The first number and the one after the last that are taken for such a time."""

PLAIN: Final[dict[str, Coercion]] = {
    "iso": instant,
    "epoch_s": epoch(1),
    "epoch_ms": epoch(1_000),
    "epoch_us": epoch(1_000_000),
    "any_time": any_time,
    "int": whole,
    "str": as_text,
    "bool": truth,
    "json": json_text,
    "loose_json": loose_json,
    "lower": lambda value: as_text(value).lower(),
    "split": split,
    "blank_is_null": blank_is_null,
}
ZONED: Final[dict[str, Callable[[ZoneInfo], Coercion]]] = {
    "local": local,
    "iso_or_local": instant_or_local,
    "end_of_day": end_of_day,
}
"""These need `zone`."""
TIMES: Final = frozenset({"iso", "epoch_s", "epoch_ms", "epoch_us", "any_time", *ZONED})
"""These give instants."""


def _number(value: Any, expected: str) -> int | float:
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{1,9})?", value, re.ASCII):
        return float(value) if "." in value else int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _found(value, expected)
    return value


def _in_range(at: int, value: Any) -> int:
    if not 0 <= at <= LATEST_MS:
        raise _found(value, "an instant in the years 1970 to 9999")
    return at


def _found(value: Any, expected: str) -> ValueError:
    return ValueError(f"found {shown(value)}; expected {expected}")
