"""A cycle as one line of characters: each stands for an equal slice of its time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from sla_stream.core.explain import ClockStory, Moment, What

WIDTH: Final = 72


class Brush(NamedTuple):
    """Characters for running, paused and closed hours."""

    running: str
    paused: str
    closed_hours: str


BLOCKS: Final = Brush("█", "▒", "·")
PLAIN: Final = Brush("#", "~", ".")

MARKS: Final = {"warning": "w", "breached": "X", "escalation": "e", "retargeted": "t", "attached": "t", "reopened": "r"}
"""First word of a moment -> its mark; of two in one slice the more serious one is shown."""
_SERIOUS: Final = "trweX"


class Slice(NamedTuple):
    """One character and what it shows."""

    character: str
    what: What


def bar(clock: ClockStory, width: int = WIDTH, brush: Brush = BLOCKS) -> list[Slice]:
    """The state that holds for most of each slice; empty for a cycle that takes no time."""
    if not clock.wall:
        return []
    start = clock.intervals[0].start
    slices: list[Slice] = []
    for i in range(width):
        begin, end = start + i * clock.wall // width, start + -(-(i + 1) * clock.wall // width)
        covered: dict[What, int] = {}
        for each in clock.intervals:
            if each.start < end and each.end > begin:
                covered[each.what] = covered.get(each.what, 0) + min(each.end, end) - max(each.start, begin)
        what = max(covered, key=lambda what: covered[what])
        slices.append(Slice(getattr(brush, what), what))
    return slices


def marks(clock: ClockStory, width: int = WIDTH) -> str:
    """The line below the bar: a letter where a warning, a breach, ... came."""
    if not clock.wall:
        return ""
    start = clock.intervals[0].start
    line = [" "] * width
    for moment in _marked(clock.moments):
        at = min(max((moment.at - start) * width // clock.wall, 0), width - 1)
        mark = MARKS[moment.what.split()[0]]
        if line[at] == " " or _SERIOUS.index(mark) > _SERIOUS.index(line[at]):
            line[at] = mark
    return "".join(line).rstrip()


def _marked(moments: Sequence[Moment]) -> list[Moment]:
    return [moment for moment in moments if moment.what.split()[0] in MARKS]
