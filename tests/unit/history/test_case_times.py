"""Instants and durations of case files: what is read is what is shown."""

from __future__ import annotations

from datetime import date

import pytest

from sla_stream.core.zones import load_zone
from sla_stream.formats.instants import parse_instant
from sla_stream.history.cases.times import Times, read_duration, show_duration

WEEK = Times(load_zone("Europe/Berlin"), date(2026, 1, 5))
DATES = Times(load_zone("Europe/Berlin"), None)


@pytest.mark.parametrize(
    ("text", "instant", "shown"),
    [
        ("Mon 09:00", "2026-01-05T08:00:00Z", "Mon 09:00"),
        ("Sun+1 23:59:59.001", "2026-01-18T22:59:59.001Z", "Sun+1 23:59:59.001"),
        ("Tue 09:00:00.5", "2026-01-06T08:00:00.500Z", "Tue 09:00:00.500"),
        ("2026-01-07 09:00:30", "2026-01-07T08:00:30Z", "Wed 09:00:30"),
        ("2026-01-05T00:00:00+01:00", "2026-01-04T23:00:00Z", "Mon 00:00"),
        ("2025-12-31 09:00", "2025-12-31T08:00:00Z", "2025-12-31 09:00"),
        ("2026-10-25T00:30:00Z", "2026-10-25T00:30:00Z", "Sun+41 02:30"),
        ("2026-10-25T01:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T01:30:00.000Z"),
    ],
)
def test_instants(text: str, instant: str, shown: str) -> None:
    at = WEEK.read(text)
    assert at == parse_instant(instant)
    assert WEEK.show(at) == shown
    assert WEEK.read(shown) == at
    assert DATES.read(DATES.show(at)) == at


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Mon 24:00", "there is no such time of day"),
        ("2026-02-30 09:00", "there is no such date as 2026-02-30"),
        ("2026-03-29 02:30", "does not exist in Europe/Berlin: the clocks jump over it"),
        ("Mo 09:00", "expected an instant such as"),
        ("2026-01-05T09:00", "is not an instant"),
    ],
)
def test_instants_that_are_none(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        WEEK.read(text)


def test_days_of_the_week_need_a_week() -> None:
    with pytest.raises(ValueError, match="names a day of the week; expected `week"):
        DATES.read("Mon 09:00")


@pytest.mark.parametrize("text", ["0s", "1h30m", "-10m", "45s", "1s500ms", "36h"])
def test_durations(text: str) -> None:
    assert show_duration(read_duration(text)) == text


@pytest.mark.parametrize("text", ["1d", "90", "", "-", "1 h"])
def test_durations_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        read_duration(text)
