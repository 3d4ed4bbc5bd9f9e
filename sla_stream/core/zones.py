"""Time zones as stretches of constant offset.

Zones come from the pinned `tzdata` package and not from the machine: two workers, or a worker and a later
replay, must agree on every deadline, whatever their operating systems think of Morocco's next Ramadan.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from importlib import resources
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

_DAY_S: Final = 86_400


class Span(NamedTuple):
    """From `start` to before `end` (ms UTC) local time is UTC plus `offset` ms."""

    start: int
    end: int
    offset: int


@lru_cache(maxsize=1)
def zone_names() -> tuple[str, ...]:
    """Every name that `load_zone` takes, sorted."""
    return tuple(sorted(resources.files("tzdata").joinpath("zones").read_text("utf-8").split()))


@lru_cache(maxsize=256)
def load_zone(name: str) -> ZoneInfo:
    """The IANA zone of this name, spelled exactly. ValueError if there is none."""
    if name not in zone_names():
        raise ValueError(f"{name!r} is not an IANA time zone")
    with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def year_start(year: int) -> int:
    """Ms of January 1st, 00:00 UTC."""
    return int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) * 1000


@lru_cache(maxsize=4_096)
def year_spans(name: str, year: int) -> tuple[Span, ...]:
    """The zone's stretches of constant offset that make up one UTC year, in order and without gaps."""
    return tuple(_spans(load_zone(name), year_start(year) // 1000, year_start(year + 1) // 1000))


def spans_between(name: str, start: int, end: int) -> tuple[Span, ...]:
    """The same for any two instants in ms; they are widened to whole seconds."""
    return tuple(_spans(load_zone(name), start // 1000, -(-end // 1000)))


def _spans(zone: ZoneInfo, start: int, end: int) -> list[Span]:
    # zoneinfo does not tell its transitions, so look once a day and halve the day in which it changed.
    # No zone ever changed its offset and took it back within a day.
    spans: list[Span] = []
    since, offset = start, _offset(zone, start)
    at = start
    while at < end:
        following = min(at + _DAY_S, end)
        changed = _offset(zone, following)
        if changed != offset:
            moment = _transition(zone, at, following, changed)
            if moment < end:
                spans.append(Span(since * 1000, moment * 1000, offset * 1000))
                since, offset = moment, changed
        at = following
    spans.append(Span(since * 1000, end * 1000, offset * 1000))
    return spans


def _transition(zone: ZoneInfo, before: int, after: int, offset: int) -> int:
    """First second with the new `offset`: not yet there at `before`, there at `after`."""
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(zone, middle) == offset:
            after = middle
        else:
            before = middle
    return after


def _offset(zone: ZoneInfo, at: int) -> int:
    offset = datetime.fromtimestamp(at, zone).utcoffset()
    assert offset is not None, "a ZoneInfo always has an offset"
    return offset.days * _DAY_S + offset.seconds
