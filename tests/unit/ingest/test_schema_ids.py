"""Where a schema's number stands, in every form a serializer may write it."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla_stream.errors import InvalidRecord
from sla_stream.ingest.schema_ids import SchemaRef, unframe

GUID = uuid.UUID("89791762-2336-4186-9674-299b90a802e2")


def zigzag(*numbers: int) -> bytes:
    written = bytearray()
    for number in numbers:
        number = (number << 1) ^ (number >> 63)
        while number > 0x7F:
            written.append(number & 0x7F | 0x80)
            number >>= 7
        written.append(number)
    return bytes(written)


def test_before_the_value() -> None:
    framed = unframe("value", b"\0\0\0\1\2rest", (), indexed=False)
    assert (framed.ref, framed.payload, framed.indexes) == (SchemaRef(258), b"rest", ())
    assert (framed.ref.path, str(framed.ref)) == ("schemas/ids/258", "schema 258")
    framed = unframe("value", b"\1" + GUID.bytes + b"rest", (), indexed=False)
    assert (framed.ref.path, framed.payload) == (f"schemas/guids/{GUID}", b"rest")


def test_in_a_header_the_value_is_whole() -> None:
    headers = [("other", b""), ("__value_schema_id", b"\1" + GUID.bytes), ("__key_schema_id", b"\0\0\0\0\7")]
    value = b"\0\0\0\0\1 looks like a prefix"
    framed = unframe("value", value, headers, indexed=False)
    assert (framed.ref, framed.payload) == (SchemaRef(str(GUID)), value)
    assert unframe("key", value, headers, indexed=False).ref == SchemaRef(7)


@pytest.mark.parametrize("indexes", [(0,), (1,), (2, 0), (1, 3, 300)])
def test_places_of_protobuf_messages(indexes: tuple[int, ...]) -> None:
    written = zigzag(len(indexes), *indexes)
    framed = unframe("value", b"\0\0\0\0\1" + written + b"rest", (), indexed=True)
    assert (framed.indexes, framed.payload) == (indexes, b"rest")
    headers = [("__value_schema_id", b"\1" + GUID.bytes + written)]
    framed = unframe("value", b"rest", headers, indexed=True)
    assert (framed.indexes, framed.payload) == (indexes, b"rest")


def test_a_count_of_nought_is_the_first_message() -> None:
    framed = unframe("value", b"\0\0\0\0\1\0rest", (), indexed=True)
    assert (framed.indexes, framed.payload) == ((0,), b"rest")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"", "value: its first bytes: found nothing; expected 00 and four bytes of a schema's id, or 01 and its GUID"),
        (b'{"a":', "value: its first bytes: found 7b2261223a; expected"),
        (b"\0\0\0\1", "value: its first bytes: found 00000001; expected"),
        (b"\1" + GUID.bytes[:15], "value: its first bytes: found 0189791762; expected"),
        (b"\0\0\0\0\1", "value: the message indexes after the schema's number end too soon"),
        (b"\0\0\0\0\1\xff\xff\xff\xff\xff\xff", "value: the message indexes after the schema's number end too soon"),
        (b"\0\0\0\0\1" + zigzag(1_000_000), "value: found 1000000 message indexes; expected at most 32"),
        (b"\0\0\0\0\1" + zigzag(-1), "value: found -1 message indexes; expected at most 32"),
    ],
)
def test_what_is_no_frame(value: bytes, text: str) -> None:
    with pytest.raises(InvalidRecord) as caught:
        unframe("value", value, (), indexed=True)
    assert caught.value.reason == "schema" and caught.value.detail.startswith(text)


@given(st.binary(max_size=60), st.lists(st.tuples(st.just("__value_schema_id"), st.binary(max_size=30)), max_size=1))
def test_no_bytes_do_harm(value: bytes, headers: list[tuple[str, bytes]]) -> None:
    for indexed in (False, True):
        try:
            unframe("value", value, headers, indexed)
        except InvalidRecord as refused:
            assert refused.reason == "schema"
