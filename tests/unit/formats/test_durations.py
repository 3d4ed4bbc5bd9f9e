"""Durations as people write them."""

from __future__ import annotations

import pytest

from sla_stream.formats.durations import parse_duration, parse_setting_duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", 90_000),
        ("30m", 1_800_000),
        ("8h", 28_800_000),
        ("1h30m", 5_400_000),
        ("1h30m15s", 5_415_000),
        ("0s", 0),
        ("100h", 360_000_000),
    ],
)
def test_duration(text: str, expected: int) -> None:
    assert parse_duration(text) == parse_setting_duration(text) == expected


@pytest.mark.parametrize(("text", "expected"), [("50ms", 50), ("7d", 604_800_000), ("1d12h", 129_600_000)])
def test_setting_duration(text: str, expected: int) -> None:
    assert parse_setting_duration(text) == expected


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("1d", "'1d': 'd' and 'w' are refused, since a day could be 24 hours"),
        ("2w", "'2w': 'd' and 'w' are refused"),
        ("30", "'30' has no unit: expected a duration such as 90s, 30m, 8h or 1h30m"),
        ("-1.5", "'-1.5' has no unit"),
        ("1.5h", "'1.5h' is not a duration"),
        ("", "'' is not a duration"),
        ("-8h", "'-8h' is not a duration"),
        ("8 h", "'8 h' is not a duration"),
        ("٣h", "'٣h' is not a duration"),
        ("8H", "'8H': units are written in small letters: 'h', not 'H'"),
        ("30m1h", "'30m1h': write each unit once, the largest first"),
        ("1h1h", "'1h1h': write each unit once"),
        ("5ms", "'5ms': unknown unit 'ms'"),
        ("2bd", "'2bd': business days stand only alone"),
        ("999999999h", "'999999999h' is longer than a hundred years"),
        ("9" * 5000 + "h", "is not a duration"),
    ],
)
def test_refused_duration(text: str, sentence: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_duration(text)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("10", "'10' has no unit: expected a duration such as 50ms, 10s, 5m, 2h or 7d"),
        ("1w", "'1w': 'w' is not a unit here: write days, as in 7d"),
        ("50MS", "'50MS': units are written in small letters: 'ms', not 'MS'"),
        ("5y", "'5y': unknown unit 'y'"),
        ("2bd", "'2bd': business days stand only alone"),
    ],
)
def test_refused_setting_duration(text: str, sentence: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_setting_duration(text)
    assert sentence in str(caught.value)
