"""Metrics of an ingest worker: every name once, with its meaning and what to do when it moves."""

from __future__ import annotations

from typing import Final, Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import generate_latest
from prometheus_client.process_collector import ProcessCollector

Name = Literal[
    # Source records read and committed, by topic. Flat while sources are busy: look at readiness.
    "sla_ingest_records_total",
    # Ticket events made of them.
    "sla_ingest_events_total",
    # Source records that mean nothing (`ignore` of the mapping, tombstones). Nearly all: is it the right mapping?
    "sla_ingest_ignored_total",
    # Source records set aside, by reason. Any rise: read the dead letters, their headers say where and why.
    "sla_ingest_dead_letters_total",
    # Source records that were deleted by retention before they were read. Above 0: data is lost; the worker was
    # away for longer than the source topic keeps.
    "sla_ingest_lost_total",
    # Log end minus our position, in offsets, by topic and partition. Rising: add workers.
    "sla_ingest_lag_offsets",
    # Seconds from begin to commit. Above 0.5 s: the broker is slow or in trouble.
    "sla_ingest_transaction_seconds",
    # Partitions owned and ready, stopped by dead letters, or waiting for the schema registry.
    "sla_ingest_partitions_ready",
    "sla_ingest_partitions_paused",
    "sla_ingest_partitions_waiting",
    # Group rebalances seen. Rising steadily: members come and go, look at their logs.
    "sla_ingest_rebalances_total",
]
NAMES: Final[tuple[Name, ...]] = get_args(Name)

_LATENCY: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0, 15.0)


class IngestMetrics:
    """The metrics in a registry of their own."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.records = self._counter("sla_ingest_records_total", "source records committed", "topic")
        self.events = self._counter("sla_ingest_events_total", "ticket events made", "topic")
        self.ignored = self._counter("sla_ingest_ignored_total", "source records that mean nothing", "topic")
        self.dead_letters = self._counter("sla_ingest_dead_letters_total", "source records set aside", "reason")
        self.lost = self._counter("sla_ingest_lost_total", "source records deleted before they were read", "topic")
        self.lag = self._gauge("sla_ingest_lag_offsets", "log end minus position", "topic", "partition")
        self.transaction = Histogram(
            "sla_ingest_transaction_seconds", "begin to commit", registry=self.registry, buckets=_LATENCY
        )
        self.ready = self._gauge("sla_ingest_partitions_ready", "partitions owned and ready")
        self.paused = self._gauge("sla_ingest_partitions_paused", "partitions stopped by dead letters")
        self.waiting = self._gauge("sla_ingest_partitions_waiting", "partitions waiting for the schema registry")
        self.rebalances = self._counter("sla_ingest_rebalances_total", "rebalances seen")

    def render(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self.registry)

    def _counter(self, name: Name, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _gauge(self, name: Name, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry)
