"""Values as sources write them."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from sla_stream.formats.instants import parse_instant
from sla_stream.sources.coercions import PLAIN, ZONED

AT = parse_instant("2026-03-02T08:00:00Z")
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("iso", "2026-03-02T08:00:00Z"),
        ("iso", "2026-03-02T09:00:00.000+0100"),
        ("iso", "2026-03-02T09:00:00+01:00"),
        ("iso", "2026-03-02T08:00:00.000000001Z"),
        ("epoch_s", AT // 1000),
        ("epoch_s", str(AT // 1000)),
        ("epoch_s", AT / 1000),
        ("epoch_ms", AT),
        ("epoch_ms", str(AT)),
        ("epoch_us", AT * 1000),
        ("any_time", AT // 1000),
        ("any_time", AT),
        ("any_time", AT * 1000),
        ("any_time", "2026-03-02T08:00:00Z"),
        ("any_time", str(AT)),
    ],
)
def test_instants(name: str, value: Any) -> None:
    assert PLAIN[name](value) == AT


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("local", "2026-03-02 09:00:00", "2026-03-02T08:00:00Z"),
        ("local", "2026-03-02T09:00", "2026-03-02T08:00:00Z"),
        ("local", "2026-03-02T09:00:00.1234567", "2026-03-02T08:00:00.123Z"),
        ("local", "2026-10-25 02:30:00", "2026-10-25T00:30:00Z"),  # the first of the two
        ("local", "2026-03-29 02:30:00", "2026-03-29T01:30:00Z"),  # in the gap
        ("iso_or_local", "2026-03-02T08:00:00Z", "2026-03-02T08:00:00Z"),
        ("iso_or_local", "2026-03-02 09:00:00", "2026-03-02T08:00:00Z"),
        ("end_of_day", "2026-03-02", "2026-03-02T22:59:59.999Z"),
        ("end_of_day", "2026-03-29", "2026-03-29T21:59:59.999Z"),
    ],
)
def test_wall_clock_times(name: str, value: str, expected: str) -> None:
    assert ZONED[name](BERLIN)(value) == parse_instant(expected)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("iso", "2026-03-02T08:00:00", "has no zone"),
        ("iso", 5, "found 5; expected an instant"),
        ("epoch_s", AT, "is it in another unit"),
        ("epoch_ms", AT // 1000, "is it in another unit"),
        ("epoch_s", True, "found true"),
        ("epoch_s", "soon", 'found "soon"'),
        ("any_time", 12, "found 12"),
        ("any_time", 1e300, "found 1e.?300"),
        ("int", 1.5, "a whole number"),
        ("int", "9" * 30, "a whole number"),
        ("int", 1e300, "at most 64 bits"),
        ("bool", "maybe", "true or false"),
        ("json", "{", "expected JSON"),
        ("loose_json", "{a:", "expected JSON"),
    ],
)
def test_what_is_refused(name: str, value: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        PLAIN[name](value)


@pytest.mark.parametrize(
    "value", ["2026-13-01 00:00:00", "2026-03-02", 5, "2026-03-02 25:00:00", "0001-01-01 00:00:00"]
)
def test_wall_clock_times_that_are_none(value: Any) -> None:
    with pytest.raises(ValueError, match="expected"):
        ZONED["local"](BERLIN)(value)


@pytest.mark.parametrize("value", ["2026-02-30", "20260302xx", None, "9999-12-31", 5])
def test_days_that_are_none(value: Any) -> None:
    with pytest.raises(ValueError, match="expected a date"):
        ZONED["end_of_day"](BERLIN)(value)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("int", "7", 7),
        ("int", 7.0, 7),
        ("str", 5.0, "5"),
        ("str", True, "true"),
        ("bool", "YES", True),
        ("bool", 0, False),
        ("lower", "In Progress", "in progress"),
        ("split", "a, b,,c ", ["a", "b", "c"]),
        ("split", [1, "b"], ["1", "b"]),
        ("json", '{"a": [1]}', {"a": [1]}),
        ("json", {"a": 1}, {"a": 1}),
        ("loose_json", "{status:{from:4,to:6}}", {"status": {"from": 4, "to": 6}}),
        ("loose_json", '{note_type:private,"text":"a: {b}"}', {"note_type": "private", "text": "a: {b}"}),
        ("loose_json", "{flag:true,none:null}", {"flag": True, "none": None}),
        ("blank_is_null", " ", None),
        ("blank_is_null", "x", "x"),
    ],
)
def test_other_values(name: str, value: Any, expected: Any) -> None:
    assert PLAIN[name](value) == expected
