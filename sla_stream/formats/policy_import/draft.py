"""What an import has made of the other product's policies, before it is written down."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Hours:
    """Working hours, which no export of policies holds: time zone, days, window."""

    timezone: str = "Etc/UTC"
    days: str = "mon-fri"
    window: str = "09:00-17:00"
    given: bool = False
    """False: a placeholder that a person has to replace."""


@dataclass(slots=True)
class Clock:
    """One target of a policy: seconds by priority, in working hours or around the clock."""

    metric: str
    seconds: dict[str, int]
    working_hours: bool


@dataclass(slots=True)
class PolicyDraft:
    """One policy. `lost` says what keeps it from selecting the same tickets; then it is written as comments only."""

    name: str
    match: dict[str, Any]
    clocks: list[Clock]
    about: list[str] = field(default_factory=list)
    attention: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Draft:
    """The whole file. `head` and the drafts' `attention` are sentences for a person."""

    head: list[str]
    policies: list[PolicyDraft] = field(default_factory=list)
    attention: list[str] = field(default_factory=list)
    hours: Hours = Hours()

    @property
    def needs_hours(self) -> bool:
        """Whether some target counts in working hours."""
        return any(clock.working_hours for policy in self.policies for clock in policy.clocks)

    def counts(self) -> tuple[int, int, int]:
        """(policies written, policies left as comments, things that need a person)."""
        lost = sum(1 for policy in self.policies if policy.lost)
        things = len(self.attention) + sum(len(policy.attention) for policy in self.policies) + lost
        things += self.needs_hours and not self.hours.given
        return len(self.policies) - lost, lost, things
