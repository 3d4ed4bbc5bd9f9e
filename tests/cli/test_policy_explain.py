"""`sla-stream policy explain`: which target, and why not another."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from sla_stream.cli.main import main

POLICIES = """\
apiVersion: sla-stream/v1
schedules:
  office: {timezone: UTC, hours: {mon-fri: ["09:00-17:00"]}}
policies:
  - {name: others, schedule: office, targets: {resolution: {target: 2bd}, first_response: {target: 4h}}}
  - {name: acme, level: customer, match: {customer: acme, not: {channel: [chat, call]}}, targets:
      {resolution: {target: {high: 1h}, warn: ["80%"]}, due_date: {}}}
  - {name: vip, level: customer, match: {tags: {any: [vip], all: [eu]}}, targets: {resolution: {target: 2h}}}
"""
EVENT = {
    "event_id": "1", "ticket_id": "T-1", "kind": "created", "occurred_at": "2026-01-05T10:00:00Z",
    "customer": "acme", "priority": "high",
}  # fmt: skip


@pytest.fixture
def policies(tmp_path: Path) -> str:
    path = tmp_path / "policies.yaml"
    path.write_text(POLICIES)
    return str(path)


def explain(policies: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], **fields: object) -> dict[str, str]:
    """The text of each policy's line under `resolution`, by policy; the head under ``""``."""
    path = tmp_path / "event.json"
    path.write_text(json.dumps({**EVENT, **fields}, indent=1))
    assert main(["policy", "explain", "--policies", policies, str(path)]) == 0
    _, rest = capsys.readouterr().out.split("\nresolution: ")
    head, *lines = rest.split("\n\n")[0].splitlines()
    return {"": head, **{line.split()[1]: f"{line.split()[0]} {line.split('): ', 1)[1]}" for line in lines}}


def test_taken_and_why_not_the_others(policies: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain(policies, tmp_path, capsys) == {
        "": "1h on schedule 24x7, by policy acme; started at this event it would be due 2026-01-05T11:00:00.000Z; "
        "warns at 80%",
        "acme": "* matches: customer is acme, `not` does not hold; its target for priority high",
        "vip": "- there are no tags, none of them vip; tag eu is missing",
        "others": "- matches too, but acme is asked first (level customer comes before base)",
    }


def test_every_reason(policies: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = explain(policies, tmp_path, capsys, priority="low", tags=["vip"])
    assert found["acme"] == "- matches, but has no target for priority low and no default"
    assert found["vip"] == "- tag eu is missing"
    assert found["others"] == "* matches every ticket; its default target"
    assert found[""].startswith("2 business days on schedule office, by policy others; started at this event it would")
    assert "due 2026-01-07T10:00:00.000Z" in found[""]
    found = explain(policies, tmp_path, capsys, priority="high", tags=["vip", "eu"])
    assert found["vip"].endswith("acme is asked first (both have this level, and it stands first in the file)")
    found = explain(policies, tmp_path, capsys, channel="chat")
    assert found["acme"] == "- `not` holds: channel is chat"
    assert explain(policies, tmp_path, capsys, customer="b")["acme"] == "- customer is b, not acme"
    assert explain(policies, tmp_path, capsys, customer=None)["acme"] == "- customer is not set, not acme"


def test_values_as_a_policy_file_writes_them(policies: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = explain(policies, tmp_path, capsys, tags=["b", "eu"])
    assert found["vip"] == "- tags are [b, eu], none of them vip"
    fields = {"tags": ["b", "eu"], "custom": {"vip": True, "seats": 7}}
    (tmp_path / "event.json").write_text(json.dumps({**EVENT, **fields}))
    assert main(["policy", "explain", "--policies", policies, str(tmp_path / "event.json")]) == 0
    head = capsys.readouterr().out.splitlines()[0]
    assert head.endswith(": custom.seats 7, custom.vip true, customer acme, priority high, status new, tags [b, eu]")


def test_no_target(policies: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "event.json").write_text(json.dumps({**EVENT, "customer": "b"}))
    assert main(["policy", "explain", "--policies", policies, str(tmp_path / "event.json")]) == 0
    assert "due_date: no target, not timed\n  - acme (customer, version " in capsys.readouterr().out


def test_the_ticket_after_several_events(
    policies: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    later = {**EVENT, "event_id": "2", "kind": "updated", "occurred_at": "2026-01-06T10:00:00Z", "priority": "low"}
    lines = f"{json.dumps(later)}\n\n{json.dumps(EVENT)}\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lines.encode())))
    assert main(["policy", "explain", "--policies", policies, "--format", "json", "-"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["at"], found["ticket"]["priority"]) == ("2026-01-06T10:00:00.000Z", "low")
    resolution = next(each for each in found["metrics"] if each["metric"] == "resolution")
    assert (resolution["policy"], resolution["business_days"], resolution["target_s"]) == ("others", 2, None)
    assert [(each["policy"], each["taken"]) for each in resolution["candidates"]] == [
        ("acme", False), ("vip", False), ("others", True),
    ]  # fmt: skip


def test_versions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "policies.yaml"
    entries = "".join(
        f"  - {{name: p, {since}targets: {{resolution: {{target: {hours}h}}}}}}\n"
        for hours, since in enumerate(
            ["", "valid_from: 2026-01-01T00:00:00Z, ", "valid_from: 2027-01-01T00:00:00Z, "], 1
        )
    )
    path.write_text(f"apiVersion: sla-stream/v1\npolicies:\n{entries}")
    (tmp_path / "event.json").write_text(json.dumps(EVENT))
    assert main(["policy", "explain", "--policies", str(path), str(tmp_path / "event.json")]) == 0
    text = capsys.readouterr().out
    assert "resolution: 2h on schedule 24x7" in text
    assert "no longer in force: a later version of it is" in text
    assert "not in force yet: valid from 2027-01-01T00:00:00.000Z" in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ": empty; expected a ticket event, JSON"),
        ("{", ":1: not JSON"),
        ('{"event_id": "1"}', ":1: kind: missing"),
        (
            json.dumps(EVENT) + "\n" + json.dumps({**EVENT, "ticket_id": "T-2"}),
            ": events of several tickets, T-1 and T-2; expected one ticket",
        ),
    ],
)
def test_events_that_cannot_be_used(
    text: str, expected: str, policies: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "event.json"
    path.write_text(text)
    assert main(["policy", "explain", "--policies", policies, str(path)]) == 2
    assert capsys.readouterr().err.startswith(f"{path}{expected}")
    assert main(["policy", "explain", "--policies", policies, str(tmp_path / "none.json")]) == 2
    assert "none.json: cannot be read: No such file" in capsys.readouterr().err
