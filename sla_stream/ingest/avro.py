"""Avro values as JSON, so that a mapping reads them like everything else.

Instants become RFC 3339 text (without a zone where the schema says local), dates and times text, decimals text that
loses nothing, bytes Base64. Unions are the value alone.
"""

from __future__ import annotations

import base64
import io
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import fastavro
import orjson
from fastavro.schema import SchemaParseException

from sla_stream.errors import InvalidRecord
from sla_stream.ingest.registry import Registered

_WHOLE: Final = "sla_stream_whole_value"


class AvroDecoder:
    """Decodes values of one schema. Raises InvalidRecord (`schema`) when the schema makes no sense."""

    def __init__(self, schema: Registered) -> None:
        named: dict[str, Any] = {}
        try:
            for text in schema.references.values():
                fastavro.parse_schema(orjson.loads(text), named)
            # A record of one field takes no bytes of its own, and only records take what was parsed before along.
            whole = {"type": "record", "name": _WHOLE, "fields": [{"name": "value", "type": orjson.loads(schema.text)}]}
            self._schema = fastavro.parse_schema(whole, named)
        except (SchemaParseException, orjson.JSONDecodeError, KeyError, TypeError, ValueError, RecursionError) as error:
            raise InvalidRecord("schema", f"it is no Avro schema: {error or type(error).__name__}") from None

    def decode(self, payload: bytes, indexes: tuple[int, ...]) -> bytes:
        """JSON. Raises InvalidRecord (`schema`) for bytes that are no such value."""
        stream = io.BytesIO(payload)
        try:
            value = fastavro.schemaless_reader(stream, self._schema, None)
            document = orjson.dumps(value["value"], default=_plain)  # type: ignore[call-overload, index]
        except Exception as error:  # whatever fastavro meets in bytes that are something else
            raise InvalidRecord("schema", f"not a value of it: {error or type(error).__name__}") from None
        left = len(payload) - stream.tell()
        if left:
            raise InvalidRecord("schema", f"not a value of it: {left} bytes are left over")
        return document


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal | UUID):
        return str(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"a value of type {type(value).__name__}")
