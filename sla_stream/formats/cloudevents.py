"""CloudEvents 1.0 around a ticket event: structured (one JSON document) and binary (`ce_*` record headers).

`id`, `subject` and `time` stand in for `event_id`, `ticket_id` and `occurred_at` where the data has none.
Other context attributes and extensions are allowed and ignored. Only JSON data can be read.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import orjson
from msgspec import UNSET

from sla_stream.errors import InvalidRecord
from sla_stream.formats.wire import WireEvent
from sla_stream.formats.wire_errors import not_json, wrong

Headers = Sequence[tuple[str, bytes]]
STRUCTURED: Final = "application/cloudevents+json"
_FILLS: Final = (("event_id", "id"), ("ticket_id", "subject"), ("occurred_at", "time"))


class CloudEvent(msgspec.Struct):
    """The context attributes we use, as found, and the data as JSON bytes."""

    data: bytes
    context: dict[str, Any]

    def fill(self, wire: WireEvent) -> None:
        """Give the ticket event what its data left out. Raises InvalidRecord (`schema`)."""
        for field, attribute in _FILLS:
            value = self.context.get(attribute)
            if getattr(wire, field) is not UNSET or value is None:
                continue
            if not isinstance(value, str) or (field != "occurred_at" and not 1 <= len(value) <= 200):
                raise wrong(attribute, value, f"what {field} may hold (text of 1 to 200 characters)")
            setattr(wire, field, value)


def unwrap(value: bytes, headers: Headers) -> CloudEvent | None:
    """The CloudEvent that the record's headers announce, or None. Raises InvalidRecord (`json`, `schema`)."""
    found = dict(headers)
    media = _media_type(found.get("content-type", b""))
    if media == STRUCTURED:
        return open_structured(_load(value))
    if media.startswith("application/cloudevents"):
        raise wrong("content-type", media, STRUCTURED)
    if "ce_specversion" not in found:
        return None
    context = {name[3:]: _text(name, text) for name, text in found.items() if name.startswith("ce_")}
    _check(context.get("specversion"), media)
    return CloudEvent(value, context)


def open_structured(document: Any) -> CloudEvent:
    """The CloudEvent in a decoded JSON document. Raises InvalidRecord (`schema`)."""
    if not isinstance(document, dict):
        raise InvalidRecord("schema", "found no object; expected a CloudEvent")
    media = document.get("datacontenttype")
    _check(document.get("specversion"), media if isinstance(media, str) else "")
    if "data" in document:
        try:
            data = orjson.dumps(document["data"])
        except TypeError:  # what orjson says of more than 254 levels
            raise InvalidRecord("schema", "data: nested too deeply; expected the ticket event") from None
        return CloudEvent(data, document)
    if "data_base64" in document:
        return CloudEvent(_from_base64(document["data_base64"]), document)
    raise InvalidRecord("schema", "data: missing; expected the ticket event")


def looks_structured(document: Any) -> bool:
    """A CloudEvent without the header that says so, as in a file."""
    return isinstance(document, dict) and "specversion" in document and "kind" not in document


def _check(specversion: Any, media: str) -> None:
    if not isinstance(specversion, str) or not specversion.startswith("1."):
        raise wrong("specversion", specversion, "1.0")
    kind = _media_type(media.encode())
    if kind and kind not in ("application/json", "text/json") and not kind.endswith("+json"):
        raise wrong("datacontenttype", media, "application/json")


def _media_type(value: bytes) -> str:
    return value.decode("latin-1").partition(";")[0].strip().lower()


def _text(name: str, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise InvalidRecord("schema", f"header {name}: found bytes that are no UTF-8; expected text") from None


def _from_base64(value: Any) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise InvalidRecord("schema", "data_base64: expected Base64 text") from None


def _load(value: bytes) -> Any:
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise not_json(error) from None
