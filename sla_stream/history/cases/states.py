"""States of clocks as they are written in a case file: `running, due Mon 10:00, elapsed 30m`, or a mapping of the same.

`none` says that there is no such cycle. Only what is written is checked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sla_stream.core.cycle import STAGES
from sla_stream.core.views import TimerState
from sla_stream.formats.policy_file.findings import did_you_mean, one_of, quote, show
from sla_stream.history.cases.said import GOAL
from sla_stream.history.cases.times import Times, read_duration, show_duration

ABSENT: Final = "none"
INSTANTS: Final = ("due", "started", "ended", "breached_at")
DURATIONS: Final = ("elapsed", "remaining", "paused", "target")
TRUTHS: Final = ("breached", "open_hours")
TEXTS: Final = ("stage", "policy", "schedule")
KNOWN: Final = (*TEXTS[:1], *INSTANTS, *DURATIONS, *TRUTHS, *TEXTS[1:])

_VALUES: Final[dict[str, Callable[[TimerState], Any]]] = {
    "stage": lambda state: state.stage,
    "due": lambda state: state.due_at,
    "started": lambda state: state.started_at,
    "ended": lambda state: state.ended_at,
    "breached_at": lambda state: state.breached_at,
    "elapsed": lambda state: state.elapsed,
    "remaining": lambda state: state.target - state.elapsed,
    "paused": lambda state: state.paused,
    "target": lambda state: state.target,
    "breached": lambda state: state.breached,
    "open_hours": lambda state: state.open_hours,
    "policy": lambda state: state.policy,
    "schedule": lambda state: state.schedule,
}
_TRUTH: Final = {"yes": True, "true": True, "no": False, "false": False}


@dataclass(frozen=True, slots=True)
class ExpectedState:
    """What a cycle of a ticket should look like at an instant; no values: it should not exist."""

    at: int
    ticket: str
    metric: str
    cycle: int
    values: dict[str, Any] | None

    def differences(self, state: TimerState | None, times: Times) -> list[str]:
        """One sentence each."""
        if state is None:
            return [] if self.values is None else ["expected a cycle, there is none"]
        if self.values is None:
            return [f"expected none, there is one: {state.stage}"]
        return [
            f"{name}: expected {_show(name, expected, times)}, is {_show(name, value, times)}"
            for name, expected in self.values.items()
            if (value := _VALUES[name](state)) != expected
        ]


def read_state(written: Any, times: Times) -> dict[str, Any] | None:
    """The values to check; None for `none`. ValueError says what is wrong."""
    if written == ABSENT:
        return None
    if isinstance(written, str):
        written = dict(_word(part.strip()) for part in written.split(","))
    if not isinstance(written, dict) or not written:
        raise ValueError(f"found {show(written)}; expected e.g. 'running, due Mon 10:00', a mapping, or none")
    return {name: _value(name, value, times) for name, value in written.items()}


def clock_of(state: TimerState) -> str:
    """The clock as `read_clock` names it."""
    return state.metric + GOAL if state.kind == "kpi" else state.metric


def _word(text: str) -> tuple[str, str]:
    if text in STAGES:
        return "stage", text
    if text == "breached":
        return "breached", "yes"
    name, _, value = text.partition(" ")
    if not value:
        known = (*STAGES, "breached", *KNOWN)
        raise ValueError(f"{quote(text)}; expected a stage ({one_of(STAGES)}) or a name and a value"
                         f"{did_you_mean(text, known)}")  # fmt: skip
    return name, value


def _value(name: str, value: Any, times: Times) -> Any:
    if name not in KNOWN:
        raise ValueError(f"{quote(name)}; expected {one_of(KNOWN)}{did_you_mean(name, KNOWN)}")
    if name in TRUTHS:
        if not isinstance(value, bool) and value not in _TRUTH:
            raise ValueError(f"{name}: found {show(value)}; expected yes or no")
        return value if isinstance(value, bool) else _TRUTH[value]
    if not isinstance(value, str):
        raise ValueError(f"{name}: found {show(value)}; expected text")
    if name in INSTANTS:
        return None if value == ABSENT else times.read(value)
    if name in DURATIONS:
        return read_duration(value)
    if name == "stage" and value not in STAGES:
        raise ValueError(f"{quote(value)}; expected {one_of(STAGES)}{did_you_mean(value, STAGES)}")
    return value


def _show(name: str, value: Any, times: Times) -> str:
    if value is None:
        return ABSENT
    if name in INSTANTS:
        return times.show(value)
    if name in DURATIONS:
        return show_duration(value)
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
