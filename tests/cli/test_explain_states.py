"""`replay --out state --explain`: every state with its history (contract §3)."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from sla_stream.cli.main import main

RUN = Path(__file__).parents[1] / "contract" / "example_run"
SCHEMA = Path(__file__).parents[2] / "schemas" / "timer-state.v1.schema.json"
GIVEN = ("replay", "--policies", str(RUN / "policies.yaml"), "--events", str(RUN / "events.jsonl"))


def seconds(state: dict[str, Any], *whats: str) -> float:
    return sum(
        (datetime.fromisoformat(each["to"]) - datetime.fromisoformat(each["from"])).total_seconds()
        for each in state["history"]
        if each["what"] in whats
    )


def test_sums_of_the_history_are_the_state(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main([*GIVEN, "--out", "state"]) == 0
    plain = [json.loads(line) for line in capsysbinary.readouterr().out.splitlines()]
    assert main([*GIVEN, "--out", "state", "--explain"]) == 0
    states = [json.loads(line) for line in capsysbinary.readouterr().out.splitlines()]
    schema = jsonschema_rs.validator_for(json.loads(SCHEMA.read_text()))
    for state in states:
        schema.validate(state)
        assert seconds(state, "running") == pytest.approx(state["elapsed_s"])
        assert seconds(state, "paused") == pytest.approx(state["paused_s"])
        assert seconds(state, "running", "paused", "closed_hours") == pytest.approx(state["wall_elapsed_s"])
    assert [{name: state[name] for name in state if name != "history"} for state in states] == plain


def test_csv_has_it_as_json_text(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main([*GIVEN, "--out", "state", "--explain", "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsysbinary.readouterr().out.decode())))
    assert json.loads(rows[0]["history"])[0]["event_id"] == "4711-1"


def test_late_and_refused_events(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """Only what was applied is told: here a late pause is, a conflicting and a much too late one are not."""
    lines = [
        ("a", "created", "02T10:00", "02T10:00", {}),
        ("c", "updated", "02T11:00", "02T11:00", {"status": "open"}),
        ("b", "updated", "02T10:30", "02T11:30", {"status": "pending"}),
        ("a", "updated", "02T10:10", "02T11:31", {"status": "on_hold"}),
        ("d", "updated", "02T10:20", "20T11:30", {"status": "on_hold"}),
    ]
    path = tmp_path / "log.jsonl"
    path.write_text("".join(
        json.dumps({
            "event_id": event_id, "ticket_id": "T", "kind": kind, "occurred_at": f"2026-03-{at}:00Z",
            "recorded_at": f"2026-03-{recorded}:00Z", **more,
        }) + "\n"
        for event_id, kind, at, recorded, more in lines
    ))  # fmt: skip
    words = ["replay", "--policies", str(RUN / "policies.yaml"), "--events", str(path), "--clock", "recorded"]
    assert main([*words, "--out", "state", "--explain", "--as-of", "2026-03-20T12:00:00Z"]) == 1
    (state,) = [json.loads(line) for line in capsysbinary.readouterr().out.splitlines()]
    assert [each["event_id"] for each in state["history"]] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--explain"], "--explain: has a meaning only with --out state, found --out events"),
        (["--explain", "--out", "state", "--retain", "30d"], "--explain: does not go with --retain"),
    ],
)
def test_wrong_flags(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*GIVEN, *words]) == 2
    assert capsys.readouterr().err.startswith(said)
