"""Metrics of a worker: every name once, with its meaning and what to do when it moves.

Units are in the names. Labels have few values: partition numbers, dead-letter reasons, output types.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import generate_latest
from prometheus_client.process_collector import ProcessCollector

Name = Literal[
    # Ticket events read and committed. Flat while producers are busy: look at readiness.
    "sla_events_total",
    # Ticket events by what became of them (applied, duplicate, conflict, too_late). Many too_late: a source is
    # slower than `allowed_lateness`.
    "sla_events_outcome_total",
    # SLA events published, by type. Many retractions: a source delivers late; consider `hold_for`.
    "sla_outputs_total",
    # Records sent to the dead letters, by reason. Any rise: read the topic, its headers say where and why.
    "sla_dead_letters_total",
    # Events put in their place behind the newest of their ticket.
    "sla_late_events_total",
    # First events of unknown tickets that did not create them. A rise after a gap in a source is expected.
    "sla_unknown_tickets_total",
    # First events of tickets that no policy matches. Rising: a policy is missing.
    "sla_no_policy_tickets_total",
    # Log end minus our position, in offsets. Rising: add workers (up to the number of partitions).
    "sla_lag_offsets",
    # Tickets that wait for a deadline. Memory grows with it.
    "sla_open_timers",
    # The earliest deadline not yet fired, as Unix time; +Inf when there is none. In the past for longer than a
    # commit takes: the partition has a backlog or hangs, see the lag.
    "sla_next_due_seconds",
    # Seconds from an alarm's instant to its commit, for alarms fired live. Above 1 s: the broker or this machine
    # is overloaded; see the transaction latency.
    "sla_firing_lateness_seconds",
    # Seconds from begin to commit. Above 0.5 s: the broker is slow or in trouble.
    "sla_transaction_seconds",
    # Ticket events in one transaction. Always at its cap: the worker is catching up.
    "sla_transaction_events",
    # Seconds from fencing to ready. Grows with the tickets of a partition.
    "sla_recovery_seconds",
    # Partitions owned and ready.
    "sla_partitions_ready",
    # Partitions stopped by dead letters. Above 0: fix the source, restart, or lift `max_dead_letters`.
    "sla_partitions_paused",
    # Number of the newest policy set adopted, by partition; 0: from the file. Differs for longer than seconds: look
    # at that worker.
    "sla_policy_set",
    # Records of the policies topic that cannot be used. Any rise: somebody else writes there; push the right set.
    "sla_policy_records_refused_total",
    "sla_tickets_unjudged_total",
    # Group rebalances seen. Rising steadily: members come and go, look at their logs.
    "sla_rebalances_total",
    # Local clock minus the broker's. Above 5 s: repair the clock; the worker is not ready meanwhile.
    "sla_clock_skew_seconds",
    # Proofs asked of the broker before firing, and how many gave up waiting for an open source transaction.
    "sla_proofs_total",
    "sla_proofs_open_transaction_total",
]
NAMES: Final[tuple[Name, ...]] = get_args(Name)

_LATENESS: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 30.0, 300.0)
_LATENCY: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0, 15.0)
_SIZES: Final = (1.0, 10.0, 100.0, 500.0, 1_000.0, 2_000.0, 4_000.0)


class Metrics:
    """The worker's metrics in a registry of their own."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.events = self._counter("sla_events_total", "ticket events committed", "partition")
        self.event_outcomes = self._counter("sla_events_outcome_total", "ticket events by result", "result")
        self.outputs = self._counter("sla_outputs_total", "SLA events published", "type")
        self.dead_letters = self._counter("sla_dead_letters_total", "records that can never apply", "reason")
        self.late = self._counter("sla_late_events_total", "events put in their place")
        self.unknown_tickets = self._counter("sla_unknown_tickets_total", "tickets first seen in mid-life")
        self.no_policy = self._counter("sla_no_policy_tickets_total", "tickets that no policy matches")
        self.lag = self._gauge("sla_lag_offsets", "log end minus position", "partition")
        self.open_timers = self._gauge("sla_open_timers", "tickets that wait for a deadline", "partition")
        self.next_due = self._gauge("sla_next_due_seconds", "earliest deadline not yet fired", "partition")
        self.lateness = self._histogram("sla_firing_lateness_seconds", "instant to commit", _LATENESS)
        self.transaction = self._histogram("sla_transaction_seconds", "begin to commit", _LATENCY)
        self.transaction_events = self._histogram("sla_transaction_events", "events in a transaction", _SIZES)
        self.recovery = self._gauge("sla_recovery_seconds", "fencing to ready", "partition")
        self.ready = self._gauge("sla_partitions_ready", "partitions owned and ready")
        self.paused = self._gauge("sla_partitions_paused", "partitions stopped by dead letters")
        self.policy_set = self._gauge("sla_policy_set", "newest policy set adopted", "partition")
        self.policies_refused = self._counter("sla_policy_records_refused_total", "policy records refused")
        self.tickets_unjudged = self._counter(
            "sla_tickets_unjudged_total", "tickets that a policy set could not judge, left under the sets before"
        )
        self.rebalances = self._counter("sla_rebalances_total", "rebalances seen")
        self.skew = self._gauge("sla_clock_skew_seconds", "local clock minus the broker's")
        self.proofs = self._counter("sla_proofs_total", "proofs asked before firing")
        self.open_transactions = self._counter(
            "sla_proofs_open_transaction_total", "proofs that gave up waiting for an open source transaction"
        )

    def render(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self.registry)

    def _counter(self, name: Name, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _gauge(self, name: Name, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry)

    def _histogram(self, name: Name, text: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(name, text, registry=self.registry, buckets=buckets)
