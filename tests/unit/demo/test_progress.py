"""The progress line and what it is made of."""

from __future__ import annotations

from sla_stream.demo.gauges import Gauges, parse
from sla_stream.demo.progress import Progress

METRICS = """\
# HELP sla_events_total ticket events committed
# TYPE sla_events_total counter
sla_events_total{partition="0"} 1200.0
sla_events_total{partition="1"} 34.0
sla_open_timers{partition="0"} 7.0
sla_open_timers{partition="1"} 5.0
sla_next_due_seconds{partition="0"} 1.456790400123e+09
sla_next_due_seconds{partition="1"} +Inf
"""


def test_gauges_are_summed_over_partitions_and_the_earliest_deadline_counts() -> None:
    assert parse(METRICS) == Gauges(events=1234, open_timers=12, next_due=1_456_790_400_123)


def test_a_worker_that_waits_for_nothing_has_no_deadline() -> None:
    assert parse('sla_next_due_seconds{partition="0"} +Inf\n') == Gauges()


def test_line() -> None:
    seconds = iter([0.0, 2.0, 9.0])
    progress = Progress(lambda: next(seconds))
    progress.said.update(["breach", "breach", "warning", "outcome"])
    assert progress.text(Gauges(events=1_000), 1_500, 1_456_790_400_000) == (
        "2016-03-01 00:00 · 1,000 events · 0/s · lag 500 · 0 timers open"
        " · 1 warned · 2 breached · 0 escalated · 1 ended · 0 withdrawn"
    )
    assert "· 250/s ·" in progress.text(Gauges(events=1_500), 1_500, 0)
    progress.said["retraction"] += 1
    assert progress.text(Gauges(events=1_500), 1_500, 0).endswith("· 1 withdrawn")
