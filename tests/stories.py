"""A ticket's life as a few lines of text, and what the engine said of it.

One line is one event, `Mon 09:00 created priority=high`; what follows `@` is the log time if it differs from the
event's own (`Mon 09:00 resolved @ Tue 10:00`). An instant alone lets time pass until then. Values: `a=b`, `a=` clears,
`tags=x,y`, `public=no`, `created_at=Mon-08:00`; `id=`, `sequence=` and `ticket=` name and place the event.
"""

from __future__ import annotations

from typing import Any

from sla_stream.core.events import TicketEvent
from sla_stream.core.policy import Match, Policy, PolicySet, PolicyTarget
from sla_stream.core.views import TimerState
from tests.builders import HOUR, MINUTE, MONDAY, Run, event, policies, policy, target, when
from tests.builders import at as at_second


def at(text: str) -> int:
    """Like the builders' `at`, with milliseconds: `Mon 09:00:00.001`."""
    whole, _, fraction = text.partition(".")
    return at_second(whole) + (int(fraction) if fraction else 0)


def one(text: str) -> tuple[TicketEvent, int]:
    """(the event of one line, its log time)."""
    told, _, logged = text.partition("@")
    day, time, kind, *words = told.split()
    rest: dict[str, Any] = dict(_value(*word.split("=", 1)) for word in words)
    made = event(at(f"{day} {time}"), kind, **rest)
    return made, at(logged.strip()) if logged else made.at


def _value(name: str, text: str) -> tuple[str, Any]:
    if name in ("created_at", "due_at"):
        return name, at(text.replace("-", " ")) if text else None
    if name == "tags":
        return name, sorted(filter(None, text.split(",")))
    if name == "public":
        return name, text != "no"
    if name == "sequence":
        return name, int(text)
    return name, text or None


def tell(run: Run, story: str) -> Run:
    """Let `run` live through the story."""
    for text in filter(None, map(str.strip, story.splitlines())):
        if len(text.split()) == 2:
            run.until(at(text))
        else:
            made, logged = one(text)
            run.read(made, recorded_at=logged)
    return run


def lines(rules: PolicySet, story: str, **settings: Any) -> list[str]:
    """What is said of the story."""
    return tell(Run(rules, **settings), story).lines


def single(metric: str = "resolution", duration: int = HOUR, **rest: Any) -> PolicySet:
    """One policy with one target for every ticket."""
    return policies(policy(target(metric, duration, **rest)))


def by_priority(metric: str = "resolution", default: int = 4 * HOUR, **rest: Any) -> PolicySet:
    """A target of one hour for `high`, eight for `low`, four for the others."""
    targets = {"high": target(metric, HOUR, **rest), "low": target(metric, 8 * HOUR, **rest)}
    return policies(policy(PolicyTarget(metric, targets, target(metric, default, **rest))))


def for_customer(name: str, *targets: Any) -> Policy:
    """A policy, called like the customer, for the tickets of this customer."""
    return policy(*targets, name=name, match=Match((("customer", "any", (name,)),)))


def states(run: Run, when_: str, ticket: str = "T-1") -> dict[str, TimerState]:
    """The cycles of a ticket at an instant, by `metric#number`."""
    view = run.engine.view(ticket, at(when_))
    assert view is not None
    return {f"{state.metric}#{state.cycle}": state for state in view.cycles}


def state(run: Run, when_: str) -> str:
    """The cycles of T-1 in one line each: `resolution#1 running due Mon 10:00 elapsed 30m left 30m paused 0m`."""
    return "; ".join(_state(name, each) for name, each in states(run, when_).items())


def _state(name: str, each: TimerState) -> str:
    due = when(each.due_at) if each.due_at is not None else "-"
    breached = f" breached {when(each.breached_at)}" if each.breached and each.breached_at is not None else ""
    return (
        f"{name} {each.stage}{breached} due {due} elapsed {span(each.elapsed)}"
        f" left {span(each.target - each.elapsed)} paused {span(each.paused)}"
    )


def span(duration: int) -> str:
    """`90m`, in minutes; milliseconds where there is a rest."""
    minutes, rest = divmod(duration, MINUTE)
    return f"{minutes}m" if not rest else f"{duration}ms"


__all__ = ["MONDAY", "at", "by_priority", "for_customer", "lines", "one", "single", "span", "state", "states", "tell"]
