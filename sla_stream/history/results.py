"""How every cycle ended, or stands: what reports and simulations count.

A cycle is `met`, `missed` or `cancelled` once it has ended; before that `open`, or `overdue` if it is breached already
(so that a ticket does not improve a figure by staying open). Attainment is met / (met + missed + overdue).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from sla_stream.core.sla_events import BREACH, OUTCOME, RETRACTION, SlaEvent
from sla_stream.core.views import TicketView
from sla_stream.formats.instants import parse_instant
from sla_stream.history.net_set import Json

Status = Literal["met", "missed", "cancelled", "overdue", "open"]
STATUSES: Final[tuple[Status, ...]] = ("met", "missed", "overdue", "open", "cancelled")
_ENDED: Final[tuple[Status, ...]] = ("met", "missed", "cancelled")

Attributes = Mapping[str, Any]
"""A ticket's attributes by name, `custom.NAME` included."""


class CycleKey(NamedTuple):
    """Names a cycle. `kind`: `sla`, or `kpi` for a stretch goal."""

    ticket_id: str
    metric: str
    kind: str
    cycle: int


@dataclass(frozen=True, slots=True)
class Result:
    """How one cycle ended or stands.

    `at` (ms): when it ended, else when it was breached, else None. `raw`: the status without any relaxation.
    `group`: the values of the attributes asked for.
    """

    key: CycleKey
    status: Status
    raw: Status
    at: int | None
    breached_at: int | None
    policy: str
    policy_version: str
    target: float
    group: tuple[Any, ...]

    @property
    def failed(self) -> bool:
        """Whether the promise is broken."""
        return self.status in ("missed", "overdue")


@dataclass(slots=True)
class _Cycle:
    """What stands of one cycle."""

    policy: str
    policy_version: str
    target: float
    group: tuple[Any, ...]
    breach: tuple[str, int] | None = None
    """(id, instant) of the standing breach."""
    outcome: tuple[str, Status, int, Status] | None = None
    """(id, outcome, instant, raw outcome) of the standing outcome."""


