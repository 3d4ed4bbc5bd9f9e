"""One ticket out of a log: which events count, where they stood, and the explanation as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs

from sla_stream.core.engine import EngineSettings
from sla_stream.core.policy import PolicySet
from sla_stream.formats.policy_file import parse_policies
from sla_stream.history.explain import explanation_json, state_with_history
from sla_stream.history.explain_text import explanation_lines, span
from sla_stream.history.log import LogFile
from sla_stream.history.replay import Clock
from sla_stream.history.ticket_history import TicketHistory, ticket_history

SCHEMA = Path(__file__).parents[3] / "schemas" / "timer-state.v1.schema.json"
POLICIES = """\
apiVersion: sla-stream/v1
policies:
  - name: all
    targets:
      resolution: {target: 1h, pause: [{status: pending}]}
"""


def policies() -> PolicySet:
    return parse_policies(POLICIES, "policies.yaml")


def line(event_id: str, kind: str, at: str, ticket: str = "T-1", **more: Any) -> str:
    event = {"event_id": event_id, "ticket_id": ticket, "kind": kind, "occurred_at": f"2026-03-02T{at}:00Z"}
    return json.dumps(event | more)


def history(tmp_path: Path, *lines: str, clock: Clock = "occurred", **more: Any) -> tuple[TicketHistory, LogFile]:
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(lines) + "\n")
    log = LogFile(str(path), timed=clock == "recorded")
    return ticket_history(log, "T-1", policies(), EngineSettings(settle_for=0), clock, **more), log


def left_out(found: TicketHistory) -> list[tuple[str, str, str]]:
    return [(each.place.rsplit(":", 1)[1], each.event_id, each.why.split(":")[0]) for each in found.left_out]


def test_what_applies_and_what_does_not(tmp_path: Path) -> None:
    found, _ = history(
        tmp_path,
        line("b", "updated", "10:20", status="pending"),
        line("a", "created", "10:00"),
        "nonsense",
        line("x", "created", "11:00", ticket="T-2"),
        line("a", "created", "10:00"),
        line("b", "updated", "10:10", status="on_hold"),
    )
    assert [event.event_id for event in found.events] == ["a", "b"]
    assert [found.places[event.event_id].rsplit(":", 1)[1] for event in found.events] == ["2", "1"]
    assert left_out(found) == [("5", "a", "duplicate"), ("6", "b", "conflict")]
    assert found.unreadable == 1
    assert found.adds_up


def test_the_clock_stands_at_the_last_instant_of_the_whole_log(tmp_path: Path) -> None:
    found, _ = history(tmp_path, line("a", "created", "10:00"), line("x", "created", "12:00", ticket="T-2"))
    assert found.story is not None
    (clock,) = found.story.clocks
    assert clock.state.elapsed == 2 * 3_600_000
    assert clock.state.breached


def test_as_of_leaves_out_what_comes_later(tmp_path: Path) -> None:
    as_of = 1772446800000 - 1_800_000  # 10:00 minus half an hour before 10:30
    found, _ = history(tmp_path, line("a", "created", "09:00"), line("b", "resolved", "11:00"), as_of=as_of + 3_600_000)
    assert left_out(found) == [("2", "b", "after the instant of the question")]


def test_recorded_order_leaves_out_what_came_too_late(tmp_path: Path) -> None:
    found, _ = history(
        tmp_path,
        line("a", "created", "10:00", recorded_at="2026-03-02T10:00:00Z"),
        line("c", "updated", "10:30", recorded_at="2026-03-12T10:00:00Z", status="pending"),
        line("b", "updated", "10:10", recorded_at="2026-03-12T10:00:01Z", status="on_hold"),
        line("d", "updated", "10:10", recorded_at="2026-03-02T10:00:00Z", status="on_hold"),
        clock="recorded",
    )
    assert left_out(found) == [("4", "d", "future"), ("2", "c", "too late"), ("3", "b", "too late")]
    assert found.adds_up


def test_a_late_event_shows_in_what_was_said(tmp_path: Path) -> None:
    found, log = history(
        tmp_path,
        line("a", "created", "10:00", recorded_at="2026-03-02T10:00:00Z"),
        line("b", "resolved", "10:30", recorded_at="2026-03-02T12:00:00Z"),
        clock="recorded",
    )
    said = explanation_json(found, log)["said"]
    assert [each["type"].split(".")[1] for each in said] == ["breach", "retraction", "outcome"]
    assert said[1]["retracts"] == said[0]["id"]
    text = "\n".join("".join(each.text for each in row) for row in explanation_lines(found, log))
    assert "taken back: breach resolution #1, dated 2026-03-02T11:00:00Z (late_event)" in text


def test_no_such_ticket(tmp_path: Path) -> None:
    found, _ = history(tmp_path, line("x", "created", "10:00", ticket="T-2"))
    assert found.story is None
    assert not found.adds_up
    empty, _ = history(tmp_path)
    assert empty.as_of is None


def test_history_fits_the_schema_of_timer_states(tmp_path: Path) -> None:
    found, _ = history(
        tmp_path,
        line("a", "created", "10:00"),
        line("b", "updated", "10:20", status="pending", reason="waits"),
        line("c", "resolved", "10:50"),
    )
    assert found.story is not None
    (clock,) = found.story.clocks
    state = state_with_history(clock.state, clock)
    jsonschema_rs.validator_for(json.loads(SCHEMA.read_text())).validate(state)
    assert state["history"] == [
        {
            "from": "2026-03-02T10:00:00.000Z",
            "to": "2026-03-02T10:20:00.000Z",
            "what": "running",
            "reason": "created",
            "event_id": "a",
        },
        {
            "from": "2026-03-02T10:20:00.000Z",
            "to": "2026-03-02T10:50:00.000Z",
            "what": "paused",
            "reason": "status pending: waits",
            "event_id": "b",
        },
    ]
    assert (state["elapsed_s"], state["paused_s"]) == (1200, 1800)


def test_durations_in_words() -> None:
    assert [span(ms) for ms in (0, 250, 1_000, 61_000, 3_600_000, 90_061_001, -60_000)] == [
        "0", "0.250s", "1s", "1m1s", "1h", "25h1m1.001s", "-1m",
    ]  # fmt: skip
