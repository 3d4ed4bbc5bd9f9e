"""`sla-stream report` and `sla-stream simulate`, as a person meets them."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sla_stream.cli.main import main

RUN = Path(__file__).parents[1] / "contract" / "example_run"
POLICIES, EVENTS = str(RUN / "policies.yaml"), str(RUN / "events.jsonl")
GIVEN = ("--policies", POLICIES, "--events", EVENTS)


def draft(tmp_path: Path) -> str:
    path = tmp_path / "draft.yaml"
    path.write_text(Path(POLICIES).read_text().replace("default: 1h", "default: 4h"))
    return str(path)


def out(capsysbinary: pytest.CaptureFixture[bytes]) -> str:
    return capsysbinary.readouterr().out.decode()


@pytest.mark.parametrize(
    ("words", "label"),
    [
        (["simulate", "--against", POLICIES], "under the draft: "),
        (["report"], ""),
        (["verify", "--published", os.devnull], ""),
    ],
)
def test_long_looks_back_show_on_a_terminal_how_far_they_are(tmp_path: Path, words: list[str], label: str) -> None:
    log = tmp_path / "many.jsonl"
    line = '{"event_id": "1", "ticket_id": "T-%d", "kind": "created", "occurred_at": "2026-03-02T08:00:00Z"}\n'
    log.write_text("".join(line % number for number in range(12_000)))
    command = [sys.executable, "-m", "sla_stream", *words, "--policies", POLICIES, "--events", str(log)]
    terminal, other_end = os.openpty()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=other_end):
        os.close(other_end)
        shown = b""
        with contextlib.suppress(OSError):  # Linux says so at the end of a terminal
            while more := os.read(terminal, 65536):
                shown += more
    os.close(terminal)
    assert re.search(rf"\r\x1b\[K{label}\d+,000 events read, \d+ SLA events, \d+ s", shown.decode())


def test_text(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["report", *GIVEN]) == 0
    lines = out(capsysbinary).splitlines()
    assert lines[0].startswith("# as of 2026-03-02T10:45:00.000Z; tzdata 2")
    assert lines[1].startswith("# policies: acme-gold ")
    assert lines[3].split() == [
        "policy", "metric", "met", "missed", "overdue", "open", "cancelled", "attainment", "raw_attainment",
    ]  # fmt: skip
    assert lines[4].split() == ["acme-gold", "first_response", "0", "1", "0", "0", "0", "0.00%", "0.00%"]
    assert lines[5].split() == ["everyone", "resolution", "0", "0", "0", "3", "1", "-", "-"]
    assert lines[6].split()[0] == "total"


def test_csv_has_a_line_for_each_group(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["report", *GIVEN, "--by", "month,custom.region,metric", "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(out(capsysbinary))))
    assert rows[0]["month"] == "2026-03"
    assert [(row["custom.region"], row["metric"]) for row in rows if row["missed"] == "1"] == [
        ("emea", "first_response")
    ]


def test_json_and_a_window(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["report", *GIVEN, "--format", "json", "--until", "2026-03-02T10:00:00Z"]) == 0
    found = json.loads(out(capsysbinary))
    assert [(row["metric"], row["cancelled"]) for row in found["rows"]] == [("resolution", 1)]


def test_from_published_events(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["replay", *GIVEN]) == 0
    path = tmp_path / "published.jsonl"
    path.write_text(out(capsysbinary))
    assert main(["report", "--published", str(path), "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(out(capsysbinary))))
    assert [(row["metric"], row["missed"], row["cancelled"]) for row in rows] == [
        ("first_response", "1", "0"),
        ("resolution", "0", "1"),
    ]


def test_bad_lines_are_reported_and_left_out(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("nonsense\n" + Path(EVENTS).read_text())
    assert main(["report", "--policies", POLICIES, "--events", str(path)]) == 1
    _, err = capsysbinary.readouterr()
    assert err.decode().startswith(f"{path}:1: json: ")
    assert main(["simulate", "--policies", POLICIES, "--against", POLICIES, "--events", str(path)]) == 1
    _, err = capsysbinary.readouterr()
    assert err.decode().count(f"{path}:1: json: ") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--by", "polcy"], "--by: found 'polcy'; expected policy, "),
        (["--timezone", "Mars"], "--timezone: 'Mars' is not an IANA time zone"),
        (["--since", "noon"], "--since: 'noon' is not an instant"),
    ],
)
def test_wrong_flags(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", *GIVEN, *words]) == 2
    assert capsys.readouterr().err.startswith(said)


def test_simulate_text(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    words = ["--policies", draft(tmp_path), "--against", POLICIES, "--events", EVENTS]
    assert main(["simulate", *words]) == 0
    lines = out(capsysbinary).splitlines()
    assert lines[3] == "1 of 4 tickets change; breaches won 1, lost 0"
    assert lines[6].split() == ["acme-gold", "first_response", "0.00%", "100.00%", "1", "0", "1", "0", "0", "0", "0"]


def test_simulate_names_the_tickets(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    words = ["--policies", draft(tmp_path), "--against", POLICIES, "--events", EVENTS, "--out", "tickets"]
    assert main(["simulate", *words]) == 0
    assert out(capsysbinary) == (
        "won: ticket 4711: first_response #1: missed (acme-gold, 3600 s, breached 2026-03-02T08:00:00.000Z) "
        "-> met (acme-gold, 14400 s)\n"
    )
    assert main(["simulate", *words, "--format", "json", "--by", "customer"]) == 0
    found = json.loads(out(capsysbinary))
    assert (found["effect"], found["before_status"], found["after_status"], found["customer"]) == (
        "won", "missed", "met", "acme",
    )  # fmt: skip
    assert main(["simulate", *words, "--format", "csv"]) == 0
    (row,) = csv.DictReader(io.StringIO(out(capsysbinary)))
    assert (row["before_target_s"], row["after_target_s"], row["after_breached_at"]) == ("3600", "14400", "")


def test_simulate_against_itself_changes_nothing(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["simulate", *GIVEN, "--against", POLICIES, "--format", "json"]) == 0
    found = json.loads(out(capsysbinary))
    assert found["tickets_changed"] == 0
    assert found["total"]["before"] == found["total"]["after"]


def test_simulate_reads_standard_input_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(Path(EVENTS).read_bytes())))
    assert (
        main(["simulate", "--policies", draft(tmp_path), "--against", POLICIES, "--events", "-", "--format", "csv"])
        == 0
    )
    rows = list(csv.DictReader(io.StringIO(out(capsysbinary))))
    assert [row["won"] for row in rows] == ["1", "0"]


@pytest.mark.parametrize("name", ["report", "simulate"])
def test_help_teaches_by_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    assert f"sla-stream {name} --policies" in capsys.readouterr().out
