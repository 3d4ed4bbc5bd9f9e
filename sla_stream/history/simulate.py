"""The same ticket events under two policy sets: what the one would change against the other.

Both sides are replays of the same log; what is compared is how every cycle ends or stands (`results`).

    won          the present policies break the promise, the draft keeps it
    lost         the other way round
    appeared     timed under the draft only
    disappeared  timed under the present policies only
    changed      anything else: another outcome, or a breach at another instant
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import orjson

from sla_stream.formats.calendar_data import calendar_data
from sla_stream.formats.csv_rows import csv_row
from sla_stream.formats.instants import format_instant
from sla_stream.history.grouping import Dimensions
from sla_stream.history.report import head_lines, percent, shown, text_table, versions_of
from sla_stream.history.results import COUNT_COLUMNS, Counts, CycleKey, Result, Results, count, group_order

Effect = Literal["won", "lost", "appeared", "disappeared", "changed"]
EFFECTS: Final[tuple[Effect, ...]] = ("won", "lost", "appeared", "disappeared", "changed")


@dataclass(frozen=True, slots=True)
class Change:
    """One cycle that differs. `before` and `after`: under the present policies and under the draft."""

    key: CycleKey
    effect: Effect
    before: Result | None
    after: Result | None

    @property
    def result(self) -> Result:
        """That of the draft, where it times the cycle."""
        found = self.after or self.before
        assert found is not None
        return found


@dataclass(slots=True)
class Row:
    """One group on both sides. A cycle counts on each side in the group that it has there."""

    before: Counts = field(default_factory=Counts)
    after: Counts = field(default_factory=Counts)
    effects: dict[Effect, int] = field(default_factory=lambda: dict.fromkeys(EFFECTS, 0))


def changes(before: Results, after: Results) -> Iterator[Change]:
    """Every cycle that differs, by ticket, metric, kind and number."""
    for key in sorted({*before.keys(), *after.keys()}):
        old, new = before.get(key), after.get(key)
        effect = _effect(old, new)
        if effect is not None:
            yield Change(key, effect, old, new)


def _effect(old: Result | None, new: Result | None) -> Effect | None:
    if old is None or new is None:
        return "appeared" if old is None else "disappeared"
    if old.failed != new.failed:
        return "won" if old.failed else "lost"
    return None if (old.status, old.breached_at) == (new.status, new.breached_at) else "changed"


@dataclass(slots=True)
class Simulation:
    """Both sides, by group. `tickets`: how many have a cycle that differs, of how many."""

    dimensions: Dimensions
    as_of: int | None
    rows: dict[tuple[Any, ...], Row]
    total: Row
    tickets: tuple[int, int]
    policies: tuple[dict[str, list[str]], dict[str, list[str]]]

    def as_json(self) -> bytes:
        """{"as_of", "by", "tickets", "tickets_changed", "against", "policies", "libraries", "rows": [{dimensions,
        "before": {counts}, "after": {counts}, won, lost, appeared, disappeared, changed}], "total": {the same}}."""
        found = {
            "as_of": None if self.as_of is None else format_instant(self.as_of),
            "by": list(self.dimensions.names),
            "tickets": self.tickets[1],
            "tickets_changed": self.tickets[0],
            "against": self.policies[0],
            "policies": self.policies[1],
            "libraries": calendar_data(),
            "rows": [
                dict(zip(self.dimensions.names, group, strict=True)) | _row_json(row)
                for group, row in self.rows.items()
            ],
            "total": _row_json(self.total),
        }
        return orjson.dumps(found, option=orjson.OPT_APPEND_NEWLINE)

    def as_csv(self) -> Iterator[bytes]:
        """A head and a line for each group."""
        sides = [f"{side}_{name}" for side in ("before", "after") for name in COUNT_COLUMNS]
        yield csv_row([*self.dimensions.names, *sides, *EFFECTS])
        for group, row in self.rows.items():
            figures = [counts.as_json()[name] for counts in (row.before, row.after) for name in COUNT_COLUMNS]
            yield csv_row([*group, *figures, *row.effects.values()])

    def as_text(self) -> Iterator[str]:
        """Head lines, one sentence, then a table: attainment and broken promises before and after, and the effects."""
        yield from head_lines(self.as_of, self.policies[1])
        changed, known = self.tickets
        won, lost = self.total.effects["won"], self.total.effects["lost"]
        yield f"{changed} of {known} tickets change; breaches won {won}, lost {lost}"
        yield ""
        head = [*self.dimensions.names, "attainment", "->", "broken", "->", *EFFECTS]
        rows = [_cells(group, row) for group, row in self.rows.items()]
        if self.dimensions.names:
            rows.append(_cells(("total", *[""] * (len(self.dimensions.names) - 1)), self.total))
        yield from text_table(head, rows, len(self.dimensions.names))


def summarise(before: Results, after: Results, dimensions: Dimensions, as_of: int | None) -> Simulation:
    """Both sides counted by group."""
    grouping = dimensions.grouping()
    rows: dict[tuple[Any, ...], Row] = {}
    total = Row()
    for group, counts in count(before, grouping).items():
        rows.setdefault(group, Row()).before = counts
    for group, counts in count(after, grouping).items():
        rows.setdefault(group, Row()).after = counts
    for results, counts in ((before, total.before), (after, total.after)):
        for result in results:
            counts.add(result)
    changed: set[str] = set()
    for change in changes(before, after):
        rows[grouping(change.result)].effects[change.effect] += 1
        total.effects[change.effect] += 1
        changed.add(change.key.ticket_id)
    known = len({key.ticket_id for key in (*before.keys(), *after.keys())})
    ordered = {group: rows[group] for group in sorted(rows, key=group_order)}
    return Simulation(
        dimensions, as_of, ordered, total, (len(changed), known), (versions_of(before), versions_of(after))
    )


CHANGE_COLUMNS: Final = (
    "ticket_id", "metric", "kind", "cycle", "effect",
    *(f"{side}_{name}" for side in ("before", "after")
      for name in ("status", "at", "breached_at", "policy", "policy_version", "target_s")),
)  # fmt: skip


def change_json(change: Change, names: tuple[str, ...]) -> dict[str, Any]:
    """One cycle that differs: CHANGE_COLUMNS, then the attributes asked for. Null where a side does not time it."""
    sides = [*_side(change.before), *_side(change.after)]
    values = [*change.key, change.effect, *sides]
    return dict(zip(CHANGE_COLUMNS, values, strict=True)) | dict(zip(names, change.result.group, strict=True))


def change_line(change: Change) -> str:
    """One cycle that differs, for a person."""
    key = change.key
    kind = " (stretch goal)" if key.kind == "kpi" else ""
    before, after = (_words(side) for side in (change.before, change.after))
    return f"{change.effect}: ticket {key.ticket_id}: {key.metric} #{key.cycle}{kind}: {before} -> {after}"


def _words(result: Result | None) -> str:
    if result is None:
        return "not timed"
    breached = "" if result.breached_at is None else f", breached {format_instant(result.breached_at)}"
    return f"{result.status} ({result.policy}, {result.target:g} s{breached})"


def _side(result: Result | None) -> list[Any]:
    if result is None:
        return [None] * 6
    at, breached_at = (None if one is None else format_instant(one) for one in (result.at, result.breached_at))
    target = int(result.target) if result.target == int(result.target) else result.target
    return [result.status, at, breached_at, result.policy, result.policy_version, target]


def _row_json(row: Row) -> dict[str, Any]:
    sides: dict[str, Any] = {"before": row.before.as_json(), "after": row.after.as_json()}
    return sides | {effect: row.effects[effect] for effect in EFFECTS}


def _cells(group: tuple[Any, ...], row: Row) -> list[str]:
    broken = [str(counts.missed + counts.overdue) for counts in (row.before, row.after)]
    shares = [percent(counts.attainment) for counts in (row.before, row.after)]
    return [*map(shown, group), *shares, *broken, *map(str, row.effects.values())]
