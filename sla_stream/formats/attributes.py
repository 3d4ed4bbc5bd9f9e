"""A ticket's attributes as the outside sees them: set ones only, keys sorted, `custom.NAME` under `custom`."""

from __future__ import annotations

from typing import Any, Final

import orjson

from sla_stream.core.events import TEXT_ATTRIBUTES
from sla_stream.formats.instants import format_instant

_SIMPLE: Final = frozenset(("status", *TEXT_ATTRIBUTES, "tags"))
_CUSTOM: Final = "custom."


def ticket_json(attributes: dict[str, Any]) -> str:
    """The `ticket` object of SLA events and timer records; `due_at` as text, without `url`."""
    simple = _SIMPLE.issuperset(attributes) and None not in attributes.values()
    shown = attributes if simple else _ticket_object(attributes)
    return orjson.dumps(shown, option=orjson.OPT_SORT_KEYS).decode()


def _ticket_object(attributes: dict[str, Any]) -> dict[str, Any]:
    found = {name: value for name, value in attributes.items() if name in _SIMPLE and value is not None}
    if attributes.get("due_at") is not None:
        found["due_at"] = format_instant(attributes["due_at"])
    custom = {
        name.removeprefix(_CUSTOM): value
        for name, value in attributes.items()
        if name.startswith(_CUSTOM) and value is not None
    }
    if custom:
        found["custom"] = custom
    return found
