"""Filtering, folding and showing states of the timers topic."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sla_stream.formats.instants import parse_instant
from sla_stream.history.tickets import Filter, _fold, table


def state(**more: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "ticket_id": "T-1", "metric": "resolution", "cycle": 1, "stage": "running", "breached": False,
        "due_at": "2026-03-02T12:00:00.000Z", "ended_at": None, "remaining_s": 3723.5, "policy": "gold",
    }  # fmt: skip
    return found | more


def view(*cycles: dict[str, Any]) -> bytes:
    return json.dumps({"cycles": cycles, "as_of": "2026-03-02T11:00:00.000Z"}).encode()


@pytest.mark.parametrize(
    ("wanted", "passes", "fails"),
    [
        (Filter(stages=frozenset({"paused"})), {"stage": "paused"}, {}),
        (Filter(breached=True), {"breached": True}, {}),
        (Filter(breached=False), {}, {"breached": True}),
        (Filter(metrics=frozenset({"pickup"})), {"metric": "pickup"}, {}),
        (Filter(policies=frozenset({"base"})), {"policy": "base"}, {}),
        (Filter(due_before=parse_instant("2026-03-02T12:00:00.001Z")), {}, {"due_at": None}),
        (Filter(due_before=parse_instant("2026-03-02T12:00:00Z")), {"due_at": "2026-03-02T11:59:59.999Z"}, {}),
    ],
)
def test_filters(wanted: Filter, passes: dict[str, Any], fails: dict[str, Any]) -> None:
    assert wanted(state(**passes))
    assert not wanted(state(**fails))


def test_the_last_record_of_a_key_counts() -> None:
    found: dict[bytes, list[dict[str, Any]]] = {}
    wanted = Filter(stages=frozenset({"running"}))
    _fold(found, b"T-1", view(state(), state(cycle=2, stage="met")), wanted)
    assert [each["cycle"] for each in found[b"T-1"]] == [1]
    assert found[b"T-1"][0]["as_of"] == "2026-03-02T11:00:00.000Z"
    _fold(found, b"T-1", view(state(stage="met")), wanted)
    assert not found
    _fold(found, b"T-1", view(state()), wanted)
    _fold(found, b"T-1", None, wanted)
    assert not found


def test_table() -> None:
    lines = table([state(), state(ticket_id="T-22", breached=True, remaining_s=-60, due_at=None)])
    assert lines == [
        "ticket  metric      cycle  stage     due                   left      policy",
        "T-1     resolution  1      running   2026-03-02T12:00:00Z  1:02:03   gold",
        "T-22    resolution  1      running!  -                     -0:01:00  gold",
    ]
