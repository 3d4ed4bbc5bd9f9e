"""What can go wrong, and who has to act.

SlaStreamError
├─ ConfigError        the operator fixes a file, flag or variable; exit 2; says where, what was found, what was expected
├─ InvalidRecord      this record can never work: dead letter with a reason code
├─ RetryableError     may work later: back off, commit nothing
└─ ReplayDivergence   a replay disagrees with what was published; exit 1, first difference shown

Late, duplicate and unknown-ticket events are not errors: the engine has a rule and a counter for each.
A broken invariant is a bug: it asserts, the process ends, and the log repairs.
"""

from __future__ import annotations

from typing import Literal

Reason = Literal["json", "schema", "key", "conflict", "future", "too_large", "engine_error", "too_late"]
"""Reason codes of dead letters and late records (header `sla-reason`)."""


class SlaStreamError(Exception):
    """Root of everything this package raises on purpose."""


class ConfigError(SlaStreamError):
    """The operator can fix it. `str(error)` is complete: one line for each problem, each with its place."""


class InvalidRecord(SlaStreamError):
    """The record can never be applied. `reason` is the dead-letter code, `detail` the sentence for a person."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: Reason = reason
        self.detail = detail


class RetryableError(SlaStreamError):
    """May work later."""


class ReplayDivergence(SlaStreamError):
    """A replay and the published record differ."""