class Results:
    """Follows what is said, in the order in which it is said; in the end, the present states of what is open."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        """`names`: the attributes to keep of each cycle."""
        self._names = tuple(names)
        self._cycles: dict[CycleKey, _Cycle] = {}
        self._groups: dict[tuple[Any, ...], tuple[Any, ...]] = {}

    def add(self, events: Iterable[SlaEvent]) -> None:
        """Take in what an engine said."""
        for event in events:
            kind = event.retracts_type or event.type
            if kind not in (BREACH, OUTCOME):
                continue
            key = CycleKey(event.ticket_id, event.metric, event.target.kind, event.cycle)
            if event.type == RETRACTION:
                self._withdraw(key, event.retracts)
                continue
            cycle = self._cycle(
                key, event.target.policy, event.target.policy_version, event.target_ms / 1000, event.ticket
            )
            if kind == BREACH:
                cycle.breach = (event.id, event.at)
            else:
                raw = event.outcome if event.raw is None else event.raw[1]
                cycle.outcome = (event.id, _ended(event.outcome), event.at, _ended(raw))

    def add_json(self, event: Json) -> None:
        """Take in one published SLA event v1. KeyError, TypeError or ValueError if it is none."""
        data = event["data"]
        key = CycleKey(data["ticket_id"], data["metric"], data.get("kind") or "sla", data["cycle"])
        if event["type"] == RETRACTION:
            self._withdraw(key, data["retracts"])
            return
        if event["type"] not in (BREACH, OUTCOME):
            return
        cycle = self._cycle(key, data["policy"], data["policy_version"], data["target_s"], _flat(data["ticket"]))
        at = parse_instant(data["at"])
        if event["type"] == BREACH:
            cycle.breach = (event["id"], at)
        else:
            raw = data.get("raw_outcome") or data["outcome"]
            cycle.outcome = (event["id"], _ended(data["outcome"]), at, _ended(raw))

    def add_view(self, view: TicketView) -> None:
        """Take in the cycles of a ticket that are open at the end."""
        for state in view.cycles:
            if state.ended_at is None:
                key = CycleKey(state.ticket_id, state.metric, state.kind, state.cycle)
                self._cycle(key, state.policy, state.policy_version, state.target / 1000, view.ticket)

    def __iter__(self) -> Iterator[Result]:
        """Every cycle, by ticket, metric, kind and number."""
        for key in sorted(self._cycles):
            yield self._result(key, self._cycles[key])

    def get(self, key: CycleKey) -> Result | None:
        """One cycle, if it is known."""
        cycle = self._cycles.get(key)
        return None if cycle is None else self._result(key, cycle)

    def keys(self) -> Iterable[CycleKey]:
        """Every cycle, in no order."""
        return self._cycles.keys()

    def _cycle(self, key: CycleKey, policy: str, version: str, target: float, attributes: Attributes) -> _Cycle:
        """The cycle, with what was last said of it."""
        values = tuple(attributes.get(name) for name in self._names)
        group = self._groups.setdefault(values, values)
        cycle = self._cycles.get(key)
        if cycle is None:
            cycle = self._cycles[key] = _Cycle(policy, version, target, group)
        else:
            cycle.policy, cycle.policy_version, cycle.target, cycle.group = policy, version, target, group
        return cycle

    def _withdraw(self, key: CycleKey, id_: str | None) -> None:
        cycle = self._cycles.get(key)
        if cycle is None:
            return
        if cycle.breach is not None and cycle.breach[0] == id_:
            cycle.breach = None
        elif cycle.outcome is not None and cycle.outcome[0] == id_:
            cycle.outcome = None
        if cycle.breach is None and cycle.outcome is None:
            del self._cycles[key]  # where it is still open, its state says so at the end

    @staticmethod
    def _result(key: CycleKey, cycle: _Cycle) -> Result:
        breached_at = None if cycle.breach is None else cycle.breach[1]
        status: Status = "open" if breached_at is None else "overdue"
        raw, at = status, breached_at
        if cycle.outcome is not None:
            _, status, at, raw = cycle.outcome
        return Result(
            key, status, raw, at, breached_at, cycle.policy, cycle.policy_version, cycle.target, cycle.group
        )  # fmt: skip


@dataclass(slots=True)
class Counts:
    """Cycles by status."""

    met: int = 0
    missed: int = 0
    overdue: int = 0
    open: int = 0
    cancelled: int = 0
    raw_met: int = 0
    raw_failed: int = 0

    def add(self, result: Result) -> None:
        """Count one cycle."""
        setattr(self, result.status, getattr(self, result.status) + 1)
        if result.raw == "met":
            self.raw_met += 1
        elif result.raw in ("missed", "overdue"):
            self.raw_failed += 1

    @property
    def attainment(self) -> float | None:
        """Share of promises kept, of those that are decided; None where none is."""
        return _share(self.met, self.missed + self.overdue)

    @property
    def raw_attainment(self) -> float | None:
        """The same as if there were no relaxations."""
        return _share(self.raw_met, self.raw_failed)

    def as_json(self) -> dict[str, Any]:
        """Every count, and both shares (0 to 1, six digits)."""
        counts: dict[str, Any] = {status: getattr(self, status) for status in STATUSES}
        return counts | {"attainment": self.attainment, "raw_attainment": self.raw_attainment}


COUNT_COLUMNS: Final = (*STATUSES, "attainment", "raw_attainment")

Grouping = Callable[[Result], tuple[Any, ...]]


def count(results: Iterable[Result], grouping: Grouping) -> dict[tuple[Any, ...], Counts]:
    """Counts by group, in the order of the groups; missing values come last."""
    found: dict[tuple[Any, ...], Counts] = {}
    for result in results:
        found.setdefault(grouping(result), Counts()).add(result)
    return {group: found[group] for group in sorted(found, key=group_order)}


def group_order(group: tuple[Any, ...]) -> tuple[tuple[bool, str], ...]:
    """Sorts groups whose values may be missing or of several types."""
    return tuple((value is None, str(value)) for value in group)


def _ended(outcome: str | None) -> Status:
    for status in _ENDED:
        if outcome == status:
            return status
    raise ValueError(f"outcome: found {outcome!r}, expected {', '.join(_ENDED)}")


def _share(good: int, bad: int) -> float | None:
    return round(good / (good + bad), 6) if good + bad else None


def _flat(ticket: Mapping[str, Any]) -> Attributes:
    custom = ticket.get("custom")
    if not isinstance(custom, dict):
        return ticket
    return {**ticket, **{f"custom.{name}": value for name, value in custom.items()}}
