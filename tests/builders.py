"""Short ways to say a ticket's life, a policy and what an engine made of them. Used by all tiers of tests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sla_stream.core.engine import Applied, Engine, EngineSettings
from sla_stream.core.events import TicketEvent
from sla_stream.core.metrics import BUILT_IN
from sla_stream.core.policy import Match, Policy, PolicySet, PolicyTarget, Rules, Target, Threshold
from sla_stream.core.schedule import Schedule
from sla_stream.core.schedule_rules import ScheduleRules
from sla_stream.core.sla_events import RETRACTION, SlaEvent

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
MONDAY = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp() * 1000)
"""Midnight of Monday 2026-01-05, UTC."""

ALWAYS = Schedule.always()
NINE_TO_FIVE = Schedule(
    ScheduleRules(
        name="office",
        timezone="UTC",
        hours=(((9 * 3600, 17 * 3600),),) * 5 + ((), ()),
        holidays=frozenset(),
        dates={},
        closed=(),
    )
)


def at(text: str) -> int:
    """`"Mon 09:00"` .. `"Sun 23:59"`, in the week of MONDAY; a second week as `"Mon+1 09:00"`; seconds allowed."""
    day, time = text.split()
    name, _, week = day.partition("+")
    parts = [*map(int, time.split(":")), 0][:3]
    days = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun").index(name) + 7 * int(week or 0)
    return MONDAY + days * DAY + parts[0] * HOUR + parts[1] * MINUTE + parts[2] * SECOND


_STATUS = {"resolved": "resolved", "closed": "closed", "reopened": "open"}


def event(
    when: str | int, kind: str, ticket: str = "T-1", id: str | None = None, sequence: int = 0, **rest: Any
) -> TicketEvent:
    """A ticket event as the codec would make it; other keywords are attributes, or fields of the event."""
    instant = at(when) if isinstance(when, str) else when
    actor = {"customer_replied": "customer", "agent_replied": "agent"}.get(kind, "system")
    fields = {name: rest.pop(name) for name in ("created_at", "merged_into", "reason") if name in rest}
    actor = rest.pop("actor", actor)
    public = rest.pop("public", kind != "note_added")
    if kind in _STATUS:
        rest["status"] = _STATUS[kind]
    return TicketEvent(
        at=instant,
        sequence=sequence,
        event_id=id or f"{instant}-{kind}-{sequence}",
        ticket_id=ticket,
        kind=kind,
        actor=actor,
        public=public,
        attributes=rest,
        **fields,
    )


def warn(*names: str) -> tuple[Threshold, ...]:
    """`warn("80%", "30m")`."""
    return tuple(
        Threshold(name, percent=float(name[:-1])) if name.endswith("%") else Threshold("-" + name, before=_ms(name))
        for name in names
    )


def after(*names: str) -> tuple[Threshold, ...]:
    """`after("1h")`: steps after the deadline."""
    return tuple(Threshold("+" + name, after=_ms(name)) for name in names)


def _ms(text: str) -> int:
    return int(text[:-1]) * {"s": SECOND, "m": MINUTE, "h": HOUR}[text[-1]]


def target(metric: str, duration: int | None, policy: str = "base", ref: int | None = None, **rest: Any) -> Target:
    """A target on the 24x7 schedule unless `schedule` says otherwise."""
    fields: dict[str, Any] = {
        "policy_version": "v1",
        "schedule": ALWAYS,
        "rules": rest.pop("rules", BUILT_IN.get(metric, Rules())),
    }
    fields.update(rest)
    return Target(
        ref=ref if ref is not None else abs(hash((metric, duration, policy, repr(sorted(rest.items()))))) % 2**40 + 1,
        policy=policy,
        metric=metric,
        duration=duration,
        **fields,
    )


def policy(*targets: Target | PolicyTarget, name: str = "base", match: Match | None = None) -> Policy:
    """A policy with these targets; a bare target holds for every priority."""
    wrapped = tuple(t if isinstance(t, PolicyTarget) else PolicyTarget(t.metric, {}, t) for t in targets)
    return Policy(name=name, version="v1", level="base", match=match or Match(), targets=wrapped)


def policies(*entries: Policy, metrics: dict[str, Rules] | None = None) -> PolicySet:
    return PolicySet(
        policies=entries, schedules={"24x7": ALWAYS}, metrics={**BUILT_IN, **(metrics or {})}, digest="test"
    )


class Run:
    """An engine and everything it said."""

    def __init__(self, policy_set: PolicySet | Sequence[tuple[int, PolicySet]], **settings: Any) -> None:
        self.settings = EngineSettings(**settings)
        self.policies = policy_set
        self.engine = Engine(policy_set, self.settings)
        self.said: list[SlaEvent] = []
        self.applied: list[Applied] = []
        self._offset = 0

    def read(self, *events: TicketEvent, recorded_at: str | int | None = None) -> Run:
        """Read events; each is recorded when it happened, unless said otherwise."""
        recorded = at(recorded_at) if isinstance(recorded_at, str) else recorded_at
        for each in events:
            when = each.at if recorded is None else recorded
            self.applied.append(self.engine.apply(each, when, self._offset))
            self._offset += 1
            self.said += self.engine.take_outputs()
        return self

    def until(self, when: str | int) -> Run:
        """Let time pass."""
        self.engine.advance(at(when) if isinstance(when, str) else when)
        for error in self.engine.unjudged.values():
            raise error
        self.said += self.engine.take_outputs()
        return self

    def settle(self) -> Run:
        self.engine.release_held()
        self.said += self.engine.take_outputs()
        return self

    def crash(self) -> Run:
        """Start again from the packed states, as after a crash."""
        self.engine.flush()
        states = self.engine.states()
        meta = self.engine.meta()
        self.engine = Engine(self.policies, self.settings)
        self.engine.restore(states, meta)
        return self

    @property
    def lines(self) -> list[str]:
        """What was said, one short line each: `warning 80% first_response#1 Mon 09:48`."""
        return [line(fact) for fact in self.said]


def line(fact: SlaEvent) -> str:
    kind = (fact.retracts_type or fact.type).split(".")[1]
    sign = "retract " if fact.type == RETRACTION else ""
    what = fact.outcome or fact.threshold or ""
    return " ".join(f"{sign}{kind} {what} {fact.metric}#{fact.cycle} {when(fact.at)}".split())


def when(instant: int) -> str:
    """The other way round of `at`."""
    days, rest = divmod(instant - MONDAY, DAY)
    week, day = divmod(days, 7)
    name = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[day] + (f"+{week}" if week else "")
    hour, rest = divmod(rest, HOUR)
    minute, rest = divmod(rest, MINUTE)
    tail = f":{rest / 1000:06.3f}".rstrip("0").rstrip(".") if rest else ""
    return f"{name} {hour:02}:{minute:02}{tail}"


def net_set(said: Iterable[SlaEvent]) -> list[tuple[Any, ...]]:
    """What stands: neither retracted nor superseded (contract §2)."""
    standing: dict[str, SlaEvent] = {}
    for fact in said:
        if fact.type == RETRACTION:
            assert fact.retracts in standing, f"retracts what was not said: {line(fact)}"
            del standing[fact.retracts]
            continue
        if fact.supersedes:
            del standing[fact.supersedes]
        assert fact.id not in standing, f"said twice: {line(fact)}"
        standing[fact.id] = fact
    return sorted(
        (
            fact.ticket_id,
            fact.metric,
            fact.cycle,
            fact.type,
            fact.threshold or "",
            fact.due_at or 0,
            fact.target_ms,
            fact.elapsed,
            fact.outcome or "",
            fact.target.policy,
            fact.target.policy_version,
        )
        for fact in standing.values()
    )
