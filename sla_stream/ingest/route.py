"""From a source record to ticket events: which mapping, which form of value; no I/O, no state."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from typing import Any, Final

from sla_stream.errors import InvalidRecord
from sla_stream.formats.codec import MAX_VALUE_BYTES
from sla_stream.formats.wire_errors import shown
from sla_stream.ingest.schemas import Form, Schemas
from sla_stream.sources import Mapping
from sla_stream.sources.generating import Keyed
from sla_stream.sources.scope import Headers

_REGISTRY_MARKS: Final = (b"\0", b"\1")


@dataclass(frozen=True, slots=True)
class Chosen:
    """One mapping for all records of a topic."""

    mapping: Mapping

    def of(self, headers: Headers) -> Mapping:
        return self.mapping


@dataclass(frozen=True, slots=True)
class ByHeader:
    """A header's value names the mapping; `otherwise` is for records without it, or with another value."""

    header: str
    """In small letters."""
    mappings: MappingOf[str, Mapping]
    otherwise: Mapping | None

    def of(self, headers: Headers) -> Mapping:
        """Raises InvalidRecord (`schema`) when nothing fits."""
        value = next((found for name, found in headers if name.lower() == self.header), None)
        text = None if value is None else value.decode(errors="replace")
        mapping = self.otherwise if text is None else self.mappings.get(text, self.otherwise)
        if mapping is None:
            found = "nothing" if text is None else shown(text)
            known = ", ".join(self.mappings)
            raise InvalidRecord("schema", f"header {self.header}: found {found}; expected one of {known}")
        return mapping


@dataclass(frozen=True, slots=True)
class Route:
    """How the records of some topics are read. Forms None: as they are, JSON with or without a registry's prefix."""

    choice: Chosen | ByHeader
    value: Form | None = None
    key: Form | None = None
    skip_nulls: bool = False

    def events(self, record: Any, schemas: Schemas) -> Keyed:
        """Ticket ids and events. Raises InvalidRecord (`json`, `schema`, `too_large`) or SchemaNeeded."""
        value, headers, key = record.value, record.headers, record.key
        if value is None and self.skip_nulls:
            return []
        mapping = self.choice.of(headers)
        if self.value is not None and value is not None:
            value = schemas.decode(self.value, "value", value, headers)
        if self.key is not None and key is not None:
            key = schemas.decode(self.key, "key", key, headers)
        try:
            events = mapping.keyed(value, headers, key, record.timestamp)
        except InvalidRecord as error:
            if error.reason == "json" and self.value is None and value is not None and value[:1] in _REGISTRY_MARKS:
                hint = "; it begins like a registry's Avro or Protobuf: set `value` of the source"
                raise InvalidRecord("json", f"{error.detail}{hint}") from None
            raise
        for _, event in events:
            if len(event) > MAX_VALUE_BYTES:
                raise InvalidRecord(
                    "too_large", f"a ticket event of {len(event):,} bytes; expected at most {MAX_VALUE_BYTES:,}"
                )
        return events
