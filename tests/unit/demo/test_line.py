"""An SLA event as a line for a person."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from sla_stream.demo.line import Line, duration, line, short_instant


def said(kind: str, **data: Any) -> Line:
    known: dict[str, Any] = {
        "at": "2016-03-01T10:00:00.000Z",
        "due_at": "2016-03-01T12:00:00.000Z",
        "ticket_id": "INC7",
        "metric": "resolution",
        "threshold": None,
        "outcome": None,
        "reason": None,
        "target_s": 28_800,
        "elapsed_s": 23_040,
        "remaining_s": 5_760,
        "ticket": {"priority": "2 - High", "group": "Group 70"},
    }
    return line(orjson.dumps({"type": f"sla.{kind}.v1", "data": known | data}))


def test_warning() -> None:
    assert said("warning", threshold="80%") == Line(
        "warning",
        "warning",
        "2016-03-01 10:00  warning     INC7  resolution      80%        "
        "1h36m left, due 2016-03-01 12:00 · 2 - High · Group 70",
    )


def test_breach() -> None:
    assert said("breach").text.endswith("target 8h passed · 2 - High · Group 70")


def test_escalation() -> None:
    assert said("escalation", threshold="+1h").text.endswith(
        "+1h        due since 2016-03-01 12:00 · 2 - High · Group 70"
    )


@pytest.mark.parametrize("outcome", ["met", "missed", "cancelled"])
def test_outcome_has_the_style_of_its_end(outcome: str) -> None:
    shown = said("outcome", outcome=outcome)
    assert shown.style == outcome
    assert outcome in shown.text
    assert shown.text.endswith("used 6h24m of 8h")


@pytest.mark.parametrize(
    ("data", "withdrawn"),
    [({"outcome": "met"}, "met"), ({"threshold": "80%"}, "80%"), ({}, "breach")],
)
def test_retraction_says_what_and_why(data: dict[str, Any], withdrawn: str) -> None:
    shown = said("retraction", reason="reopened", **data)
    assert shown.style == "retraction"
    assert f"  {withdrawn} " in shown.text
    assert shown.text.endswith("withdrawn: reopened")


def test_short_forms() -> None:
    assert short_instant(None) == "-"
    texts = [duration(one) for one in (0, 12, 60, 61, 3600, 3660, 90_000, -3900.4)]
    assert texts == ["0s", "12s", "1m", "1m01s", "1h", "1h01m", "25h", "-1h05m"]
