"""One plain sentence for a person about one SLA event (`data.summary`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sla_stream.core.sla_events import BREACH, ESCALATION, OUTCOME, WARNING, SlaEvent


def summary(event: SlaEvent, due: str | None) -> str:
    """What the event says; a retraction has the sentence of what it withdraws. `due` is `due_at` as text."""
    kind = event.retracts_type or event.type
    metric = event.metric.replace("_", " ")
    said = _SAYS[kind](event, due)
    return f"{metric[0].upper()}{metric[1:]} of ticket {event.ticket_id} {said} (policy {event.target.policy})."


def plain_duration(ms: int) -> str:
    """`45s`, `30m`, `1h30m`, `26h`: the two largest units, rounded down; never negative."""
    seconds = max(ms, 0) // 1000
    if seconds < 60:
        return f"{seconds}s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes}m{seconds}s" if seconds else f"{minutes}m"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes}m" if minutes else f"{hours}h"


def _warning(event: SlaEvent, due: str | None) -> str:
    threshold = event.threshold or ""
    if threshold.endswith("%"):
        return f"has used {threshold} of its {plain_duration(event.target_ms)}, due at {due}"
    return f"has {threshold.lstrip('-')} left, due at {due}"


def _breach(event: SlaEvent, due: str | None) -> str:
    return f"is overdue since {due}, target {plain_duration(event.target_ms)}"


def _escalation(event: SlaEvent, due: str | None) -> str:
    return f"is overdue by {(event.threshold or '').lstrip('+')}, was due at {due}"


def _outcome(event: SlaEvent, due: str | None) -> str:
    if event.outcome == "met":
        return f"was met after {plain_duration(event.elapsed)} of {plain_duration(event.target_ms)}"
    if event.outcome == "missed":
        return f"was missed by {plain_duration(event.overrun)}, target {plain_duration(event.target_ms)}"
    return f"was cancelled after {plain_duration(event.elapsed)} of {plain_duration(event.target_ms)}"


_SAYS: Final[dict[str, Callable[[SlaEvent, str | None], str]]] = {
    WARNING: _warning,
    BREACH: _breach,
    ESCALATION: _escalation,
    OUTCOME: _outcome,
}
