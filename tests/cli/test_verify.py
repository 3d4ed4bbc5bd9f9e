"""`sla-stream verify`, as a person meets it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from sla_stream.cli.main import main

RUN = Path(__file__).parents[1] / "contract" / "example_run"
POLICIES, EVENTS = str(RUN / "policies.yaml"), str(RUN / "events.jsonl")


@pytest.fixture
def published(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> Path:
    assert main(["replay", "--policies", POLICIES, "--events", EVENTS]) == 0
    path = tmp_path / "published.jsonl"
    path.write_bytes(capsysbinary.readouterr().out)
    return path


def verify(*words: str) -> int:
    return main(["verify", "--policies", POLICIES, "--events", EVENTS, *words])


def test_everything_agrees(published: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert verify("--published", str(published)) == 0
    out, err = capsysbinary.readouterr()
    assert out == b""
    assert err == b"6 published, 6 expected as of 2026-03-02T10:45:00.000Z; 0 differences\n"


def test_differences_are_named(published: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    lines = published.read_text().splitlines(keepends=True)
    del lines[1]
    lines[-1] = lines[-1].replace('"target_s":3600', '"target_s":3601')
    published.write_text("".join(lines))
    assert verify("--published", str(published)) == 1
    out, err = capsysbinary.readouterr()
    assert out.decode().splitlines() == [
        f"differs: ticket 4711: outcome of first_response #1: target_s published 3601, expected 3600 ({published}:7)",
        "missing: ticket 4711: warning -10m of first_response #1, dated 2026-03-02T07:50:00.000Z "
        f"(rests on {EVENTS}:1)",
    ]
    assert err.endswith(b"2 differences in 1 ticket\n")


def test_json(published: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    published.write_text(published.read_text().replace('"policy":"acme-gold"', '"policy":"acme"'))
    assert verify("--published", str(published), "--json") == 1
    found = [json.loads(line) for line in capsysbinary.readouterr().out.splitlines()]
    assert {each["difference"] for each in found} == {"differs"}
    assert found[0]["fields"] == {"policy": ["acme", "acme-gold"]}


def test_published_from_standard_input(
    published: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(published.read_bytes())))
    assert verify("--published", "-") == 0


def test_a_line_that_is_no_sla_event(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text("{}\n")
    assert verify("--published", str(path)) == 1
    assert f"{path}:1: expected an SLA event v1" in capsys.readouterr().err
    path.write_text("oops\n")
    assert verify("--published", str(path)) == 1
    assert f"{path}:1: not JSON" in capsys.readouterr().err


def test_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert verify() == 2
    assert capsys.readouterr().err.startswith("--published: missing")
    assert verify("--published", "none.jsonl", "--grace", "soon") == 2
    assert capsys.readouterr().err.startswith("--grace: 'soon' is not a duration")
    assert main(["verify", "--policies", POLICIES, "--events", "-", "--published", "-"]) == 2
    assert "--published: found -, which --events reads already" in capsys.readouterr().err
