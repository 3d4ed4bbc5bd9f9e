"""Avro and Protobuf values as JSON, and every kind of bytes that are no such value."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import fastavro
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla_stream.errors import InvalidRecord
from sla_stream.ingest.avro import AvroDecoder
from sla_stream.ingest.protobuf import ProtobufDecoder
from sla_stream.ingest.registry import Registered
from tests.proto_messages import PEOPLE, TICKETS, message_class

EVERYTHING: dict[str, Any] = {
    "type": "record",
    "name": "Everything",
    "fields": [
        {"name": "text", "type": "string"},
        {"name": "bytes", "type": "bytes"},
        {"name": "instant", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "local", "type": {"type": "long", "logicalType": "local-timestamp-micros"}},
        {"name": "day", "type": {"type": "int", "logicalType": "date"}},
        {"name": "clock", "type": {"type": "int", "logicalType": "time-millis"}},
        {"name": "money", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
        {"name": "id", "type": {"type": "string", "logicalType": "uuid"}},
        {"name": "either", "type": ["null", "long", {"type": "map", "values": "double"}]},
        {"name": "many", "type": {"type": "array", "items": "boolean"}},
    ],
}
VALUE: dict[str, Any] = {
    "text": "Grüße",
    "bytes": b"\0\xff",
    "instant": datetime(2026, 3, 2, 9, 0, 0, 123_000, tzinfo=UTC),
    "local": datetime(2026, 3, 2, 9, 0, 0, 1),
    "day": date(2026, 3, 2),
    "clock": time(9, 30),
    "money": Decimal("1234567.80"),
    "id": UUID("89791762-2336-4186-9674-299b90a802e2"),
    "either": {"a": 1.5, "nan": float("nan")},
    "many": [True, False],
}


def written(schema: Any, value: Any) -> bytes:
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema(schema), value)
    return stream.getvalue()


def test_every_avro_type_as_json() -> None:
    decoder = AvroDecoder(Registered("AVRO", json.dumps(EVERYTHING)))
    assert orjson.loads(decoder.decode(written(EVERYTHING, VALUE), ())) == {
        "text": "Grüße",
        "bytes": "AP8=",
        "instant": "2026-03-02T09:00:00.123000+00:00",
        "local": "2026-03-02T09:00:00.000001",
        "day": "2026-03-02",
        "clock": "09:30:00",
        "money": "1234567.80",
        "id": "89791762-2336-4186-9674-299b90a802e2",
        "either": {"a": 1.5, "nan": None},
        "many": [True, False],
    }


def test_avro_schemas_that_refer_to_others() -> None:
    inner = {"type": "record", "name": "a.Inner", "fields": [{"name": "n", "type": "int"}]}
    outer = {"type": "array", "items": "a.Inner"}
    decoder = AvroDecoder(Registered("AVRO", json.dumps(outer), {"a.Inner": json.dumps(inner)}))
    payload = written({"type": "array", "items": inner}, [{"n": 1}, {"n": 2}])
    assert decoder.decode(payload, ()) == b'[{"n":1},{"n":2}]'
    with pytest.raises(InvalidRecord, match=r"it is no Avro schema: .*Inner"):
        AvroDecoder(Registered("AVRO", json.dumps(outer)))


@pytest.mark.parametrize("text", ["", "{", "3", '{"type": "record"}', '{"type": "nothing"}', "[" * 5_000])
def test_what_is_no_avro_schema(text: str) -> None:
    with pytest.raises(InvalidRecord, match="it is no Avro schema: "):
        AvroDecoder(Registered("AVRO", text))


_EVERYTHING = AvroDecoder(Registered("AVRO", json.dumps(EVERYTHING)))
_BYTES = written(EVERYTHING, VALUE)


@given(st.data())
def test_damaged_avro_is_refused_or_read(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(_BYTES)))
    payload = _BYTES[:start] + data.draw(st.binary(max_size=8)) + _BYTES[data.draw(st.integers(start, len(_BYTES))) :]
    try:
        orjson.loads(_EVERYTHING.decode(payload, ()))
    except InvalidRecord as refused:
        assert refused.detail.startswith("not a value of it: ")


def proto(text: str = TICKETS, **references: str) -> Registered:
    return Registered("PROTOBUF", text, references or {"crm/people.proto": PEOPLE})


async def test_protobuf_as_its_own_json() -> None:
    decoder = await ProtobufDecoder.make(proto())
    ticket = message_class("crm.Outer.Ticket")(id=2**62, what=2)
    ticket.at.seconds = 1_772_442_000
    found = orjson.loads(decoder.decode(ticket.SerializeToString(), (1, 1)))
    assert found == {"id": str(2**62), "what": "CLOSED", "at": "2026-03-02T09:00:00Z"}
    assert decoder.decode(b"\n\2hi", (0,)) == b'{"text":"hi"}'
    for indexes in ((9,), (1, 5), (-1,), (0, 0)):
        with pytest.raises(InvalidRecord, match="it has no message at"):
            decoder.decode(b"", indexes)


async def test_damaged_protobuf_is_refused_or_read() -> None:
    decoder = await ProtobufDecoder.make(proto())
    ticket = message_class("crm.Outer.Ticket")(id=7, what=2, prio="high").SerializeToString()
    for cut in range(len(ticket)):
        for damaged in (ticket[:cut], ticket[:cut] + b"\xff" + ticket[cut + 1 :], ticket + ticket[cut:]):
            try:
                orjson.loads(decoder.decode(damaged, (1, 1)))
            except InvalidRecord as refused:
                assert refused.detail.startswith("not a crm.Outer.Ticket of it: ")


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        (proto("message {"), "it is no Protobuf schema: "),
        (Registered("PROTOBUF", TICKETS), "it is no Protobuf schema: "),
        (proto(**{"../../outside.proto": PEOPLE}), "it imports '../../outside.proto'; expected a relative name"),
        (proto(**{"/etc/outside.proto": PEOPLE}), "it imports '/etc/outside.proto'; expected a relative name"),
    ],
)
async def test_what_is_no_protobuf_schema(schema: Registered, text: str) -> None:
    with pytest.raises(InvalidRecord) as caught:
        await ProtobufDecoder.make(schema)
    assert caught.value.detail.startswith(text)
