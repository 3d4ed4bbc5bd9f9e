"""Every metric is declared once, has a unit, and is in what Prometheus reads."""

from __future__ import annotations

from sla_stream.observe.metrics import NAMES, Metrics


def test_every_name_is_exported_and_nothing_else() -> None:
    metrics = Metrics()
    collected = {family.name for family in metrics.registry.collect() if family.name.startswith("sla_")}
    assert collected == {name.removesuffix("_total") for name in NAMES}


def test_two_workers_in_one_process_do_not_collide() -> None:
    first, second = Metrics(), Metrics()
    first.events.labels(0).inc(3)
    assert b'sla_events_total{partition="0"} 3.0' in first.render()
    assert b'sla_events_total{partition="0"}' not in second.render()
