"""Where a serializer puts the number of a value's schema: before the value, or into a header.

Before the value: 0 and four bytes of id, or 1 and sixteen bytes of GUID. In header `__value_schema_id`
(`__key_schema_id`): the same, and the value stands alone. Protobuf adds the place of the message in its file: a count
and as many indexes, zigzag varints, where a count of 0 means the first message.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sla_stream.errors import InvalidRecord
from sla_stream.sources.scope import Headers

HEADER: Final = {"value": "__value_schema_id", "key": "__key_schema_id"}
_MOST_INDEXES: Final = 32
_LONGEST_VARINT: Final = 5


@dataclass(frozen=True, slots=True)
class SchemaRef:
    """A schema of the registry, by id (a number) or by GUID (text)."""

    name: int | str

    @property
    def path(self) -> str:
        """Where the registry has it."""
        return f"schemas/ids/{self.name}" if isinstance(self.name, int) else f"schemas/guids/{self.name}"

    def __str__(self) -> str:
        return f"schema {self.name}"


@dataclass(frozen=True, slots=True)
class Framed:
    """A value, and what was said about its schema. `indexes`: the place of a Protobuf message, else empty."""

    ref: SchemaRef
    payload: bytes
    indexes: tuple[int, ...] = ()


def unframe(part: str, value: bytes, headers: Headers, indexed: bool) -> Framed:
    """Take a record's `part` ("value" or "key") apart; `indexed`: it is Protobuf.

    Raises InvalidRecord (`schema`) if there is no schema's number.
    """
    name = HEADER[part]
    header = next((found for key, found in headers if key == name), None)
    if header is not None:
        ref, size = _ref(part, header, f"header {name}")
        indexes, _ = _indexes(part, header, size) if indexed else ((), 0)
        return Framed(ref, value, indexes)
    ref, size = _ref(part, value, "its first bytes")
    indexes, size = _indexes(part, value, size) if indexed else ((), size)
    return Framed(ref, value[size:], indexes)


def _ref(part: str, data: bytes, where: str) -> tuple[SchemaRef, int]:
    if len(data) >= 5 and data[0] == 0:
        return SchemaRef(int.from_bytes(data[1:5], "big")), 5
    if len(data) >= 17 and data[0] == 1:
        return SchemaRef(str(UUID(bytes=data[1:17]))), 17
    found = data[:5].hex() or "nothing"
    raise InvalidRecord(
        "schema", f"{part}: {where}: found {found}; expected 00 and four bytes of a schema's id, or 01 and its GUID"
    )


def _indexes(part: str, data: bytes, start: int) -> tuple[tuple[int, ...], int]:
    """The indexes from `start`, and where they end."""
    count, at = _varint(part, data, start)
    if not 0 <= count <= _MOST_INDEXES:
        raise InvalidRecord("schema", f"{part}: found {count} message indexes; expected at most {_MOST_INDEXES}")
    found = []
    for _ in range(count):
        index, at = _varint(part, data, at)
        found.append(index)
    return tuple(found) or (0,), at


def _varint(part: str, data: bytes, at: int) -> tuple[int, int]:
    number = 0
    for place, byte in enumerate(data[at : at + _LONGEST_VARINT]):
        number |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return (number >> 1) ^ -(number & 1), at + place + 1
    raise InvalidRecord("schema", f"{part}: the message indexes after the schema's number end too soon")
