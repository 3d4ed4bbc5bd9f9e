"""Instants as text, in and out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla_stream.formats import instants
from sla_stream.formats.instants import EARLIEST_MS, LATEST_MS, format_instant, parse_instant

AT = 1_767_323_045_000  # 2026-01-02T03:04:05Z


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-02T03:04:05Z", AT),
        ("2026-01-02t03:04:05z", AT),
        ("2026-01-02 03:04:05Z", AT),
        ("2026-01-02T04:04:05+01:00", AT),
        ("2026-01-01T21:34:05-05:30", AT),
        ("2026-01-02T03:04:05-00:00", AT),
        ("2026-01-02T03:04:05.678Z", AT + 678),
        ("2026-01-02T03:04:05.6Z", AT + 600),
        ("2026-01-02T03:04:05.0005Z", AT + 1),
        ("2026-01-02T03:04:05.00049999Z", AT),
        ("2026-01-02T03:04:05.999500Z", AT + 1_000),
        ("1969-12-31T23:59:59.999Z", -1),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000),
        ("2017-01-01T00:59:60.250+01:00", 1_483_228_800_250),
        ("0001-01-01T00:00:00Z", EARLIEST_MS),
        ("9999-12-31T23:59:59.999Z", LATEST_MS),
    ],
)
def test_parse(text: str, expected: int) -> None:
    assert parse_instant(text) == expected


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("2026-01-02T03:04:05", "has no zone: end it with Z, or with an offset such as +01:00"),
        ("2026-01-02", "is not an instant: expected RFC 3339 with a zone, as in 2026-01-02T03:04:05Z"),
        ("2026-01-02T03:04Z", "is not an instant"),
        ("2026-01-02T03:04:05.Z", "is not an instant"),
        ("2026-01-02T03:04:05+0100", "is not an instant"),
        ("٢٠٢٦-01-02T03:04:05Z", "is not an instant"),
        ("2026-01-02T03:04:05Z\n", "is not an instant"),
        ("2026-W01-5T03:04:05Z", "is not an instant"),
        ("2026-01-02T03:04:05Z678Z", "is not an instant"),
        ("2026-01-02T03:04:05.", "is not an instant"),
        ("2026-02-29T03:04:05Z", "there is no such date as 2026-02-29"),
        ("0000-01-01T03:04:05Z", "there is no such date as 0000-01-01"),
        ("2026-01-02T24:00:00Z", "there is no such time of day as 24:00:00"),
        ("2026-01-02T03:60:00Z", "there is no such time of day as 03:60:00"),
        ("2026-01-02T03:04:61Z", "there is no such time of day as 03:04:61"),
        ("2026-01-02T03:04:60Z", "second 60 exists only as a leap second"),
        ("2026-01-02T03:04:05+24:00", "there is no such offset as +24:00"),
        ("2026-01-02T03:04:05-01:60", "there is no such offset as -01:60"),
        ("0001-01-01T00:00:00+01:00", "lies outside the years 0001 to 9999"),
        ("9999-12-31T23:59:59.9995Z", "lies outside the years 0001 to 9999"),
    ],
)
def test_refused(text: str, sentence: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_instant(text)
    assert sentence in str(caught.value)
    assert repr(text) in str(caught.value)


@given(st.integers(EARLIEST_MS, LATEST_MS))
def test_format_agrees_with_the_standard_library_and_comes_back(at: int) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)
    expected = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert format_instant(at) == expected
    assert parse_instant(expected) == at


@pytest.mark.parametrize("at", [EARLIEST_MS - 1, LATEST_MS + 1, 2**62, -(2**62), 2**80])
def test_format_refuses_what_cannot_be_written(at: int) -> None:
    with pytest.raises(ValueError, match=f"{at} ms lies outside the years 0001 to 9999"):
        format_instant(at)


def test_tables_stay_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instants, "_TABLE_LIMIT", 10)
    for day in range(50):
        at = AT + day * 86_400_000
        assert parse_instant(format_instant(at)) == at
    assert len(instants._text_of_day) <= 10
    assert len(instants._day_of_text) <= 10
