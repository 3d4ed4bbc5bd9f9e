"""One SLA event as one line for a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import orjson

STYLES: Final = {
    "warning": "yellow",
    "breach": "bold red",
    "escalation": "magenta",
    "met": "green",
    "missed": "red",
    "cancelled": "dim",
    "retraction": "cyan",
}


@dataclass(frozen=True, slots=True)
class Line:
    """`kind` is the middle of the event's type (`breach`); `style` a key of STYLES."""

    kind: str
    style: str
    text: str


def line(value: bytes) -> Line:
    """The line for an SLA event v1 as it stands in its topic."""
    event: dict[str, Any] = orjson.loads(value)
    data: dict[str, Any] = event["data"]
    kind = event["type"].split(".")[1]
    what, rest = _words(kind, data)
    columns = f"{short_instant(data['at'])}  {kind:<10}  {data['ticket_id']}  {data['metric']:<14}  {what:<9}"
    style = data["outcome"] if kind == "outcome" else kind
    return Line(kind, style if style in STYLES else kind, f"{columns}  {rest}".rstrip())


def _words(kind: str, data: dict[str, Any]) -> tuple[str, str]:
    ticket = data["ticket"]
    who = " · ".join(str(ticket[one]) for one in ("priority", "group", "assignee") if ticket.get(one))
    if kind == "warning":
        left = duration(data["remaining_s"])
        return data["threshold"], f"{left} left, due {short_instant(data['due_at'])} · {who}"
    if kind == "breach":
        return "", f"target {duration(data['target_s'])} passed · {who}"
    if kind == "escalation":
        return data["threshold"], f"due since {short_instant(data['due_at'])} · {who}"
    if kind == "outcome":
        return data["outcome"], f"used {duration(data['elapsed_s'])} of {duration(data['target_s'])}"
    withdrawn = data["outcome"] or data["threshold"] or "breach"
    return withdrawn, f"withdrawn: {data['reason'] or 'no longer holds'}"


def short_instant(text: str | None) -> str:
    """`2016-02-29T01:16:00.000Z` as `2016-02-29 01:16`; `-` for none."""
    return "-" if text is None else f"{text[:10]} {text[11:16]}"


def duration(seconds: float) -> str:
    """The two largest units: `3h20m`, `45m`, `12s`, `-1h05m`."""
    sign, whole = "-" if seconds < 0 else "", abs(round(seconds))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{sign}{hours}h{minutes:02}m" if minutes else f"{sign}{hours}h"
    if minutes:
        return f"{sign}{minutes}m{rest:02}s" if rest else f"{sign}{minutes}m"
    return f"{sign}{rest}s"
