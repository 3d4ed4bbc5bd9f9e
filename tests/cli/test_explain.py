"""`sla-stream explain`, as a person meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sla_stream.cli.main import main

RUN = Path(__file__).parents[1] / "contract" / "example_run"
POLICIES, EVENTS = str(RUN / "policies.yaml"), str(RUN / "events.jsonl")


def explain(*words: str) -> int:
    return main(["explain", *words, "--policies", POLICIES, "--events", EVENTS])


def test_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert explain("90", "--as-of", "2026-03-02T10:00:00Z") == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert lines[0] == "ticket 90 as of 2026-03-02T10:00:00Z   status open, customer other"
    assert lines[2].startswith("resolution #1  running   8h on 24x7, policy everyone (")
    assert lines[3] == "  started 2026-03-02T07:10:00Z, due 2026-03-02T15:39:59.750Z, 5h39m59.750s left"
    assert lines[6] == f"  2026-03-02T07:10:00Z  running      1h50m0.250s  created   [90-1, {EVENTS}:2]"
    assert "paused       29m59.750s  status resolved; solved time does not count" in lines[7]
    assert lines[9] == "  = running 2h20m0.250s + paused 29m59.750s + closed 0 = 2h50m in all: adds up"


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert explain("4711", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    first = found["clocks"][0]
    assert first["metric"] == "first_response"
    assert first["adds_up"]
    assert first["sums"] == {"running_s": 12600, "paused_s": 0, "closed_hours_s": 0, "wall_s": 12600}
    assert [each["place"] for each in found["events"]] == [f"{EVENTS}:1", f"{EVENTS}:7"]
    assert [each["what"] for each in first["moments"]][-1] == "missed"


def test_sums_of_every_clock_are_those_of_the_state(capsys: pytest.CaptureFixture[str]) -> None:
    for ticket in ("4711", "90", "91", "92"):
        assert explain(ticket, "--json") == 0
        for clock in json.loads(capsys.readouterr().out)["clocks"]:
            sums = clock["sums"]
            assert (sums["running_s"], sums["paused_s"]) == (clock["elapsed_s"], clock["paused_s"])
            assert sums["wall_s"] == clock["wall_elapsed_s"]


def test_a_ticket_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert explain("nobody") == 1
    assert capsys.readouterr() == ("", "no event of ticket 'nobody' applies\n")


def test_unreadable_lines_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("nonsense\n" + Path(EVENTS).read_text())
    assert main(["explain", "90", "--policies", POLICIES, "--events", str(path)]) == 0
    assert capsys.readouterr().err == "1 unreadable lines of the log were left out\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--as-of", "noon"], "--as-of: 'noon' is not an instant"),
        (["--from", "3"], "--from: has a meaning only with --topic"),
    ],
)
def test_wrong_flags(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain("90", *words) == 2
    assert capsys.readouterr().err.startswith(said)


def test_policies_are_needed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "90", "--events", EVENTS]) == 2
    assert capsys.readouterr().err.startswith("--policies: missing")


def test_help_teaches_by_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--help"]) == 0
    assert "sla-stream explain 4711 --policies policies.yaml" in capsys.readouterr().out
