"""`sla-stream replay`: what comes in, what goes out, how it ends."""

from __future__ import annotations

import csv
import gc
import io
import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from sla_stream.cli.main import main

RUN = Path(__file__).parents[1] / "contract" / "example_run"
POLICIES = str(RUN / "policies.yaml")
EVENTS = str(RUN / "events.jsonl")


def replay(*words: str, given: str | None = None, policies: str = POLICIES) -> subprocess.CompletedProcess[str]:
    """The command in this process (a new one each time would take minutes in all)."""
    command = ["replay", "--policies", policies, *words]
    streams = [io.TextIOWrapper(io.BytesIO((text or "").encode()), write_through=True) for text in (given, "", "")]
    before = sys.stdin, sys.stdout, sys.stderr, gc.get_threshold()
    sys.stdin, sys.stdout, sys.stderr = streams
    try:
        code = main(command)
    finally:
        sys.stdin, sys.stdout, sys.stderr, threshold = before
        gc.set_threshold(*threshold)
        gc.unfreeze()
    out, err = (stream.buffer.getvalue().decode() for stream in streams[1:])  # type: ignore[attr-defined]
    return subprocess.CompletedProcess(command, code, out, err)


def ticket_event(number: int, kind: str, at: str, **fields: Any) -> str:
    event = {"event_id": f"e{number}", "ticket_id": "T-1", "kind": kind, "occurred_at": f"2026-03-02T{at}Z"}
    return json.dumps(event | fields) + "\n"


