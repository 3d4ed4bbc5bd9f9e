"""Makes `history.jsonl.xz` from the UCI incident log: `python -m sla_stream.demo.convert CSV[.xz] OUT`.

One row of the log (one saved change of one incident) becomes one ticket event; README.md beside this file is
the mapping in words. Only what was known when the row was saved is used: `resolved_at`, `closed_at`,
`closed_code` and their kind are an incident's last values repeated on each of its rows: they tell the future.
"""

from __future__ import annotations

import csv
import json
import lzma
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

Row = dict[str, str]
Event = dict[str, Any]

STATUS: Final = {
    "New": "new",
    "Active": "open",
    "Awaiting User Info": "pending",
    "Awaiting Vendor": "on_hold",
    "Awaiting Problem": "on_hold",
    "Awaiting Evidence": "on_hold",
    "Resolved": "resolved",
    "Closed": "closed",
}
"""The source's states in our terms. Its `-100` means "no state": the status stays what it was."""

ENDED: Final = ("resolved", "closed")
ATTRIBUTES: Final = {
    "priority": "priority",
    "contact_type": "channel",
    "caller_id": "customer",
    "category": "service",
    "assignment_group": "group",
    "assigned_to": "assignee",
}
MISSING: Final = "?"


class Incident:
    """One incident as the rows so far left it; turns each next row into an event."""

    def __init__(self) -> None:
        self._status: str | None = None
        self._sent: dict[str, str | None] = {}
        self._answered = False
        self._counts: dict[int, int] = defaultdict(int)

    def event(self, row: Row) -> Event:
        """The row as a ticket event with the attributes that it changes."""
        before, self._status = self._status, STATUS.get(row["incident_state"], self._status or "new")
        kind = self._kind(before, self._status)
        count = int(row["sys_mod_count"])
        event: Event = {
            "event_id": self._event_id(row["number"], count),
            "ticket_id": row["number"],
            "kind": kind,
            "occurred_at": instant(row["sys_updated_at"]),
            "sequence": count,
        }
        if self._status != before:
            event["status"] = self._status
        event.update(self._changes(row))
        return event

    def _kind(self, before: str | None, status: str) -> str:
        if before is None:
            return "created"
        if status != before:
            if status in ENDED:
                return status
            if before in ENDED and status == "open":
                return "reopened"
            if before == "pending" and status == "open":
                return "customer_replied"
        asks_customer = status == "pending" != before
        taken_up = not self._answered and status not in ("new", *ENDED) and before not in ENDED
        if asks_customer or taken_up:
            self._answered = True
            return "agent_replied"
        return "updated"

    def _event_id(self, number: str, count: int) -> str:
        """`NUMBER-COUNT`; the five incidents that use a count twice get a letter at the second."""
        self._counts[count] += 1
        seen = self._counts[count]
        return f"{number}-{count}" if seen == 1 else f"{number}-{count}{chr(ord('a') + seen - 1)}"

    def _changes(self, row: Row) -> Iterator[tuple[str, str | None]]:
        now: dict[str, str | None] = {"status_label": row["incident_state"]}
        for column, attribute in ATTRIBUTES.items():
            now[attribute] = None if row[column] == MISSING else row[column]
        for attribute, value in now.items():
            if value != self._sent.get(attribute):
                self._sent[attribute] = value
                yield attribute, value


def instant(text: str) -> str:
    """`29/2/2016 01:16`, which carries no zone and is read as UTC, in RFC 3339."""
    return datetime.strptime(text, "%d/%m/%Y %H:%M").strftime("%Y-%m-%dT%H:%M:00.000Z")


def convert(rows: Iterable[Row]) -> list[Event]:
    """All ticket events, in order of time, then sequence, then id."""
    by_incident: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_incident[row["number"]].append(row)
    events: list[Event] = []
    for changes in by_incident.values():
        changes.sort(key=lambda row: (instant(row["sys_updated_at"]), int(row["sys_mod_count"])))
        incident = Incident()
        events += [incident.event(row) for row in changes]
    events.sort(key=lambda event: (event["occurred_at"], event["sequence"], event["event_id"]))
    return events


def render(events: Iterable[Event]) -> bytes:
    """JSON Lines."""
    return b"".join(json.dumps(event, separators=(",", ":")).encode() + b"\n" for event in events)


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        print(
            "usage: python -m sla_stream.demo.convert incident_event_log.csv[.xz] OUT.jsonl.xz",
            file=sys.stderr,
        )
        return 2
    source, target = map(Path, arguments)
    raw = source.read_bytes()
    text = (lzma.decompress(raw) if source.suffix == ".xz" else raw).decode()
    events = convert(csv.DictReader(text.splitlines()))
    target.write_bytes(lzma.compress(render(events), preset=9 | lzma.PRESET_EXTREME))
    print(f"{len(events)} events, {target.stat().st_size} bytes", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
