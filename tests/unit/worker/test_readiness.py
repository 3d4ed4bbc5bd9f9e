"""Ready, or the reasons why not."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from sla_stream.worker.readiness import Readiness


def readiness(silent_s: float = 0.0, skew_ms: int = 0, **partition: Any) -> Readiness:
    heart: Any = SimpleNamespace(last_beat=time.monotonic(), stopping=False)
    one = SimpleNamespace(**{"number": 3, "paused": None, "ready": True} | partition)
    assignment: Any = SimpleNamespace(assigned_once=True, partitions={3: one})
    clock: Any = SimpleNamespace(silent_s=silent_s, skew_ms=skew_ms)
    return Readiness(heart, assignment, clock)


def test_ready() -> None:
    assert readiness(silent_s=11).not_ready() == []


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"silent_s": 21.4}, "the broker has not answered for 21 s"),
        ({"skew_ms": -6_000}, "the local clock is -6.0 s off the broker's"),
        ({"ready": False}, "partition 3 is recovering"),
        ({"paused": "partition 3 is paused: poison"}, "partition 3 is paused: poison"),
    ],
)
def test_reasons(changed: dict[str, Any], reason: str) -> None:
    assert readiness(**changed).not_ready() == [reason]
