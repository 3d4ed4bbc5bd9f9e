"""Half-open stretches `[start, end)` on a line of integers, and what can be done with lists of them.

A list is *tidy* when it is sorted, nothing in it is empty, and no two stretches touch or overlap.
"""

from __future__ import annotations

from collections.abc import Iterable

Period = tuple[int, int]


def tidy(periods: Iterable[Period]) -> list[Period]:
    """The same points as a tidy list."""
    result: list[Period] = []
    for start, end in sorted(periods):
        if start >= end:
            continue
        if result and start <= result[-1][1]:
            if end > result[-1][1]:
                result[-1] = (result[-1][0], end)
        else:
            result.append((start, end))
    return result


def subtract(periods: list[Period], removed: list[Period]) -> list[Period]:
    """What of `periods` lies in none of `removed`. Both tidy, and so is the result."""
    result: list[Period] = []
    first = 0
    for start, end in periods:
        while first < len(removed) and removed[first][1] <= start:
            first += 1
        at = first
        while at < len(removed) and removed[at][0] < end:
            if removed[at][0] > start:
                result.append((start, removed[at][0]))
            start = removed[at][1]
            at += 1
        if start < end:
            result.append((start, end))
    return result


def clip(periods: Iterable[Period], start: int, end: int) -> list[Period]:
    """What of `periods` lies in `[start, end)`."""
    return [(max(a, start), min(b, end)) for a, b in periods if a < end and b > start]
