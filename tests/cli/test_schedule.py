"""`sla-stream schedule`: one question, or a file of them."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from sla_stream.cli.main import main

POLICIES = """\
apiVersion: sla-stream/v1
schedules:
  berlin:
    timezone: Europe/Berlin
    hours: {mon-fri: ["08:00-12:00", "13:00-18:00"]}
    holidays: ["2026-01-06"]
  night:
    timezone: Europe/Berlin
    hours: {mon-sun: ["22:00-06:00"]}
  once:
    timezone: UTC
    hours: {}
    dates: {"2026-01-05": ["08:00-10:00"]}
"""
START = "2026-03-27T15:00:00Z"


@pytest.fixture
def policies(tmp_path: Path) -> str:
    path = tmp_path / "policies.yaml"
    path.write_text(POLICIES)
    return str(path)


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("SLA_STREAM_")]:
        monkeypatch.delenv(name)


def asked(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["schedule", *words])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize(
    ("schedule", "start", "duration", "expected"),
    [
        ("berlin", START, "8h", "2026-03-30T13:00:00.000Z"),
        ("berlin", START, "2bd", "2026-03-31T14:00:00.000Z"),
        ("berlin", "2026-03-27T20:00:00Z", "1bd", "2026-03-30T16:00:00.000Z"),
        ("berlin", START, "0s", "2026-03-27T15:00:00.000Z"),
        ("night", "2026-03-28T20:00:00Z", "8h", "2026-03-29T21:00:00.000Z"),
        ("24x7", "2026-03-27T16:00:00.1239+01:00", "1h30m", "2026-03-27T16:30:00.124Z"),
    ],
)
def test_due(
    policies: str,
    capsys: pytest.CaptureFixture[str],
    schedule: str,
    start: str,
    duration: str,
    expected: str,
) -> None:
    words = ("due", "--policies", policies, "--schedule", schedule, "--start", start, "--duration", duration)
    assert asked(capsys, *words) == (0, f"{expected}\n", "")


@pytest.mark.parametrize(
    ("since", "to", "expected"),
    [
        (START, "2026-03-30T09:00:00Z", "18000"),
        (START, "2026-03-27T15:00:00.25Z", "0.25"),
        (START, START, "0"),
        ("2026-01-06T00:00:00Z", "2026-01-07T00:00:00Z", "0"),
    ],
)
def test_elapsed(policies: str, capsys: pytest.CaptureFixture[str], since: str, to: str, expected: str) -> None:
    words = ("elapsed", "--policies", policies, "--schedule", "berlin", "--from", since, "--to", to)
    assert asked(capsys, *words) == (0, f"{expected}\n", "")


def test_24x7_needs_no_file(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("due", "--schedule", "24x7", "--start", START, "--duration", "1h")
    assert asked(capsys, *words) == (0, "2026-03-27T16:00:00.000Z\n", "")


def test_policies_may_come_from_the_environment(
    policies: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLA_STREAM_POLICIES", policies)
    words = ("due", "--schedule", "berlin", "--start", START, "--duration", "8h")
    assert asked(capsys, *words) == (0, "2026-03-30T13:00:00.000Z\n", "")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("due --schedule berlin --start 2026-01-05T08:00:00Z", "schedule due needs --duration (or --batch FILE)"),
        ("elapsed", "schedule elapsed needs --schedule, --from, --to (or --batch FILE)"),
        ("due --schedule berlin --batch x.jsonl", "--schedule: not possible with --batch"),
        ("due --batch no-such-file.jsonl", "--batch: no-such-file.jsonl: No such file or directory"),
        (
            "due --schedule berlni --start 2026-01-05T08:00:00Z --duration 8h",
            "--schedule: there is no schedule 'berlni'; did you mean 'berlin'? known: 24x7, berlin, night, once",
        ),
        ("due --schedule 24x7 --start 2026-01-05T08:00:00 --duration 8h", "--start: '2026-01-05T08:00:00' has no zone"),
        ("due --schedule 24x7 --start 2026-01-05T08:00:00Z --duration 1d", "--duration: '1d': 'd' and 'w' are refused"),
        ("due --schedule 24x7 --start 2026-01-05T08:00:00Z --duration -8h", "--duration"),
        (
            "due --schedule 24x7 --start 2200-01-05T08:00:00Z --duration 8h",
            "--start: the instant lies outside the years",
        ),
        (
            "due --schedule once --start 2026-01-05T08:00:00Z --duration 3h",
            "schedule 'once' has no 10800 s of open time left before 2100",
        ),
        (
            "elapsed --schedule 24x7 --from 2026-01-05T08:00:00Z --to 2026-01-05T07:00:00Z",
            "--to: 2026-01-05T07:00:00Z is before --from, 2026-01-05T08:00:00Z",
        ),
    ],
)
def test_usage_errors(policies: str, capsys: pytest.CaptureFixture[str], words: str, sentence: str) -> None:
    code, out, err = asked(capsys, *words.split(), "--policies", policies)
    assert (code, out) == (2, "")
    assert sentence in err
    assert "Traceback" not in err


def batch(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, policies: str, text: str, verb: str = "due"
) -> tuple[int, str, str]:
    path = tmp_path / "questions.jsonl"
    path.write_text(text)
    code, out, err = asked(capsys, verb, "--policies", policies, "--batch", str(path))
    return code, out, err.replace(str(path), "FILE")


def test_batch_answers_both_kinds_and_keeps_the_rest(
    policies: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    lines = [
        '{"schedule":"berlin","start":"2026-03-27T15:00:00Z","duration_s":28800,"ticket":"T-1"}',
        '{ "schedule": "berlin", "from": "2026-03-27T15:00:00Z", "to": "2026-03-30T09:00:00.5Z", "n": 1e2 } ',
        "",
        '{"n":12345678901234567890123,"schedule":"24x7","start":"2026-01-01T00:00:00Z","duration_s":0.0015,"é":{"a":[1]}}',
    ]
    code, out, err = batch(capsys, tmp_path, policies, "\n".join(lines))
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        lines[0][:-1] + ',"due_at":"2026-03-30T13:00:00.000Z"}',
        lines[1].rstrip()[:-1] + ',"elapsed_s":18000.5}',
        lines[3][:-1] + ',"due_at":"2026-01-01T00:00:00.002Z"}',
    ]
    assert [json.loads(line) for line in out.splitlines()]


def test_batch_replaces_an_older_answer(policies: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    line = '{"due_at":null,"schedule":"24x7","start":"2026-01-01T00:00:00Z","duration_s":1,"n":12345678901234567890123}'
    code, out, _ = batch(capsys, tmp_path, policies, line + "\n")
    assert code == 0
    assert json.loads(out) == json.loads(line) | {"due_at": "2026-01-01T00:00:01.000Z"}
    assert out.count("due_at") == 1


def test_batch_line_that_asks_for_both_gets_what_the_command_names(
    policies: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    t = "2026-01-01T00:00:00Z"
    line = json.dumps({"schedule": "24x7", "start": t, "duration_s": 1, "from": t, "to": t})
    due = json.loads(batch(capsys, tmp_path, policies, line, "due")[1])
    elapsed = json.loads(batch(capsys, tmp_path, policies, line, "elapsed")[1])
    assert due.get("due_at") == "2026-01-01T00:00:01.000Z" and "elapsed_s" not in due
    assert elapsed.get("elapsed_s") == 0 and "due_at" not in elapsed


GOOD = '{"schedule":"24x7","start":"2026-01-01T00:00:00Z","duration_s":1}'


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (GOOD.replace(":1}", ":-1}"), "duration_s: -1 is negative"),
        (GOOD.replace(":1}", ":1e12}"), "no 1000000000000 s of open time left before 2100"),
        (GOOD.replace(":1}", ":1e308}"), "of open time left before 2100"),
        (GOOD.replace(":1}", ':"1h"}'), "Expected `float`, got `str` - at `$.duration_s`"),
        (GOOD.replace(":1}", ":true}"), "Expected `float`, got `bool` - at `$.duration_s`"),
        (GOOD.replace("24x7", "berlim"), "there is no schedule 'berlim'; did you mean 'berlin'?"),
        (GOOD.replace("00Z", "00"), "start: '2026-01-01T00:00:00' has no zone"),
        (GOOD.replace("2026", "1960"), "start: the instant lies outside the years 1970 to 2099"),
        (GOOD.replace("24x7", "once"), None),
        ('{"schedule":"24x7","start":"2026-01-01T00:00:00Z"}', "expected the fields 'schedule', 'start', 'duration_s'"),
        (
            '{"schedule":"24x7","from":"2026-01-02T00:00:00Z","to":"2026-01-01T00:00:00Z"}',
            "to: 2026-01-01T00:00:00Z is before from, 2026-01-02T00:00:00Z",
        ),
        ('{"start":"2026-01-01T00:00:00Z","duration_s":1}', "missing required field `schedule`"),
        ("[]", "Expected `object`, got `array`"),
        (GOOD[:-1], "Input data was truncated"),
        (GOOD + GOOD, "trailing characters"),
    ],
)
def test_bad_line_ends_the_batch_with_its_number(
    policies: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, bad: str, sentence: str | None
) -> None:
    code, out, err = batch(capsys, tmp_path, policies, "\n".join([GOOD, "", bad, GOOD]))
    if sentence is None:
        assert (code, out.count("due_at"), err) == (0, 3, "")
        return
    assert (code, out.count("due_at")) == (2, 1)
    assert err.startswith("FILE:3: ")
    assert sentence in err
    assert err.count("\n") == 1


def test_lines_before_a_bad_one_are_written_across_blocks(
    policies: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, out, err = batch(capsys, tmp_path, policies, f"{GOOD}\n" * 2_500 + "{}\n")
    assert (code, out.count("\n")) == (2, 2_500)
    assert err.startswith("FILE:2501: ")


def test_batch_from_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"{GOOD}\nnot json\n".encode())))
    code, out, err = asked(capsys, "due", "--batch", "-")
    assert (code, out) == (2, GOOD[:-1] + ',"due_at":"2026-01-01T00:00:01.000Z"}\n')
    assert err.startswith("-:2: ")


def test_bytes_that_are_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_bytes(GOOD.encode().replace(b"24x7", b"\xff\xfe") + b"\n")
    words = [sys.executable, "-m", "sla_stream", "schedule", "due", "--batch", str(path)]
    done = subprocess.run(words, capture_output=True, timeout=30)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(f"{path}:1: ".encode())
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("words", [(), ("due",), ("elapsed",)])
def test_help_teaches_by_example(capsys: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    code, out, _ = asked(capsys, *words, "--help")
    assert code == 0
    assert "examples:" in out and "--batch" in out


def test_examples_of_the_help_are_true(policies: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each `->` line with a bare answer in the help of `due` and `elapsed` is what the command above it prints."""
    checked = 0
    for verb in ("due", "elapsed"):
        lines = asked(capsys, verb, "--help")[1].replace("\\\n", " ").splitlines()
        for command, answer in pairwise(lines):
            if command.startswith("  sla-stream schedule") and answer.startswith("    ->"):
                words = command.replace("p.yaml", policies).split()[2:]
                assert asked(capsys, *words)[1].strip() == answer.split()[1]
                checked += 1
    assert checked == 3
