"""`sla-stream policy`, as a person meets it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from sla_stream.cli.main import main

GOOD = "apiVersion: sla-stream/v1\npolicies:\n  - {name: a, targets: {resolution: {target: 1h}}}\n"


def write(tmp_path: Path, text: str) -> str:
    path = tmp_path / "policies.yaml"
    path.write_text(text)
    return str(path)


def test_a_clean_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "lint", write(tmp_path, GOOD)]) == 0
    assert capsys.readouterr() == ("", "")


def test_errors_go_to_standard_output_one_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, GOOD.replace("1h", "1d").replace("name: a", "nam: a"))
    assert main(["policy", "lint", path]) == 1
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert lines[0] == f"{path}:3:5: error: policies[0]: `name` is missing; expected a name (text)"
    assert lines[1].startswith(f"{path}:3:6: error: policies[0].nam: unknown key 'nam'; expected name, targets")
    assert lines[2].startswith(f"{path}:3:45: error: policies[0].targets.resolution.target: '1d': 'd' and 'w' are")
    assert len(lines) == 3


def test_text_that_is_not_yaml_is_an_error_with_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, "apiVersion: [\n")
    assert main(["policy", "lint", path]) == 1
    assert capsys.readouterr().out.startswith(f"{path}:2:1: error: not valid YAML: ")


def test_warnings_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "lint", write(tmp_path, GOOD.replace("1h", "{high: 1h}"))]) == 1
    assert ": warning: policies[0].targets.resolution.target: no `default`" in capsys.readouterr().out


def test_notes_do_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = GOOD + "schedules: {s: {timezone: Europe/Berlin, hours: {sun: '02:30-08:00'}}}\n"
    assert main(["policy", "lint", write(tmp_path, text)]) == 0
    assert ": note: schedules.s.hours.sun: " in capsys.readouterr().out


def test_a_file_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "lint", str(tmp_path / "none.yaml")]) == 2
    assert main(["policy", "lint", str(tmp_path)]) == 2
    (tmp_path / "latin.yaml").write_bytes(b"\xff")
    assert main(["policy", "lint", str(tmp_path / "latin.yaml")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.split(": ")[1] for line in err.splitlines()][:2] == ["cannot be read", "cannot be read"]


def test_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"apiVersion: 1\n")))
    assert main(["policy", "lint", "-"]) == 1
    assert capsys.readouterr().out == "-:1:13: error: apiVersion: found the number 1; expected sla-stream/v1\n"


@pytest.mark.parametrize("action", ["lint", "explain", "test"])
def test_help_teaches_by_example(action: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", action, "--help"]) == 0
    assert f"sla-stream policy {action} " in capsys.readouterr().out
