"""What lies around a payload: the prefix of a schema registry, Connect's `{schema, payload}`, CloudEvents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import orjson

from sla_stream.errors import InvalidRecord
from sla_stream.formats.cloudevents import looks_structured, open_structured, unwrap
from sla_stream.formats.wire_errors import not_json
from sla_stream.sources.scope import Headers, Scope

_REGISTRY_PREFIXES: Final = {b"\0": 5, b"\1": 17}
_MOST_LAYERS: Final = 4

Opener = Callable[[bytes, Headers, bytes | None, int | None], Scope]
"""(value, headers, key, recorded_at) -> the scope. Raises InvalidRecord (`json`, `schema`)."""


def load(value: bytes) -> Any:
    """Decoded JSON. Raises InvalidRecord (`json`)."""
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise not_json(error) from None


def without_prefix(value: bytes) -> bytes:
    """JSON without what a registry's serializer puts before it: 0 and a number, or 1 and a UUID, of the schema."""
    size = _REGISTRY_PREFIXES.get(value[:1], 0)
    return value[size:] if size and value[size : size + 1] in (b"{", b"[") else value


def _plain(value: bytes, headers: Headers, key: bytes | None, recorded_at: int | None) -> Scope:
    return Scope(load(value), value, headers, key, recorded_at)


def _connect(value: bytes, headers: Headers, key: bytes | None, recorded_at: int | None) -> Scope:
    """Layers of `{"schema": ..., "payload": ...}` and of JSON inside a string, in any order."""
    body = load(value)
    for _ in range(_MOST_LAYERS):
        if isinstance(body, str):
            body = load(body.encode())
        elif isinstance(body, dict) and "payload" in body and body.keys() <= {"schema", "payload"}:
            body = body["payload"]
        else:
            return Scope(body, value, headers, key, recorded_at)
    raise InvalidRecord("schema", f"payload: wrapped more than {_MOST_LAYERS} times; expected an object")


def _cloudevents(value: bytes, headers: Headers, key: bytes | None, recorded_at: int | None) -> Scope:
    event = unwrap(value, headers)
    if event is None:
        document = load(value)
        if not looks_structured(document):
            raise InvalidRecord("schema", "specversion: missing; expected a CloudEvent, structured or with ce_ headers")
        event = open_structured(document)
    return Scope(load(event.data), event.data, headers, key, recorded_at, event.context)


OPENERS: Final[dict[str, Opener]] = {"none": _plain, "connect": _connect, "cloudevents": _cloudevents}
MAY_BE_EMPTY: Final = frozenset({"connect"})
"""In these, a record without a value is a tombstone: it follows a deletion and says nothing new."""
