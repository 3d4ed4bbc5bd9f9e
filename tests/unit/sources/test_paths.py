"""Paths into records."""

from __future__ import annotations

from typing import Any

import pytest

from sla_stream.errors import InvalidRecord
from sla_stream.sources.paths import compile_path, parse_path
from sla_stream.sources.scope import MISSING, Scope

BODY = {
    "a": {"b": {"c": {"d": {"e": 5}}, "list": [{"n": 1}, {"n": None}, {"m": 3}, "x"]}, "null": None, "text": "abc"},
    "with.dot": {"and space": 7},
    "with-dash_9$": 8,
}


def read(text: str, body: Any = BODY, **rest: Any) -> Any:
    return compile_path(parse_path(text))(Scope(body, b"{}", **rest))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a.b.c.d.e", 5),
        ("a.b.c.d", {"e": 5}),
        ("a.text", "abc"),
        ("a.null", None),
        ("a.null.further.down", None),
        ("a.nothing", MISSING),
        ("a.nothing.further", MISSING),
        ("a.text.further", MISSING),
        ("a.b.list.n", MISSING),
        ("a.b.list[0].n", 1),
        ("a.b.list[-1]", "x"),
        ("a.b.list[4]", MISSING),
        ("a.b.list[-5]", MISSING),
        ("a.b.list[].n", [1]),
        ("a.b[].n", MISSING),
        ("a.text[0]", MISSING),
        ('"with.dot"."and space"', 7),
        ("with-dash_9$", 8),
    ],
)
def test_what_lies_at_the_end_of_a_path(path: str, value: Any) -> None:
    assert read(path) == value


@pytest.mark.parametrize("body", [None, 1, "text", [], [1]])
def test_a_body_that_is_no_object_fails_no_path(body: Any) -> None:
    for path in ("a", "a.b", "a.b.c", "a.b.c.d", "a.b.c.d.e", "a[0]", "a[].b"):
        assert read(path, body) in (MISSING, None)


def test_headers_by_name_in_any_case_and_the_first_of_several() -> None:
    headers = [("X-Id", b"one"), ("x-id", b"two"), ("bad", b"\xff")]
    assert read("header:x-ID", headers=headers) == "one"
    assert read("header:none", headers=headers) is MISSING
    with pytest.raises(InvalidRecord, match="header bad: found bytes that are no UTF-8"):
        read("header:bad", headers=headers)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (None, MISSING),
        (b"T-1", "T-1"),
        (b'"T-1"', "T-1"),
        (b'{"id":7}', 7),
        (b'{"schema":{},"payload":{"id":7}}', 7),
        (b'{"schema":{},"payload":"T-1"}', "T-1"),
        (b'{"a":1,"b":2}', MISSING),
        (b"{broken", "{broken"),
    ],
)
def test_record_key_also_as_connect_writes_it(key: bytes | None, value: Any) -> None:
    assert read("@key", key=key) == value


def test_recorded_at_and_attributes_of_a_cloudevent() -> None:
    assert read("@recorded_at", recorded_at=5) == 5
    assert read("@recorded_at") is MISSING
    assert read("ce:Type", context={"type": "t"}) == "t"
    assert read("ce:type") is MISSING


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("", "is not a path"),
        ("a..b", "is not a path"),
        (".a", "is not a path"),
        ("a.", "is not a path"),
        ("a[x]", "is not a path"),
        ("a b", "is not a path"),
        ("a[99999999999]", "is not a path"),
        (".".join("a" * 21), "1 to 20 steps"),
        ("header:", "names no header"),
        ("@topic", "expected @key"),
        ("$", "names no value of `let`"),
    ],
)
def test_what_is_no_path(path: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        parse_path(path)
