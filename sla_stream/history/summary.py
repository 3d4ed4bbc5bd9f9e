"""A replay in numbers.

    {"as_of": "2026-02-01T00:00:00.000Z",
     "policies": {POLICY: {METRIC: {"met": 1, "missed": 1, "cancelled": 0, "running": 2, "paused": 1, "breaches": 1,
                                    "warnings": 3, "escalations": 0, "retractions": 0}}},
     "tickets": 3, "records": 20, "duplicates": 0, "late": 0, "too_late": 0, "after_as_of": 0,
     "dead_letters": 1, "dead_letters_by_reason": {"schema": 1}, "unknown_ticket": 0, "no_policy": 0,
     "unknown_fields": 0, "libraries": {"tzdata": "2026.6", "holidays": "0.109"}}

`met`, `missed` and `cancelled` count outcomes that hold at the end; `warnings`, `breaches` and `escalations` those not
taken back; `retractions` everything that was taken back. `running` counts open cycles, `paused` those of them that
are paused. `late` includes `too_late`. `libraries`: the data behind schedules (`formats.calendar_data`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

import orjson

from sla_stream.core.engine import Engine
from sla_stream.core.sla_events import BREACH, ESCALATION, OUTCOME, RETRACTION, WARNING, SlaEvent
from sla_stream.core.views import TicketView
from sla_stream.formats.calendar_data import calendar_data
from sla_stream.formats.csv_rows import csv_row
from sla_stream.formats.instants import format_instant
from sla_stream.history.replay import Tally

COUNTS: Final = (
    "met", "missed", "cancelled", "running", "paused", "breaches", "warnings", "escalations", "retractions",
)  # fmt: skip
_NAME: Final = {WARNING: "warnings", BREACH: "breaches", ESCALATION: "escalations"}
OPEN_STAGES: Final = ("running", "paused")

PolicyMetric = tuple[str, str]


class Summary:
    """Counts SLA events as they are said and, at the end, the cycles that are open."""

    def __init__(self) -> None:
        self._counts: dict[PolicyMetric, dict[str, int]] = defaultdict(lambda: dict.fromkeys(COUNTS, 0))
        self._outcomes: dict[tuple[str, str, int], tuple[PolicyMetric, str]] = {}

    def add(self, events: Iterable[SlaEvent]) -> None:
        """Count what was said."""
        for event in events:
            counts = self._counts[event.target.policy, event.metric]
            kind = event.retracts_type or event.type
            withdrawn = event.type == RETRACTION
            if withdrawn:
                counts["retractions"] += 1
            if kind == OUTCOME:
                self._set_outcome(event, None if withdrawn else event.outcome)
            else:
                counts[_NAME[kind]] += -1 if withdrawn else 1

    def add_view(self, view: TicketView) -> None:
        """Count a ticket's open cycles."""
        for cycle in view.cycles:
            if cycle.stage in OPEN_STAGES:
                counts = self._counts[cycle.policy, cycle.metric]
                counts["running"] += 1
                counts["paused"] += cycle.stage == "paused"

    def numbers(
        self, engine: Engine, tally: Tally, as_of: int | None, tickets: int, unknown_fields: int
    ) -> dict[str, Any]:
        """The object shown above."""
        counters = engine.counters
        return {
            "as_of": None if as_of is None else format_instant(as_of),
            "policies": self._by_policy(),
            "tickets": tickets,
            "records": tally.records,
            "duplicates": counters.duplicates,
            "late": counters.late + counters.too_late,
            "too_late": counters.too_late,
            "after_as_of": tally.after_as_of,
            "dead_letters": tally.bad_total,
            "dead_letters_by_reason": dict(sorted(tally.bad.items())),
            "unknown_ticket": counters.unknown_ticket,
            "no_policy": counters.no_policy,
            "unknown_fields": unknown_fields,
            "libraries": calendar_data(),
        }

    @staticmethod
    def as_json(numbers: dict[str, Any]) -> bytes:
        """One line of JSON."""
        return orjson.dumps(numbers, option=orjson.OPT_APPEND_NEWLINE)

    @staticmethod
    def as_csv(numbers: dict[str, Any]) -> bytes:
        """`policy,metric,count,value`: a line for each number; those of the whole run have no policy and metric."""
        rows: list[tuple[Any, ...]] = [("policy", "metric", "count", "value")]
        for policy, metrics in numbers["policies"].items():
            for metric, counts in metrics.items():
                rows += [(policy, metric, name, value) for name, value in counts.items()]
        whole = {name: value for name, value in numbers.items() if name not in ("policies", "libraries")}
        rows += [(None, None, name, value) for name, value in (whole | numbers["libraries"]).items()]
        return b"".join(map(csv_row, rows))

    def _set_outcome(self, event: SlaEvent, outcome: str | None) -> None:
        """The cycle's outcome is now this; one that stood there before no longer counts."""
        cycle = (event.ticket_id, event.metric, event.cycle)
        before = self._outcomes.pop(cycle, None)
        if before is not None:
            self._counts[before[0]][before[1]] -= 1
        if outcome is not None:
            place = (event.target.policy, event.metric)
            self._counts[place][outcome] += 1
            self._outcomes[cycle] = (place, outcome)

    def _by_policy(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for (policy, metric), counts in sorted(self._counts.items()):
            found.setdefault(policy, {})[metric] = counts
        return found
