"""SLA events as they are written in a case file: `breach resolution#1 at Mon 10:00, elapsed 1h, policy gold`.

    warning 80% METRIC        met METRIC         retract ... : the withdrawal of what follows
    breach METRIC             missed METRIC
    escalation +1h METRIC     cancelled METRIC

then `#CYCLE` (1 if left out), `at INSTANT`, and details after commas, each checked only where it is written. The
clock of a stretch goal is written `METRIC(kpi)`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from sla_stream.core.sla_events import OUTCOME, RETRACTION, SlaEvent
from sla_stream.formats.policy_file.findings import did_you_mean, one_of, quote
from sla_stream.history.cases.given import TICKET
from sla_stream.history.cases.times import Times, read_duration, show_duration

OUTCOMES: Final = ("met", "missed", "cancelled")
SAID: Final = ("warning", "breach", "escalation", *OUTCOMES)
FORM: Final = "such as 'warning 80% resolution at Mon 09:48' or 'met first_response#1 at Mon 09:20'"
GOAL: Final = "(kpi)"
_WITH_THRESHOLD: Final = ("warning", "escalation")
_HEAD: Final = re.compile(r"(?P<retract>retract )?(?P<what>\S+)(?P<words>(?: \S+)*?)(?: at (?P<at>.+))?")

INSTANTS: Final = ("due", "started", "raw_due")
DURATIONS: Final = ("elapsed", "remaining", "target", "paused", "overrun")
TEXTS: Final = ("ticket", "policy", "schedule", "reason", "revision", "late_attach", "raw_outcome")

_VALUES: Final[dict[str, Callable[[SlaEvent], Any]]] = {
    "due": lambda event: event.due_at,
    "started": lambda event: event.started_at,
    "elapsed": lambda event: event.elapsed,
    "remaining": lambda event: event.remaining,
    "target": lambda event: event.target_ms,
    "paused": lambda event: event.paused,
    "overrun": lambda event: event.overrun,
    "ticket": lambda event: event.ticket_id,
    "policy": lambda event: event.target.policy,
    "schedule": lambda event: event.target.schedule.name,
    "reason": lambda event: event.reason or "none",
    "revision": lambda event: str(event.revision),
    "raw_due": lambda event: event.raw and event.raw[0],
    "raw_outcome": lambda event: event.raw[1] if event.raw else "none",
    "late_attach": lambda event: "yes" if event.late_attach else "no",
}

Head = tuple[bool, str, str, str, int, int, str]
"""(withdrawn, what, threshold, metric, cycle, at, ticket): two lines with the same head speak of the same thing."""


@dataclass(frozen=True, slots=True)
class Line:
    """An SLA event that is expected."""

    text: str
    head: Head
    details: dict[str, Any] = field(default_factory=dict)

    def differences(self, event: SlaEvent, times: Times) -> list[str]:
        """Details that are not as expected, one sentence each."""
        found = []
        for name, expected in self.details.items():
            value = _VALUES[name](event)
            if value != expected:
                found.append(f"{name}: expected {_show(name, expected, times)}, is {_show(name, value, times)}")
        return found


def read_line(text: str, times: Times) -> Line:
    """ValueError says what is wrong."""
    told, *rest = text.split(", ")
    found = _HEAD.fullmatch(told)
    if found is None or found["at"] is None:
        raise ValueError(f"{quote(text)}; expected what is said and when, {FORM}")
    what = found["what"]
    if what not in SAID:
        raise ValueError(f"{quote(what)}; expected {one_of(SAID)}, {FORM}{did_you_mean(what, SAID)}")
    words = found["words"].split()
    needed = 2 if what in _WITH_THRESHOLD else 1
    if len(words) != needed:
        form = f"{what} THRESHOLD METRIC at INSTANT" if needed == 2 else f"{what} METRIC at INSTANT"
        raise ValueError(f"{quote(told)}; expected {form}")
    metric, cycle = read_clock(words[-1])
    details = dict(_detail(each, times) for each in rest)
    ticket = details.pop("ticket", TICKET)
    threshold = words[0] if needed == 2 else ""
    head = (bool(found["retract"]), what, threshold, metric, cycle, times.read(found["at"]), ticket)
    return Line(text, head, details)


def read_clock(text: str) -> tuple[str, int]:
    """(metric, cycle) of `resolution#2`; the cycle is 1 if left out."""
    metric, mark, number = text.partition("#")
    if mark and not (number.isdecimal() and int(number) > 0):
        raise ValueError(f"{quote(text)}; expected a metric and the number of a cycle, as in resolution#2")
    return metric, int(number) if mark else 1


def _detail(text: str, times: Times) -> tuple[str, Any]:
    name, _, value = text.strip().partition(" ")
    known = (*INSTANTS, *DURATIONS, *TEXTS)
    if name not in known:
        raise ValueError(f"{quote(name)}; expected {one_of(known)}{did_you_mean(name, known)}")
    if not value:
        raise ValueError(f"{quote(name)} without a value")
    if name in INSTANTS:
        return name, None if value == "none" else times.read(value)
    return name, read_duration(value) if name in DURATIONS else value


def _show(name: str, value: Any, times: Times) -> str:
    if value is None:
        return "none"
    if name in INSTANTS:
        return times.show(value)
    return show_duration(value) if name in DURATIONS else str(value)


def head_of(event: SlaEvent) -> Head:
    """The head of what was said."""
    kind = event.retracts_type or event.type
    what = event.outcome or "" if kind == OUTCOME else kind.split(".")[1]
    withdrawn = event.type == RETRACTION
    clock = event.metric + GOAL if event.target.kind == "kpi" else event.metric
    return (withdrawn, what, event.threshold or "", clock, event.cycle, event.at, event.ticket_id)


def show(event: SlaEvent, times: Times) -> str:
    """What was said, as `read_line` takes it."""
    withdrawn, what, threshold, metric, cycle, at, ticket = head_of(event)
    words = ["retract" if withdrawn else "", what, threshold, f"{metric}#{cycle}" if cycle > 1 else metric]
    words += ["at", times.show(at)]
    more = [f"reason {event.reason}"] if event.reason and not withdrawn else []
    more += [f"ticket {ticket}"] if ticket != TICKET else []
    return ", ".join([" ".join(filter(None, words)), *more])
