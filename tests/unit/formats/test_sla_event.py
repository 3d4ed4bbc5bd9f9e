"""SLA events to bytes."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import Any

import pytest

from sla_stream.core.policy import Rules, Target, Threshold
from sla_stream.core.schedule import FAR, Schedule
from sla_stream.core.sla_events import SlaEvent
from sla_stream.formats.attributes import ticket_json
from sla_stream.formats.sentences import plain_duration
from sla_stream.formats.sla_event import (
    DATA_FIELDS,
    ENVELOPE_FIELDS,
    SlaEventRenderer,
    render_csv_header,
    render_csv_row,
    source_of,
)

T0 = 1_772_438_400_000  # 2026-03-02T08:00:00Z
HOUR = 3_600_000
TARGET = Target(
    ref=7,
    policy="acme-gold",
    policy_version="0123456789ab",
    metric="first_response",
    schedule=Schedule.always("24x7"),
    rules=Rules(),
    duration=HOUR,
    warnings=(Threshold("80%", percent=80), Threshold("-10m", before=600_000, actions={"notify": ["kim"]})),
    escalations=(Threshold("+1h", after=HOUR, actions={"notify": ["boss"], "runbook": "https://r"}),),
    breach_actions={"notify": ["lead"], "credit": {"amount": 25, "currency": "EUR"}},
)
DEFAULTS: dict[str, Any] = {
    "own_id": "58d14068-4704-54ef-b6f6-75c9c4caf096", "type": "sla.breach.v1", "ticket_id": "T-1",
    "metric": "first_response", "clock": "first_response", "raw": None,
    "cycle": 1, "threshold": None, "target": TARGET, "target_ms": HOUR,
    "started_at": T0, "due_at": T0 + HOUR, "at": T0 + HOUR, "elapsed": HOUR, "paused": 0, "overrun": 0,
    "outcome": None, "reason": None, "ticket": {"status": "open"}, "revision": 0, "supersedes": None,
    "late_attach": False, "retracts": None, "retracts_type": None, "decided_at": T0 + HOUR + 1,
    "evidence": (5, T0),
}  # fmt: skip


def sla_event(**changed: Any) -> SlaEvent:
    return SlaEvent(**(DEFAULTS | changed))


def rendered(**changed: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(SlaEventRenderer("/desk", "in", 3).render(sla_event(**changed)))
    return found


def test_a_breach_in_full() -> None:
    assert rendered() == {
        "specversion": "1.0",
        "id": "58d14068-4704-54ef-b6f6-75c9c4caf096",
        "source": "/desk",
        "type": "sla.breach.v1",
        "subject": "T-1",
        "time": "2026-03-02T09:00:00.000Z",
        "datacontenttype": "application/json",
        "dataschema": "urn:sla-stream:schema:sla-event:v1",
        "partitionkey": "T-1",
        "data": {
            "ticket_id": "T-1",
            "metric": "first_response",
            "policy": "acme-gold",
            "policy_version": "0123456789ab",
            "schedule": "24x7",
            "cycle": 1,
            "target_s": 3600,
            "started_at": "2026-03-02T08:00:00.000Z",
            "due_at": "2026-03-02T09:00:00.000Z",
            "at": "2026-03-02T09:00:00.000Z",
            "threshold": None,
            "elapsed_s": 3600,
            "remaining_s": 0,
            "overrun_s": 0,
            "paused_s": 0,
            "wall_elapsed_s": 3600,
            "outcome": None,
            "revision": 0,
            "supersedes": None,
            "retracts": None,
            "reason": None,
            "late_attach": False,
            "incident": "T-1/first_response/1",
            "summary": "First response of ticket T-1 is overdue since 2026-03-02T09:00:00Z, target 1h "
            "(policy acme-gold).",
            "url": None,
            "decided_at": "2026-03-02T09:00:00.001Z",
            "late_s": 0.001,
            "evidence": {"topic": "in", "partition": 3, "offset": 5, "recorded_at": "2026-03-02T08:00:00.000Z"},
            "ticket": {"status": "open"},
            "actions": {"notify": ["lead"], "runbook": None, "credit": {"amount": 25, "currency": "EUR"}},
        },
    }


def test_every_field_is_written_in_order() -> None:
    found = rendered()
    assert tuple(found) == (*ENVELOPE_FIELDS, "data")
    assert tuple(found["data"]) == DATA_FIELDS


@pytest.mark.parametrize(
    ("changed", "actions"),
    [
        ({"type": "sla.warning.v1", "threshold": "80%"}, {}),
        ({"type": "sla.warning.v1", "threshold": "-10m"}, {"notify": ["kim"]}),
        ({"type": "sla.escalation.v1", "threshold": "+1h"}, {"notify": ["boss"], "runbook": "https://r"}),
        ({"type": "sla.outcome.v1", "outcome": "missed"}, {}),
    ],
)
def test_actions_belong_to_what_is_said(changed: dict[str, Any], actions: dict[str, Any]) -> None:
    assert rendered(**changed)["data"]["actions"] == {"notify": None, "runbook": None, "credit": None} | actions


@pytest.mark.parametrize(
    ("changed", "summary"),
    [
        ({"type": "sla.warning.v1", "threshold": "80%"}, "has used 80% of its 1h, due at 2026-03-02T09:00:00Z"),
        ({"type": "sla.warning.v1", "threshold": "-10m"}, "has 10m left, due at 2026-03-02T09:00:00Z"),
        ({"type": "sla.escalation.v1", "threshold": "+1h"}, "is overdue by 1h, was due at 2026-03-02T09:00:00Z"),
        ({"type": "sla.outcome.v1", "outcome": "met", "elapsed": 90_500}, "was met after 1m30s of 1h"),
        ({"type": "sla.outcome.v1", "outcome": "missed", "overrun": 26 * HOUR}, "was missed by 26h, target 1h"),
        ({"type": "sla.outcome.v1", "outcome": "cancelled", "elapsed": 0}, "was cancelled after 0s of 1h"),
        ({"due_at": T0 + HOUR + 5}, "is overdue since 2026-03-02T09:00:00.005Z, target 1h"),
    ],
)
def test_summary(changed: dict[str, Any], summary: str) -> None:
    text = f"First response of ticket T-1 {summary} (policy acme-gold)."
    assert rendered(**changed)["data"]["summary"] == text


@pytest.mark.parametrize(
    "said",
    [
        {"type": "sla.warning.v1", "threshold": "-10m", "late_attach": True},
        {"type": "sla.breach.v1", "revision": 2},
        {"type": "sla.escalation.v1", "threshold": "+1h"},
        {"type": "sla.outcome.v1", "outcome": "missed", "reason": "deleted", "supersedes": DEFAULTS["own_id"]},
    ],
)
def test_a_retraction_repeats_what_it_withdraws(said: dict[str, Any]) -> None:
    before = rendered(**said)
    after = rendered(
        **said
        | {
            "type": "sla.retraction.v1",
            "retracts_type": said["type"],
            "retracts": before["id"],
            "own_id": "00000000-0000-5000-8000-000000000000",
            "reason": "late_event",
            "decided_at": T0 + 9 * HOUR,
            "evidence": (9, T0 + 9 * HOUR),
        }
    )
    may_differ = {"retracts", "reason", "decided_at", "late_s", "evidence"}
    assert after["time"] == before["time"]
    assert {name for name in DATA_FIELDS if after["data"][name] != before["data"][name]} <= may_differ
    assert after["data"]["retracts"] == before["id"]


def test_text_is_escaped_everywhere() -> None:
    nasty = 'a"b\\c\n\t\u0000\u007f\u2028 é 工 🎫'
    renderer = SlaEventRenderer(nasty, nasty, 0)
    found = json.loads(renderer.render(sla_event(ticket_id=nasty, reason=nasty, ticket={"group": nasty, "url": nasty})))
    data = found["data"]
    assert found["subject"] == found["partitionkey"] == found["source"] == data["reason"] == data["url"] == nasty
    assert data["incident"] == f"{nasty}/first_response/1"
    assert data["evidence"]["topic"] == nasty
    assert data["ticket"] == {"group": nasty}
    assert nasty in data["summary"]


@pytest.mark.parametrize(("ms", "seconds"), [(0, "0"), (1500, "1.5"), (-1, "-0.001"), (-2000, "-2"), (90_000, "90")])
def test_seconds_are_whole_where_they_are_whole(ms: int, seconds: str) -> None:
    text = SlaEventRenderer("/", None, None).render(sla_event(paused=ms)).decode()
    assert f'"paused_s":{seconds},' in text


def test_a_deadline_that_never_comes_is_null() -> None:
    assert rendered(type="sla.outcome.v1", outcome="met", due_at=FAR)["data"]["due_at"] is None
    assert rendered(type="sla.outcome.v1", outcome="met", due_at=None)["data"]["due_at"] is None


def test_a_file_has_no_topic() -> None:
    evidence = json.loads(SlaEventRenderer("/", None, None).render(sla_event()))["data"]["evidence"]
    assert evidence == {"topic": None, "partition": None, "offset": 5, "recorded_at": "2026-03-02T08:00:00.000Z"}


def test_ticket_attributes() -> None:
    assert ticket_json({}) == "{}"
    assert ticket_json({"status": "open", "group": None}) == '{"status":"open"}'
    assert json.loads(
        ticket_json(
            {"custom.b": 1, "custom.a": None, "custom.x.y": True, "due_at": T0, "tags": ["a"], "url": "u", "plan": "p"}
        )
    ) == {"custom": {"b": 1, "x.y": True}, "due_at": "2026-03-02T08:00:00.000Z", "tags": ["a"], "plan": "p"}
    assert ticket_json({"due_at": None, "custom.a": None}) == "{}"
    assert ticket_json({"plan": "p", "group": "g"}) == ticket_json({"group": "g", "plan": "p"})


def test_csv() -> None:
    line = SlaEventRenderer(source_of("desk"), None, None).render(sla_event(ticket_id='a,"b"\nc'))
    rows = list(csv.DictReader(io.StringIO((render_csv_header() + render_csv_row(line)).decode(), newline="")))
    assert len(rows) == 1
    row = rows[0]
    assert list(row) == [*ENVELOPE_FIELDS, *(f"data.{name}" for name in DATA_FIELDS)]
    assert row["source"] == "/desk"
    assert row["subject"] == 'a,"b"\nc'
    assert row["data.threshold"] == ""
    assert row["data.cycle"] == "1"
    assert row["data.late_s"] == "0.001"
    assert row["data.late_attach"] == "false"
    assert json.loads(row["data.ticket"]) == {"status": "open"}
    assert json.loads(row["data.actions"])["credit"] == {"amount": 25, "currency": "EUR"}


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0s"),
        (999, "0s"),
        (59_000, "59s"),
        (60_000, "1m"),
        (61_000, "1m1s"),
        (HOUR, "1h"),
        (HOUR + 61_000, "1h1m"),
        (-5, "0s"),
    ],
)
def test_plain_durations(ms: int, text: str) -> None:
    assert plain_duration(ms) == text


def test_a_relaxed_outcome_says_both_results() -> None:
    data = rendered(type="sla.outcome.v1", outcome="met", raw=(T0, "missed"))["data"]
    assert (data["outcome"], data["raw_outcome"], data["raw_due_at"]) == ("met", "missed", "2026-03-02T08:00:00.000Z")
    assert "raw_outcome" not in rendered()["data"]


def test_a_stretch_goal_is_marked() -> None:
    assert rendered(target=replace(TARGET, ref=TARGET.ref + 1, kind="kpi"))["data"]["kind"] == "kpi"
    assert "kind" not in rendered()["data"]
