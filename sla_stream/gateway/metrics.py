"""Metrics of a gateway: every name once, with its meaning and what to do when it moves."""

from __future__ import annotations

from typing import Final, Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import generate_latest
from prometheus_client.process_collector import ProcessCollector

Name = Literal[
    # Requests by hook and HTTP status. 401 rising: a secret was changed on one side. 429: raise `rate` or
    # `in_flight`, or find out who sends so much. 503: Kafka is slow or away. Requests to no hook: hook "".
    "sla_gateway_requests_total",
    # Bytes of bodies that were stored, by hook.
    "sla_gateway_stored_bytes_total",
    # Tests of vendors (pings), answered and not stored.
    "sla_gateway_pings_total",
    # Requests refused before anything was stored, by hook and why ("signature", "json", "too_large", ...).
    "sla_gateway_refused_total",
    # Seconds from the request's headers to its answer, of stored ones. Above 1 s: the brokers are slow; vendors give
    # up after 5 to 10.
    "sla_gateway_answer_seconds",
    # Bytes of bodies held, and records that wait for Kafka's acknowledgement. Rising: Kafka is slow or away.
    "sla_gateway_buffer_bytes",
    "sla_gateway_waiting_records",
]
NAMES: Final[tuple[Name, ...]] = get_args(Name)

_LATENCY: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class GatewayMetrics:
    """The metrics in a registry of their own."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = self._counter("sla_gateway_requests_total", "requests", "hook", "status")
        self.stored_bytes = self._counter("sla_gateway_stored_bytes_total", "bytes stored", "hook")
        self.pings = self._counter("sla_gateway_pings_total", "tests answered and not stored", "hook")
        self.refused = self._counter("sla_gateway_refused_total", "requests refused", "hook", "why")
        self.answer = Histogram(
            "sla_gateway_answer_seconds", "request to answer, stored", registry=self.registry, buckets=_LATENCY
        )
        self.buffer = self._gauge("sla_gateway_buffer_bytes", "bytes of bodies held")
        self.waiting = self._gauge("sla_gateway_waiting_records", "records without an acknowledgement yet")

    def render(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self.registry)

    def _counter(self, name: Name, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _gauge(self, name: Name, text: str) -> Gauge:
        return Gauge(name, text, registry=self.registry)
