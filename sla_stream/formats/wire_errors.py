"""What is wrong with a record that is no ticket event, as one sentence: field, finding, expectation."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from typing import Any, Final, get_args

import orjson

from sla_stream.errors import InvalidRecord
from sla_stream.formats.wire import Actor, Kind, Status

_PATH: Final = re.compile(r"`\$\.(\w+)|required field `(\w+)`")
_CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "kind": get_args(Kind),
    "status": get_args(Status),
    "actor": get_args(Actor),
}
_EXPECTED: Final = {
    "event_id": "text of 1 to 200 characters",
    "ticket_id": "text of 1 to 200 characters",
    "merged_into": "text of 1 to 200 characters",
    "occurred_at": "an instant (RFC 3339 with a zone), as text",
    "due_at": "an instant (RFC 3339 with a zone), as text, or null",
    "created_at": "an instant (RFC 3339 with a zone), as text, or null",
    "sequence": "a whole number of at most 64 bits",
    "public": "true or false",
    "tags": "an array of text, or null",
    "custom": "an object of scalars (text, number, true, false, null)",
}


def not_json(reason: object) -> InvalidRecord:
    """The value is no JSON text."""
    return InvalidRecord("json", f"not JSON: {reason}")


def wrong(field: str, found: Any, expected: str) -> InvalidRecord:
    """The value is JSON, but `field` is not what it has to be."""
    return InvalidRecord("schema", f"{field}: found {shown(found)}; expected {expected}")


def explain(tree: Any, message: str) -> InvalidRecord:
    """The error for a decoded JSON value that the typed decoder refused with `message`."""
    if not isinstance(tree, dict):
        return InvalidRecord("schema", f"found {shown(tree)}; expected one JSON object")
    match = _PATH.search(message)
    field = (match.group(1) or match.group(2)) if match else None
    if field is None:
        return InvalidRecord("schema", message)
    if field not in tree:
        return InvalidRecord("schema", f"{field}: missing; expected {_expectation(field)}")
    found = tree[field]
    narrow = _NARROW.get(field)
    path, found = narrow(found) if narrow else (field, found)
    return InvalidRecord("schema", f"{path}: found {shown(found)}; expected {_expectation(field)}{_hint(field, found)}")


def shown(value: Any) -> str:
    """A JSON value as an error shows it: short scalars as written, anything else by what it is."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "an array"
    text = orjson.dumps(value).decode()
    return text if len(text) <= 60 else f"{text[:50]}... ({len(text)} characters)"


def _expectation(field: str) -> str:
    if field in _CHOICES:
        return f"one of {', '.join(_CHOICES[field])}"
    return _EXPECTED.get(field, "text or null")


def _hint(field: str, found: Any) -> str:
    if field not in _CHOICES or not isinstance(found, str):
        return ""
    near = difflib.get_close_matches(found.lower(), _CHOICES[field], n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def _bad_tag(found: Any) -> tuple[str, Any]:
    if isinstance(found, list):
        for index, tag in enumerate(found):
            if not isinstance(tag, str):
                return f"tags[{index}]", tag
    return "tags", found


def _bad_custom(found: Any) -> tuple[str, Any]:
    if isinstance(found, dict):
        for name, value in found.items():
            large = isinstance(value, int) and not -(2**63) <= value < 2**63
            if name == "" or large or isinstance(value, dict | list):
                return f"custom.{name}", value
    return "custom", found


_NARROW: Final[dict[str, Callable[[Any], tuple[str, Any]]]] = {"tags": _bad_tag, "custom": _bad_custom}
