"""Net sets (contract §2): what stands of what was said, and how two of them differ.

The net set of a run is every warning, breach, escalation and outcome that is neither retracted nor superseded. It is
the same for every order of arrival, crash, restart and replay; so two accounts of the same tickets are compared by it.
Works on SLA events v1 as JSON objects, wherever they come from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

import orjson

from sla_stream.core.sla_events import OUTCOME, RETRACTION
from sla_stream.formats.instants import parse_instant

Json = dict[str, Any]
ClockKey = tuple[str, str, int]
"""(ticket id, metric, cycle)."""

COMPARED: Final = ("due_at", "target_s", "elapsed_s", "outcome", "policy", "policy_version", "actions")
"""What is compared beside the name of a statement."""

Kind = Literal["missing", "unexpected", "differs", "twice", "dangling", "early"]


class Name(NamedTuple):
    """What tells statements apart. Stretch goals have clocks of their own beside the promise's."""

    ticket_id: str
    metric: str
    cycle: int
    type: str
    threshold: str
    kind: str
    """`sla`, or `kpi` for a stretch goal."""


class Statement(NamedTuple):
    """A warning, breach, escalation or outcome as it was said. `values`: those of COMPARED, `actions` as JSON text."""

    name: Name
    values: tuple[Any, ...]
    id: str
    at: int
    decided_at: int
    place: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing on which two accounts differ.

    `missing` was to be said and is not; `unexpected` is said and was not to be; `differs` is said with other values.
    `twice`: one id was published more than once. `dangling`: something is taken back or replaced that was never said.
    `early`: an alarm was decided before its own instant.
    """

    kind: Kind
    name: Name
    published: Statement | None
    expected: Statement | None
    detail: str = ""

    @property
    def fields(self) -> dict[str, tuple[Any, Any]]:
        """Field -> (published, expected), where both are there and differ."""
        if self.published is None or self.expected is None:
            return {}
        pairs = zip(COMPARED, self.published.values, self.expected.values, strict=True)
        return {name: (said, due) for name, said, due in pairs if said != due}


@dataclass(slots=True)
class NetSet:
    """What stands so far; events may come in any order."""

    standing: dict[str, Statement] = field(default_factory=dict)
    """By id."""
    problems: list[Difference] = field(default_factory=list)
    """`twice` and `early`, as they are met."""
    moved: dict[ClockKey, int] = field(default_factory=dict)
    """When something was last decided about a clock (ms)."""
    last: int | None = None
    """The latest decision of all (ms)."""
    _seen: set[str] = field(default_factory=set)
    _gone: dict[str, Statement] = field(default_factory=dict)

    def add(self, event: Json, place: str) -> None:
        """Take one SLA event v1 in. KeyError, TypeError or ValueError if it is none."""
        data = event["data"]
        statement = _statement(event, data, place)
        clock: ClockKey = statement.name[:3]
        self.moved[clock] = max(statement.decided_at, self.moved.get(clock, statement.decided_at))
        self.last = statement.decided_at if self.last is None else max(self.last, statement.decided_at)
        if statement.id in self._seen:
            self.problems.append(Difference("twice", statement.name, statement, None, f"id {statement.id}"))
            return
        self._seen.add(statement.id)
        if event["type"] == RETRACTION:
            self._remove(data["retracts"], statement)
            return
        if statement.name.type != OUTCOME and statement.decided_at <= statement.at:
            self.problems.append(Difference("early", statement.name, statement, None, "decided before its instant"))
        if data["supersedes"] is not None:
            self._remove(data["supersedes"], statement)
        if self._gone.pop(statement.id, None) is None:
            self.standing[statement.id] = statement

    def dangling(self) -> list[Difference]:
        """What takes back or replaces something that was never said."""
        return [
            Difference("dangling", by.name, by, None, f"takes back or replaces {id_}, which was not said")
            for id_, by in self._gone.items()
        ]

    def __len__(self) -> int:
        return len(self.standing)

    def _remove(self, id_: str, by: Statement) -> None:
        if self.standing.pop(id_, None) is None:
            self._gone[id_] = by


def compare(published: NetSet, expected: NetSet) -> Iterator[Difference]:
    """Every difference, by ticket, metric, cycle, type and threshold."""
    said, due = _by_name(published), _by_name(expected)
    for name in sorted(said.keys() | due.keys()):
        left, right = said.get(name, []), due.get(name, [])
        if [each.values for each in left] == [each.values for each in right]:
            continue
        left, right = _without_equal(left, right), _without_equal(right, left)
        for i in range(max(len(left), len(right))):
            one = left[i] if i < len(left) else None
            other = right[i] if i < len(right) else None
            kind: Kind = "missing" if one is None else "unexpected" if other is None else "differs"
            yield Difference(kind, name, one, other)


def _by_name(net: NetSet) -> dict[Name, list[Statement]]:
    found: dict[Name, list[Statement]] = {}
    for each in net.standing.values():
        found.setdefault(each.name, []).append(each)
    return found


def _without_equal(some: list[Statement], others: list[Statement]) -> list[Statement]:
    """Those that have no equal among the others, as multisets."""
    left = [each.values for each in others]
    kept = []
    for each in some:
        if each.values in left:
            left.remove(each.values)
        else:
            kept.append(each)
    return kept


def _statement(event: Json, data: Json, place: str) -> Statement:
    return Statement(
        Name(
            data["ticket_id"],
            data["metric"],
            data["cycle"],
            event["type"],
            data["threshold"] or "",
            data.get("kind") or "sla",
        ),
        (*(data[name] for name in COMPARED[:-1]), orjson.dumps(data["actions"], option=orjson.OPT_SORT_KEYS).decode()),
        event["id"],
        parse_instant(data["at"]),
        parse_instant(data["decided_at"]),
        place,
    )
