"""Algebra of stretches, and zones as stretches of constant offset."""

from __future__ import annotations

import pytest

from sla_stream.core.periods import Period, clip, subtract, tidy
from sla_stream.core.zones import Span, load_zone, spans_between, year_spans, year_start, zone_names
from sla_stream.formats.instants import parse_instant


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], []),
        ([(3, 5), (1, 2)], [(1, 2), (3, 5)]),
        ([(1, 3), (3, 5)], [(1, 5)]),
        ([(1, 9), (2, 4)], [(1, 9)]),
        ([(1, 1), (4, 2)], []),
    ],
)
def test_tidy(given: list[Period], expected: list[Period]) -> None:
    assert tidy(given) == expected


@pytest.mark.parametrize(
    ("periods", "removed", "expected"),
    [
        ([(0, 10)], [], [(0, 10)]),
        ([(0, 10)], [(2, 4), (6, 8)], [(0, 2), (4, 6), (8, 10)]),
        ([(0, 10)], [(0, 10)], []),
        ([(0, 3), (5, 8)], [(2, 6)], [(0, 2), (6, 8)]),
        ([(5, 8)], [(0, 1), (2, 5), (8, 9)], [(5, 8)]),
        ([(5, 8), (9, 12)], [(0, 7), (7, 10)], [(10, 12)]),
    ],
)
def test_subtract(periods: list[Period], removed: list[Period], expected: list[Period]) -> None:
    assert subtract(periods, removed) == expected


def test_clip() -> None:
    assert clip([(0, 2), (3, 6), (8, 9)], 1, 5) == [(1, 2), (3, 5)]


def test_zone_names_are_complete_and_load() -> None:
    assert {"Europe/Berlin", "UTC", "America/Argentina/Ushuaia"} <= set(zone_names())
    assert load_zone("America/Argentina/Ushuaia").key == "America/Argentina/Ushuaia"


@pytest.mark.parametrize("name", ["", "europe/berlin", "../../../etc/passwd", "Europe", "Berlin"])
def test_unknown_zone(name: str) -> None:
    with pytest.raises(ValueError, match="is not an IANA time zone"):
        load_zone(name)


def test_year_spans_change_where_the_clocks_change() -> None:
    spring, autumn = parse_instant("2026-03-29T01:00:00Z"), parse_instant("2026-10-25T01:00:00Z")
    assert year_spans("Europe/Berlin", 2026) == (
        Span(year_start(2026), spring, 3_600_000),
        Span(spring, autumn, 7_200_000),
        Span(autumn, year_start(2027), 3_600_000),
    )


def test_change_at_the_very_end_belongs_to_what_follows() -> None:
    spring = parse_instant("2026-03-29T01:00:00Z")
    assert spans_between("Europe/Berlin", spring - 2_000, spring) == (Span(spring - 2_000, spring, 3_600_000),)
    assert spans_between("Europe/Berlin", spring, spring + 1) == (Span(spring, spring + 1_000, 7_200_000),)