def sla_events(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def said(done: subprocess.CompletedProcess[str]) -> list[tuple[str, str, Any]]:
    return [
        (event["type"].split(".")[1], event["time"][11:19], event["data"]["threshold"] or event["data"]["outcome"])
        for event in sla_events(done)
        if event["data"]["ticket_id"] in ("4711", "T-1") and event["data"]["metric"] == "first_response"
    ]


def test_events() -> None:
    done = replay("--events", EVENTS)
    assert (done.returncode, done.stderr) == (0, "")
    assert said(done) == [
        ("warning", "07:48:00", "80%"),
        ("warning", "07:50:00", "-10m"),
        ("breach", "08:00:00", None),
        ("escalation", "09:00:00", "+1h"),
        ("outcome", "10:30:00", "missed"),
    ]
    decided = [event["data"]["decided_at"] for event in sla_events(done)]
    assert decided == sorted(decided)


def test_evidence_is_the_line() -> None:
    evidence = [event["data"]["evidence"] for event in sla_events(replay("--events", EVENTS))]
    assert evidence[0] == {"topic": None, "partition": None, "offset": 1, "recorded_at": "2026-03-02T07:00:00.000Z"}
    assert evidence[-1]["offset"] == 7


def test_standard_input_is_the_same() -> None:
    done = replay("--events", "-", given=Path(EVENTS).read_text())
    assert done.stdout == replay("--events", EVENTS).stdout


def test_order_of_the_file_means_nothing() -> None:
    lines = Path(EVENTS).read_text().splitlines(keepends=True)
    shuffled = replay("--events", "-", given="".join(reversed(lines)))
    without_evidence = [
        [event | {"data": event["data"] | {"evidence": None}} for event in sla_events(done)]
        for done in (shuffled, replay("--events", EVENTS))
    ]
    assert without_evidence[0] == without_evidence[1]


def test_as_of_stops_the_clock_and_a_deadline_equal_to_it_has_not_fired() -> None:
    before = said(replay("--events", EVENTS, "--as-of", "2026-03-02T08:00:00Z"))
    assert before == [("warning", "07:48:00", "80%"), ("warning", "07:50:00", "-10m")]
    after = said(replay("--events", EVENTS, "--as-of", "2026-03-02T08:00:00.001Z"))
    assert after[-1] == ("breach", "08:00:00", None)


def test_as_of_after_the_last_event_runs_the_clock_on() -> None:
    done = replay("--events", "-", "--as-of", "2026-03-05T00:00:00Z", given=ticket_event(1, "created", "08:00:00"))
    assert [event["type"] for event in sla_events(done)] == ["sla.breach.v1"]


def test_state() -> None:
    done = replay("--events", EVENTS, "--out", "state")
    states = {(state["ticket_id"], state["metric"]): state for state in map(json.loads, done.stdout.splitlines())}
    assert list(states) == sorted(states)
    assert states["4711", "first_response"]["stage"] == "missed"
    assert states["92", "resolution"] | {"policy_version": ""} == {
        "ticket_id": "92", "metric": "resolution", "policy": "everyone", "policy_version": "", "schedule": "24x7",
        "cycle": 1, "stage": "paused", "breached": False, "breached_at": None,
        "started_at": "2026-03-02T10:40:00.000Z", "due_at": None, "ended_at": None, "target_s": 28800,
        "elapsed_s": 300, "remaining_s": 28500, "paused_s": 0, "wall_elapsed_s": 300, "open_hours": True,
    }  # fmt: skip


def test_state_never_waits() -> None:
    late = ticket_event(1, "created", "08:00:00", created_at="2026-03-01T00:00:00Z", customer="acme", plan="gold")
    done = replay("--events", "-", "--out", "state", "--hold-for", "1h", "--settle-for", "1h", given=late)
    assert {state["metric"] for state in map(json.loads, done.stdout.splitlines()) if state["breached"]} == set()
    on = replay("--events", "-", "--out", "state", "--hold-for", "1h", "--as-of", "2026-03-02T09:00:01Z", given=late)
    assert [
        (state["metric"], state["breached"], state["breached_at"]) for state in map(json.loads, on.stdout.splitlines())
    ] == [("first_response", True, "2026-03-02T09:00:00.000Z"), ("resolution", False, None)]


def test_held_alarms_are_released_at_the_end() -> None:
    created = ticket_event(1, "created", "08:00:00")
    for hold in ("0s", "5h"):
        done = replay("--events", "-", "--as-of", "2026-03-02T16:00:01Z", "--hold-for", hold, given=created)
        assert [event["type"] for event in sla_events(done)] == ["sla.breach.v1"]


def test_summary() -> None:
    done = replay("--events", "-", "--out", "summary", given=Path(EVENTS).read_text() + "{\n")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert found["policies"] == {
        "acme-gold": {
            "first_response": {
                "met": 0, "missed": 1, "cancelled": 0, "running": 0, "paused": 0, "breaches": 1, "warnings": 2,
                "escalations": 1, "retractions": 0,
            }
        },
        "everyone": {
            "resolution": {
                "met": 0, "missed": 0, "cancelled": 1, "running": 3, "paused": 1, "breaches": 0, "warnings": 0,
                "escalations": 0, "retractions": 1,
            }
        },
    }  # fmt: skip
    assert {name: value for name, value in found.items() if name != "policies"} == {
        "as_of": "2026-03-02T10:45:00.000Z", "tickets": 4, "records": 10, "duplicates": 0, "late": 0, "too_late": 0,
        "after_as_of": 0, "dead_letters": 1, "dead_letters_by_reason": {"json": 1}, "unknown_ticket": 0,
        "no_policy": 0, "unknown_fields": 0,
        "libraries": {"tzdata": version("tzdata"), "holidays": version("holidays")},
    }  # fmt: skip


def test_csv_says_the_same_as_json() -> None:
    for out in ("events", "state"):
        rows = list(csv.DictReader(io.StringIO(replay("--events", EVENTS, "--out", out, "--format", "csv").stdout)))
        lines = [json.loads(line) for line in replay("--events", EVENTS, "--out", out).stdout.splitlines()]
        assert len(rows) == len(lines)
        for row, line in zip(rows, lines, strict=True):
            flat = {name: value for name, value in line.items() if name != "data"}
            flat |= {f"data.{name}": value for name, value in line.get("data", {}).items()}
            assert row.keys() == flat.keys()
            assert row == {
                name: ""
                if value is None
                else value
                if isinstance(value, str)
                else json.dumps(value, separators=(",", ":"))
                for name, value in flat.items()
            }


def test_summary_as_csv() -> None:
    rows = list(csv.DictReader(io.StringIO(replay("--events", EVENTS, "--out", "summary", "--format", "csv").stdout)))
    assert {"policy": "acme-gold", "metric": "first_response", "count": "missed", "value": "1"} in rows
    assert {"policy": "", "metric": "", "count": "records", "value": "9"} in rows
    assert {"policy": "", "metric": "", "count": "tzdata", "value": version("tzdata")} in rows


BAD = (
    ticket_event(1, "created", "08:00:00")
    + "{\n\n"
    + ticket_event(2, "creatd", "08:00:00")
    + ticket_event(1, "created", "08:00:00", priority="high")
    + ticket_event(1, "created", "08:00:00")
    + ticket_event(3, "resolved", "09:00:00")
)


def test_bad_lines_are_reported_counted_and_left_out() -> None:
    done = replay("--events", "-", given=BAD)
    assert done.returncode == 1
    assert [line.split(": ", 2)[:2] for line in done.stderr.splitlines()] == [
        ["-:2", "json"],
        ["-:4", "schema"],
        ["-:5", "conflict"],
    ]
    assert "event_id 'e1' of ticket 'T-1' came at line 1 with other content, which stands" in done.stderr
    assert "did you mean 'created'?" in done.stderr
    assert [event["data"]["outcome"] for event in sla_events(done)] == ["met"]
    numbers = json.loads(replay("--events", "-", "--out", "summary", given=BAD).stdout)
    assert numbers["dead_letters_by_reason"] == {"conflict": 1, "json": 1, "schema": 1}
    assert (numbers["records"], numbers["duplicates"]) == (6, 1)


def test_bad_lines_of_a_file_carry_its_name(tmp_path: Path) -> None:
    path = tmp_path / "tickets.jsonl"
    path.write_text(BAD)
    assert replay("--events", str(path)).stderr.startswith(f"{path}:2: json: ")


def test_strict_stops_at_once() -> None:
    done = replay("--events", "-", "--strict", given=BAD)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def recorded(number: int, kind: str, at: str, recorded_at: str, **fields: Any) -> str:
    return ticket_event(number, kind, at, recorded_at=f"2026-03-02T{recorded_at}Z", **fields)


def test_recorded_clock_takes_the_file_as_it_is() -> None:
    late_answer = (
        recorded(1, "created", "07:00:00", "07:00:00", customer="acme", plan="gold")
        + recorded(2, "note_added", "09:00:00", "08:10:00")
        + recorded(3, "note_added", "08:10:00", "08:10:00")
        + recorded(4, "agent_replied", "07:30:00", "08:20:00")
        + ticket_event(5, "updated", "08:30:00")
    )
    done = replay("--events", "-", "--clock", "recorded", given=late_answer)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "-:2: future: occurred_at: 3000 s ahead of the record's own time; expected at most 300 s",
        "-:5: schema: recorded_at: missing; required by --clock recorded",
    ]
    assert said(done) == [
        ("warning", "07:48:00", "80%"),
        ("warning", "07:50:00", "-10m"),
        ("breach", "08:00:00", None),
        ("retraction", "07:48:00", "80%"),
        ("retraction", "07:50:00", "-10m"),
        ("retraction", "08:00:00", None),
        ("outcome", "07:30:00", "met"),
    ]
    numbers = json.loads(replay("--events", "-", "--clock", "recorded", "--out", "summary", given=late_answer).stdout)
    assert numbers["late"] == 1
    in_order = said(replay("--events", "-", given=late_answer))
    assert in_order == [("outcome", "07:30:00", "met")]


