"""Decoders by schema: what was learnt from the registry, kept for as long as the process lives.

Decoding is at once or not at all: a schema that is not known yet raises `SchemaNeeded`, and whoever reads the topic
learns it and comes again. A schema never changes under its number; that there is none is believed for a minute.
"""

from __future__ import annotations

import asyncio
import importlib.util
import time
from typing import Final, Literal, Protocol

from sla_stream.errors import InvalidRecord, RetryableError, SlaStreamError
from sla_stream.ingest.registry import Registered, Registry, UnknownSchema
from sla_stream.ingest.schema_ids import SchemaRef, unframe
from sla_stream.sources.scope import Headers

Form = Literal["avro", "protobuf"]
FORMS: Final[tuple[Form, ...]] = ("avro", "protobuf")
LIBRARY: Final[dict[Form, str]] = {"avro": "fastavro", "protobuf": "grpc_tools"}
"""What each form needs; an extra of the same name installs it."""

_UNKNOWN_FOR_S: Final = 60.0
_MOST_UNKNOWN: Final = 1_000


class SchemaNeeded(SlaStreamError):
    """The record cannot be read before this schema was learnt."""

    def __init__(self, form: Form, ref: SchemaRef) -> None:
        super().__init__(f"{form} {ref} is not known yet")
        self.form: Form = form
        self.ref = ref


class Decoder(Protocol):
    """Values of one schema into JSON."""

    def decode(self, payload: bytes, indexes: tuple[int, ...]) -> bytes:
        """Raises InvalidRecord (`schema`)."""


def installed(form: Form) -> bool:
    """Whether the library for a form is here."""
    return importlib.util.find_spec(LIBRARY[form]) is not None


class Schemas:
    """Every schema met so far. `registry` None: no source needs one."""

    def __init__(self, registry: Registry | None) -> None:
        self._registry = registry
        self._known: dict[tuple[Form, SchemaRef], Decoder | InvalidRecord] = {}
        self._unknown: dict[tuple[Form, SchemaRef], tuple[float, InvalidRecord]] = {}
        self._learning = asyncio.Lock()

    def decode(self, form: Form, part: str, value: bytes, headers: Headers) -> bytes:
        """JSON of a record's `part` ("value" or "key"). Raises SchemaNeeded, or InvalidRecord (`schema`)."""
        framed = unframe(part, value, headers, indexed=form == "protobuf")
        decoder = self._known.get((form, framed.ref))
        if decoder is None:
            since, refusal = self._unknown.get((form, framed.ref), (0.0, None))
            if refusal is None or time.monotonic() - since > _UNKNOWN_FOR_S:
                raise SchemaNeeded(form, framed.ref)
            decoder = refusal
        try:
            if isinstance(decoder, InvalidRecord):
                raise decoder
            return decoder.decode(framed.payload, framed.indexes)
        except InvalidRecord as error:
            raise InvalidRecord("schema", f"{part}: {form} {framed.ref}: {error.detail}") from None

    async def learn(self, form: Form, ref: SchemaRef) -> None:
        """Ask the registry. Raises RetryableError, with a sentence, while it cannot be asked."""
        assert self._registry is not None, "sources that need a registry are refused without one"
        async with self._learning:
            if (form, ref) in self._known:
                return
            try:
                registered = await self._registry.fetch(ref)
            except UnknownSchema as error:
                self._remember_unknown(form, ref, f"the registry {self._registry.url} has no such schema: {error}")
                return
            self._known[form, ref] = await _decoder(form, registered)
            self._unknown.pop((form, ref), None)

    def _remember_unknown(self, form: Form, ref: SchemaRef, detail: str) -> None:
        if len(self._unknown) >= _MOST_UNKNOWN:
            self._unknown.clear()
        self._unknown[form, ref] = (time.monotonic(), InvalidRecord("schema", detail))


async def _decoder(form: Form, schema: Registered) -> Decoder | InvalidRecord:
    """A schema that makes no sense refuses every value of it."""
    if schema.type.lower() != form:
        return InvalidRecord("schema", f"it is registered as {schema.type}; expected {form.upper()}")
    try:
        if form == "avro":
            from sla_stream.ingest.avro import AvroDecoder

            return AvroDecoder(schema)
        from sla_stream.ingest.protobuf import ProtobufDecoder

        return await ProtobufDecoder.make(schema)
    except InvalidRecord as refusal:
        return refusal
    except (TimeoutError, OSError) as error:
        raise RetryableError(f"a {form} schema could not be prepared: {error or type(error).__name__}") from None
