"""`sla-stream policy`, as a person meets it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from sla_stream.cli.main import main

DESK = "schedules: {desk: {timezone: UTC, hours: {mon-fri: '09:00-17:00'}}}\n"
GOOD = "apiVersion: sla-stream/v1\npolicies:\n  - {name: a, targets: {resolution: {target: 1h}}}\n"


def write(tmp_path: Path, text: str) -> str:
    path = tmp_path / "policies.yaml"
    path.write_text(text)
    return str(path)


def test_a_clean_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, GOOD)
    assert main(["policy", "lint", path]) == 0
    assert capsys.readouterr() == ("", f"{path}: 1 policy, 0 schedules: nothing to report\n")
    path = write(tmp_path, GOOD + "  - {name: b, match: {plan: p}, targets: {assignment: {target: 1h}}}\n" + DESK)
    assert main(["policy", "lint", path]) == 0
    assert capsys.readouterr() == ("", f"{path}: 2 policies, 1 schedule: nothing to report\n")


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


GROUPS = """\
apiVersion: sla-stream/v1
schedules:
  office: {timezone: UTC, hours: {mon-fri: ["09:00-17:00"]}}
policies:
  - {name: network, level: service, match: {group: network}, targets: {group_ownership: {target: 4h}}}
  - {name: desk, level: service, match: {group: desk}, schedule: office, targets: {group_ownership: {target: 4h}}}
  - {name: all, targets: {resolution: {target: {urgent: 8h, default: 72h}}}}
"""


def test_a_chain_of_internal_agreements(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, GROUPS)
    assert main(["policy", "lint", path, "--chain", "network"]) == 0
    assert capsys.readouterr().out == ""
    assert main(["policy", "lint", path, "--chain", "desk, network", "--chain", "network,vendor"]) == 1
    worst = (
        "end 64h of schedule '24x7' after the deadline for a ticket of 2026-01-09T14:00:00.000Z (due "
        "2026-01-09T22:00:00.000Z, ends 2026-01-12T14:00:00.000Z; they count other hours: 24x7, office)"
    )
    urgent = "resolution 8h of policy 'all' (schedule 24x7, priority urgent)"
    assert capsys.readouterr().out.splitlines() == [
        f"{path}: warning: chain desk > network: the ownership targets, one after the other, {worst}, against {urgent}",
        f"{path}: warning: chain network > vendor: group 'vendor' has no ownership target beside {urgent}",
        f"{path}: warning: chain network > vendor: group 'vendor' has no ownership target beside "
        "resolution 72h of policy 'all' (schedule 24x7)",
    ]
    assert main(["policy", "lint", path, "--chain", "desk,,network"]) == 2
    assert "--chain: found 'desk,,network'; expected names of groups" in capsys.readouterr().err


HOURS = """\
apiVersion: sla-stream/v1
schedules:
  office: {timezone: UTC, hours: {mon-fri: ["09:00-17:00"]}}
  late: {timezone: UTC, hours: {mon-fri: ["12:00-20:00"]}}
  evening: {timezone: UTC, hours: {mon-fri: ["17:00-19:00"]}}
policies:
  - name: network
    level: service
    match: {group: network}
    schedule: NETWORK
    targets: {group_ownership: {target: OWNED}}
  - {name: all, schedule: office, targets: {resolution: {target: 8h}, group_ownership: {target: 4h}}}
"""


@pytest.mark.parametrize(
    ("chain", "network", "owned", "said"),
    [
        ("desk,network", "office", "4h", None),  # a sum, wherever it starts: no night or week-end can make it late
        ("desk,network", "24x7", "4h", None),
        ("desk,network", "office", "5h30m", "the ownership targets together are 1h30m too long on schedule 'office'"),
        (
            "network", "evening", "2h",
            "end after the deadline, though no time of schedule 'office' passes in between, for a ticket of "
            "2026-01-05T00:00:00.000Z (due 2026-01-05T17:00:00.000Z, ends 2026-01-05T19:00:00.000Z; they count other "
            "hours: office, evening)",
        ),
        ("desk,network", "late", "4h", "end 2h of schedule 'office' after the deadline for a ticket of 2026-01-"),
        ("desk,network", "office", "1bd", "; they count business days)"),
    ],
)  # fmt: skip
def test_a_chain_is_judged_in_business_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], chain: str, network: str, owned: str, said: str | None
) -> None:
    """The desk has 4h of office hours, the network group what the case says."""
    path = write(tmp_path, HOURS.replace("NETWORK", network).replace("OWNED", owned))
    assert main(["policy", "lint", path, "--chain", chain]) == (0 if said is None else 1)
    out = capsys.readouterr().out
    assert out == "" if said is None else said in out


def test_tickets_of_a_history_that_match_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, GOOD.replace("name: a,", "name: a, match: {plan: gold},"))
    log = tmp_path / "t.jsonl"
    event = '{"event_id": "%s", "ticket_id": "%s", "kind": "updated", "occurred_at": "2026-01-05T09:00:00Z"%s}\n'
    log.write_text(event % (1, "T-1", "") + event % (2, "T-1", ', "plan": "gold"') + event % (1, "T-2", ""))
    assert main(["policy", "lint", path, "--events", str(log)]) == 1
    assert capsys.readouterr() == (
        f"{path}: warning: 1 of 2 tickets of {log} match no policy: T-2 (no attributes)\n",
        "",
    )
    log.write_text(event % (1, "T-1", ', "plan": "gold", "tags": ["a"]'))
    assert main(["policy", "lint", path, "--events", str(log)]) == 0
    assert capsys.readouterr() == ("", f"{path}: 1 policy, 0 schedules: nothing to report\n")
    log.write_text("{}\n" + event % (1, "T-3", ', "plan": "tin", "tags": ["b", "a"]'))
    assert main(["policy", "lint", path, "--events", str(log)]) == 1
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        f"{path}: warning: 1 lines of {log} cannot be used",
        f"{path}: warning: 1 of 1 tickets of {log} match no policy: T-3 (plan tin, tags [a, b])",
        f"{path}: note: no ticket of {log} takes a target from 'a'",
    ]
    assert err.startswith(f"{log}:1: schema: ")
    assert main(["policy", "lint", path, "--events", str(tmp_path / "none")]) == 2


@pytest.mark.parametrize("action", ["lint", "explain", "test"])
def test_help_teaches_by_example(action: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", action, "--help"]) == 0
    assert f"sla-stream policy {action} " in capsys.readouterr().out
