"""Durations as people write them: `1h30m` in policies, `50ms` or `7d` in settings; integer ms inside.

A policy's duration counts time on a schedule. There "a day" could mean 24 hours, the hours of one working
day, or the same time tomorrow, so `d` and `w` are refused. A setting knows no schedule: its `d` is 24 hours.
"""

from __future__ import annotations

import re
from typing import Final

_UNIT_MS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_SCHEDULE_UNITS: Final = ("h", "m", "s")
_SETTING_UNITS: Final = ("d", "h", "m", "s", "ms")
_SHAPE: Final = re.compile(r"(?:[0-9]{1,12}[a-zA-Z]+)+", re.ASCII)
_PART: Final = re.compile(r"([0-9]+)([a-zA-Z]+)", re.ASCII)
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?", re.ASCII)
LONGEST_MS: Final = 100 * 366 * _UNIT_MS["d"]
"""No duration is longer than about a century: beyond it lies only a slip of the keyboard."""


def parse_duration(text: str) -> int:
    """Schedule time such as `90s`, `30m`, `8h`, `1h30m`, in ms (may be 0). ValueError says what is wrong."""
    return _parse(text, _SCHEDULE_UNITS, "a duration such as 90s, 30m, 8h or 1h30m")


def parse_setting_duration(text: str) -> int:
    """Plain time such as `50ms`, `10s`, `5m`, `2h`, `7d` (24-hour days), in ms (may be 0).

    ValueError says what is wrong.
    """
    return _parse(text, _SETTING_UNITS, "a duration such as 50ms, 10s, 5m, 2h or 7d")


def _parse(text: str, units: tuple[str, ...], expected: str) -> int:
    if _NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} has no unit: expected {expected}")
    if not _SHAPE.fullmatch(text):
        raise ValueError(f"{text!r} is not a duration: expected {expected}")
    total = 0
    last = -1
    for number, unit in _PART.findall(text):
        if unit not in units:
            raise ValueError(_refusal(text, unit, units, expected))
        if units.index(unit) <= last:
            raise ValueError(f"{text!r}: write each unit once, the largest first, as in 1h30m")
        last = units.index(unit)
        total += int(number) * _UNIT_MS[unit]
    if total > LONGEST_MS:
        raise ValueError(f"{text!r} is longer than a hundred years")
    return total


def _refusal(text: str, unit: str, units: tuple[str, ...], expected: str) -> str:
    if unit in ("d", "w") and units is _SCHEDULE_UNITS:
        return (
            f"{text!r}: 'd' and 'w' are refused, since a day could be 24 hours, a working day's hours or "
            f"the same time tomorrow: write hours (24h), or business days (2bd) where a target takes them"
        )
    if unit == "bd":
        return f"{text!r}: business days stand only alone and only as a target, as in 2bd: expected {expected}"
    if unit == "w":
        return f"{text!r}: 'w' is not a unit here: write days, as in 7d"
    if unit.lower() in units:
        return f"{text!r}: units are written in small letters: {unit.lower()!r}, not {unit!r}"
    return f"{text!r}: unknown unit {unit!r}: expected {expected}"
