"""Policies as plain data: what to time, how long, on which schedule, and for whom.

`formats.policy_file` builds these from YAML and has checked them; nothing here can be contradictory any more.
Durations are integer milliseconds of schedule time unless the name says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

from sla_stream.core.schedule import Schedule

Level = Literal["base", "service", "plan", "customer"]
LEVELS: Final[tuple[Level, ...]] = ("base", "service", "plan", "customer")

CONDITION_KEYS: Final = ("kind", "status", "left_status", "actor", "public", "changed", "has")
"""Keys of a condition with a meaning of their own; any other key is an attribute of the ticket."""
INNER_KEYS: Final = ("status_is", "lacks")
"""Further ones, for the built-in metrics."""


@dataclass(frozen=True, slots=True)
class Condition:
    """All `terms` must hold. A term is (key, allowed values); `public` holds booleans, the rest text or scalars.

    `changed` and `has` hold names of attributes. Custom attributes are called `custom.NAME`.
    """

    terms: tuple[tuple[str, tuple[Any, ...]], ...]


Conditions = tuple[Condition, ...]
"""Any of them may hold. Empty: never holds."""

Cycles = Literal["once", "each", "reopen"]


@dataclass(frozen=True, slots=True)
class Rules:
    """When a clock starts, pauses, ... as data. Order on one event: cancel, stop, reset, pause, resume, start.

    `pause` without `resume` holds while it is true; with `resume` it lasts from one event to the other.
    """

    start: Conditions = ()
    stop: Conditions = ()
    pause: Conditions = ()
    resume: Conditions = ()
    cancel: Conditions = ()
    reset: Conditions = ()
    cycles: Cycles = "each"


@dataclass(frozen=True, slots=True)
class Threshold:
    """A point on the clock at which something is said.

    `name` is what the policy wrote, with its sign: "80%", "-30m" (before the deadline), "+1h" (after it).
    Exactly one of `percent` (0 < percent < 100), `before`, `after` (ms of schedule time) is set.
    """

    name: str
    percent: float | None = None
    before: int | None = None
    after: int | None = None
    actions: dict[str, Any] = field(default_factory=dict, hash=False)
    """`notify` (list of str) and `runbook` (str), where the policy gives them."""


@dataclass(frozen=True, slots=True)
class Target:
    """One promise: this metric, within this time, on this schedule.

    `duration` is None for a target counted in business days (`business_days` is set then) and for `due_date`, whose
    deadline is the ticket's `due_at`.
    `ref` names the target in stored state: the same file gives the same number in every process; never 0.
    """

    ref: int
    policy: str
    policy_version: str
    metric: str
    schedule: Schedule
    rules: Rules
    duration: int | None
    business_days: int | None = None
    warnings: tuple[Threshold, ...] = ()
    escalations: tuple[Threshold, ...] = ()
    reopen: Literal["resume", "continue", "new_cycle"] = "resume"
    reopen_grace: int = 0
    """Wall-clock ms."""
    starts_from: Literal["start", "application"] = "start"
    kind: Literal["sla", "kpi"] = "sla"
    retarget: Literal["keep_elapsed", "restart"] = "keep_elapsed"
    breach_actions: dict[str, Any] = field(default_factory=dict, hash=False)
    """`notify`, `runbook`, `credit` as the policy says them."""


@dataclass(frozen=True, slots=True)
class Match:
    """Which tickets. All of `terms` must hold and, if given, `negated` must not.

    A term is (attribute, mode, values): mode "any" holds if the attribute (for tags: some tag) is among the
    values, "all" (tags only) if every value is a tag.
    """

    terms: tuple[tuple[str, Literal["any", "all"], tuple[Any, ...]], ...] = ()
    negated: Match | None = None


@dataclass(frozen=True, slots=True)
class PolicyTarget:
    """The targets of one metric in one policy, by priority. `default` is used where the priority has none."""

    metric: str
    by_priority: dict[str, Target]
    default: Target | None


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of one policy."""

    name: str
    version: str
    level: Level
    match: Match
    targets: tuple[PolicyTarget, ...]
    valid_from: int | None = None
    """ms; None: from the beginning. A policy of the same name with a later one is its next version."""
    on_change: Literal["pin", "migrate"] = "pin"


@dataclass(frozen=True, slots=True)
class Relaxation:
    """A dated relief: cycles that start in [start, end) have their target times `factor` plus `extra` ms."""

    name: str
    start: int
    end: int
    match: Match
    factor: float
    extra: int
    reason: str
    approved_by: str


@dataclass(frozen=True, slots=True)
class PolicySet:
    """Everything a policy file says. `digest` changes exactly when something that decides changes.

    `policies` are in the order in which they are asked: highest level first, then file order.
    `metrics` holds the rules of every built-in metric and of the file's own.
    """

    policies: tuple[Policy, ...]
    schedules: dict[str, Schedule]
    metrics: dict[str, Rules]
    digest: str
    relaxations: tuple[Relaxation, ...] = ()
