"""A first mapping file, guessed from one record: a start to correct, not a mapping to trust.

Each field's candidates are the places of the record whose name sounds right and whose value looks right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from sla_stream.core.events import STATUSES
from sla_stream.sources.coercions import any_time, as_text, instant
from sla_stream.sources.language import API_VERSION

_PLAIN: Final = re.compile(r"[A-Za-z0-9_$-]+", re.ASCII)
_MOST_DEPTH: Final = 6

_STATUS_WORDS: Final = {
    "new": "new", "open": "open", "opened": "open", "in progress": "open", "in_progress": "open", "active": "open",
    "working": "open", "assigned": "open", "reopened": "open", "pending": "pending", "waiting": "pending",
    "waiting for customer": "pending", "waiting_on_customer": "pending", "on hold": "on_hold", "on_hold": "on_hold",
    "hold": "on_hold", "blocked": "on_hold", "resolved": "resolved", "solved": "resolved", "done": "resolved",
    "completed": "resolved", "closed": "closed", "canceled": "closed", "cancelled": "closed",
}  # fmt: skip
_KIND_WORDS: Final = (
    ("creat", "created"), ("open", "created"), ("customer", "customer_replied"), ("agent", "agent_replied"),
    ("repl", "agent_replied"), ("note", "note_added"), ("resol", "resolved"), ("solv", "resolved"),
    ("clos", "closed"), ("delet", "deleted"), ("remov", "deleted"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Leaf:
    """A scalar of the record and where it stands."""

    path: str
    value: Any


Looks = Callable[[Any], bool]


def suggest(body: Any, name: str = "mine") -> str:
    """The text of a mapping file for records like `body`, a decoded JSON object; it loads, and maps this record."""
    leaves = list(_leaves(body, "", 0))
    found = _Guess(leaves)
    lines = [
        f"apiVersion: {API_VERSION}",
        f"mapping: {name}",
        "# Guessed from one record: check every line, then try `sla-stream map --explain` with more of them.",
        f"ticket_id: {found.ticket_id()}",
        f"event_id: {found.event_id()}",
        f"occurred_at: {found.time(_OCCURRED, fallback=True)}",
        *found.optional("created_at", found.time(_CREATED)),
        *found.kind(),
        "attributes:",
        *found.attributes(),
    ]
    return "\n".join(lines) + "\n"


_OCCURRED: Final = ("occurred_at", "updated_at", "updated", "timestamp", "time", "ts", "date", "modified", "at")
_CREATED: Final = ("created_at", "created", "opened_at", "create_time", "opened")
_TEXTS: Final = {
    "priority": ("priority", "prio", "severity", "urgency"),
    "type": ("type", "category", "issuetype"),
    "channel": ("channel", "source", "via"),
    "customer": ("customer", "company", "organization", "account", "client"),
    "group": ("group", "team", "queue"),
    "department": ("department",),
    "assignee": ("assignee", "assigned_to", "owner", "agent"),
    "url": ("url", "link", "html_url"),
}


class _Guess:
    """The best places for each field."""

    def __init__(self, leaves: list[Leaf]) -> None:
        self.leaves = leaves
        self.used: set[str] = set()

    def best(self, names: tuple[str, ...], looks: Looks) -> Leaf | None:
        """The leaf whose last keys fit the earliest of `names`, the shallowest of several."""
        ranked = [
            (rank, leaf.path.count("."), leaf)
            for leaf in self.leaves
            if leaf.path not in self.used and looks(leaf.value)
            for rank, name in enumerate(names)
            if _sounds(leaf.path, name)
        ]
        if not ranked:
            return None
        leaf = min(ranked, key=lambda entry: entry[:2])[2]
        self.used.add(leaf.path)
        return leaf

    def ticket_id(self) -> str:
        leaf = self.best(("ticket_id", "ticket.id", "issue.id", "case_id", "ticket", "issue", "number", "id"), _is_id)
        return _quoted(leaf.path) if leaf else '"@key"                # no id was found: is it the record\'s key?'

    def event_id(self) -> str:
        leaf = self.best(("event_id", "event.id", "delivery_id", "message_id", "uuid", "id"), _is_id)
        return (
            _quoted(leaf.path) if leaf else '{hash: "@body"}      # nothing names the event: equal records count once'
        )

    def time(self, names: tuple[str, ...], fallback: bool = False) -> str:
        leaf = self.best(names, _is_time)
        if leaf is not None:
            return f"{{path: {_quoted(leaf.path)}, as: any_time}}"
        return '{path: "@recorded_at", as: epoch_ms}   # no time with a zone was found: of receipt' if fallback else ""

    def optional(self, field: str, expression: str) -> list[str]:
        return [f"{field}: {expression}"] if expression else []

    def kind(self) -> list[str]:
        leaf = self.best(("kind", "event_type", "event", "action", "what", "type", "topic"), _is_word)
        if leaf is None:
            return ["kind: updated                 # a snapshot: the engine sees for itself what has changed"]
        word = as_text(leaf.value)
        kind = next((kind for part, kind in _KIND_WORDS if part in word.lower()), "updated")
        return [
            f"kind: {{path: {_quoted(leaf.path)}, map: {{{_quoted(word)}: {kind}}}}}   # add the other words it takes"
        ]

    def attributes(self) -> list[str]:
        lines = self._status()
        for field, names in _TEXTS.items():
            leaf = self.best(names, _is_word)
            if leaf is not None:
                lines.append(f"  {field}: {_quoted(leaf.path)}")
        return lines or ["  channel: {value: unknown}"]

    def _status(self) -> list[str]:
        leaf = self.best(("status", "state", "status.name", "stage"), _is_word)
        if leaf is None:
            return []
        word = as_text(leaf.value).lower()
        status = _STATUS_WORDS.get(word, "open")
        return [
            f"  status: {{path: {_quoted(leaf.path)}, as: lower, map: {{{_quoted(word)}: {status}}}}}"
            f"   # add the others; ours are {' '.join(STATUSES)}"
        ]


def _leaves(value: Any, path: str, depth: int) -> Iterator[Leaf]:
    if isinstance(value, dict) and depth < _MOST_DEPTH:
        for key, inner in value.items():
            step = key if _PLAIN.fullmatch(key) else f'"{key}"'
            if key and '"' not in key and key.isprintable():
                yield from _leaves(inner, f"{path}.{step}" if path else step, depth + 1)
    elif path and value is not None and not isinstance(value, dict | list):
        yield Leaf(path, value)


def _sounds(path: str, name: str) -> bool:
    small = path.lower().replace('"', "")
    if small == name or small.endswith(f".{name}"):
        return True
    plain = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", path).lower()
    return plain == name or plain.endswith((f".{name}", f".{name}.name", f".{name}.key")) or plain == f"{name}.name"


def _is_id(value: Any) -> bool:
    return (isinstance(value, str) and 1 <= len(value) <= 200) or (
        isinstance(value, int) and not isinstance(value, bool)
    )


def _is_word(value: Any) -> bool:
    word = as_text(value)
    return isinstance(value, str | int) and not isinstance(value, bool) and 0 < len(word) <= 200 and word.isprintable()


def _is_time(value: Any) -> bool:
    try:
        any_time(value)
    except ValueError:
        return False
    return not isinstance(value, bool) and (isinstance(value, int | float) or _has_zone(value))


def _has_zone(value: Any) -> bool:
    try:
        instant(value)
    except ValueError:
        return isinstance(value, str) and value.replace(".", "").isdigit()
    return True


def _quoted(text: str) -> str:
    """As a YAML scalar inside a flow."""
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", text, re.ASCII) and text.lower() not in ("null", "true", "false", "~"):
        return text
    return "'" + text.replace("'", "''") + "'"