def test_recorded_clock_finds_conflicts_and_duplicates() -> None:
    log = (
        recorded(1, "created", "07:00:00", "07:00:00")
        + recorded(1, "created", "07:00:00", "07:00:01")
        + recorded(1, "created", "07:00:00", "07:00:02", priority="high")
    )
    done = replay("--events", "-", "--clock", "recorded", "--out", "summary", given=log)
    assert done.returncode == 1
    assert done.stderr.startswith("-:3: conflict: event_id 'e1' of ticket 'T-1' came earlier with other content")
    numbers = json.loads(done.stdout)
    assert (numbers["duplicates"], numbers["dead_letters"]) == (1, 1)


def test_retain_forgets() -> None:
    log = (
        ticket_event(1, "created", "07:00:00")
        + ticket_event(2, "resolved", "08:00:00")
        + ticket_event(3, "created", "09:00:00", ticket_id="T-2", occurred_at="2026-04-20T00:00:00Z")
    )
    kept = replay("--events", "-", "--out", "state", given=log)
    forgotten = replay("--events", "-", "--out", "state", "--retain", "30d", given=log)
    assert [json.loads(line)["ticket_id"] for line in kept.stdout.splitlines()] == ["T-1", "T-2"]
    assert [json.loads(line)["ticket_id"] for line in forgotten.stdout.splitlines()] == ["T-2"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--events", "missing.jsonl"], "missing.jsonl: cannot read it: No such file or directory"),
        (["--events", EVENTS, "--as-of", "noon"], "--as-of: 'noon' is not an instant"),
        (["--events", EVENTS, "--as-of", "2026-03-02T08:00:00"], "--as-of: "),
        (["--events", EVENTS, "--retain", "1d"], "--retain: found 1d; expected at least allowed_lateness, 7d"),
        (["--events", EVENTS, "--retain", "soon"], "--retain: 'soon' is not a duration"),
        (["--events", EVENTS, "--settle-for", "5"], "--settle-for: "),
        (["--events", EVENTS, "--clock", "wall"], "invalid choice: 'wall'"),
        (["--events", EVENTS, "--out", "breaches"], "invalid choice: 'breaches'"),
    ],
)
def test_wrong_usage(words: list[str], message: str) -> None:
    done = replay(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_wrong_policies(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("apiVersion: sla-stream/v1\npolicies: 5\n")
    done = replay("--events", EVENTS, policies=str(path))
    assert done.returncode == 2
    assert done.stderr.startswith(f"{path}:2:")
    missing = replay("--events", EVENTS, policies=str(tmp_path / "none.yaml"))
    assert missing.returncode == 2
    assert "none.yaml" in missing.stderr


def test_no_policies() -> None:
    command = [sys.executable, "-m", "sla_stream", "replay", "--events", EVENTS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env={"PATH": ""})
    assert done.returncode == 2
    assert done.stderr == "--policies: missing; expected a policy file (YAML or JSON)\n"


def test_an_empty_log() -> None:
    done = replay("--events", "-", given="")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert json.loads(replay("--events", "-", "--out", "summary", given="").stdout)["as_of"] is None
    header = replay("--events", "-", "--format", "csv", given="").stdout
    assert header.startswith("specversion,id,") and header.count("\n") == 1


def test_a_reader_that_leaves_early_hears_no_complaint() -> None:
    many = "".join(ticket_event(i, "created", "08:00:00", ticket_id=f"T-{i}") for i in range(3000))
    command = [sys.executable, "-m", "sla_stream", "replay", "--policies", POLICIES, "--events", "-"]
    command += ["--as-of", "2026-03-05T00:00:00Z"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as process:  # type: ignore[call-overload]
        process.stdin.write(many.encode())
        process.stdin.close()
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 0


def test_progress_is_for_terminals_and_leaves_nothing_behind(tmp_path: Path) -> None:
    log = tmp_path / "t.jsonl"
    log.write_text("".join(ticket_event(i, "created", "08:00:00", ticket_id=f"T-{i}") for i in range(20_000)))
    command = [sys.executable, "-m", "sla_stream", "replay", "--policies", POLICIES, "--events", str(log)]
    terminal, other_end = os.openpty()
    with subprocess.Popen([*command, "--out", "summary"], stdout=subprocess.PIPE, stderr=other_end) as process:
        os.close(other_end)
        assert process.stdout is not None
        assert json.loads(process.stdout.read())["tickets"] == 20_000
        assert process.wait(timeout=60) == 0
    shown = os.read(terminal, 65536).decode()
    os.close(terminal)
    assert "events read" in shown
    assert shown.endswith("\r\x1b[K")
