"""From an accepted request to a record: the body as it came, and headers that say where it came from.

| record header | what it holds |
| --- | --- |
| `x-source` | the hook's name: ingest routes by it |
| `x-mapping` | the mapping that the hook names |
| `x-delivery-id` | the vendor's id of the delivery, the same when it sends again; left out where nothing names it |
| `x-received-at` | when the request came, RFC 3339 |
| `content-type` | the request's |
| the vendor's own | those that mappings read (`x-github-delivery`, ...), in small letters |

Secrets and signatures stay behind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sla_stream.formats.instants import format_instant
from sla_stream.gateway.config import Hook

HEADER: Final = "header:"
_LONGEST_ID: Final = 1_000
_CLOUDEVENTS: Final = "ce-"

RecordHeaders = list[tuple[str, bytes]]


def text_at(place: str, headers: Mapping[str, str], payload: Any) -> str | None:
    """The text or whole number at `header:NAME` or at a path of keys; None for anything else."""
    if place.startswith(HEADER):
        return headers.get(place.removeprefix(HEADER)) or None
    found = payload
    for key in place.split("."):
        if not isinstance(found, dict):
            return None
        found = found.get(key)
    if isinstance(found, bool) or not isinstance(found, (str, int)):
        return None
    return str(found) or None


def first_text(places: Sequence[str], headers: Mapping[str, str], payload: Any) -> str | None:
    """Of the first place that holds something."""
    for place in places:
        if (text := text_at(place, headers, payload)) is not None:
            return text[:_LONGEST_ID]
    return None


def record_headers(hook: Hook, delivery: str | None, received_at: int, headers: Mapping[str, str]) -> RecordHeaders:
    """The headers of a record. `received_at` in ms."""
    made: RecordHeaders = [
        ("x-source", hook.name.encode()),
        ("x-received-at", format_instant(received_at).encode()),
        ("content-type", _bytes(headers.get("Content-Type", "application/json"))),
    ]
    if hook.mapping is not None:
        made.append(("x-mapping", hook.mapping.encode()))
    if delivery is not None:
        made.append(("x-delivery-id", _bytes(delivery)))
    made += [(name.lower(), _bytes(value)) for name in hook.keep if (value := headers.get(name)) is not None]
    if hook.cloudevents:
        made += [
            (f"ce_{name[len(_CLOUDEVENTS) :].lower()}", _bytes(value))
            for name, value in headers.items()
            if name.lower().startswith(_CLOUDEVENTS)
        ]
    return made


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
