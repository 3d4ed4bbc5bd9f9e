"""`sla-stream policy test`: given/expect cases, readable differences, located mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from sla_stream.cli.main import main

HEAD = """\
week: "2026-01-05"
policies:
  - name: desk
    targets: {first_response: {target: 1h, warn: ["80%"]}}
cases:
"""
GOOD = """\
  - name: answered in time
    given: [Mon 09:00 created, Mon 09:20 agent_replied]
    says: ["met first_response at Mon 09:20, elapsed 20m"]
    state:
      Mon 09:10: {first_response: "running, due Mon 10:00"}
"""
BAD = """\
  - name: wrong in every way
    given: [Mon 09:00 created, Mon 10:30 agent_replied, Mon 10:30 agent_replied id=e002]
    says:
      - warning 80% first_response at Mon 09:44
      - breach first_response at Mon 10:00, elapsed 58m, due Mon 11:00
    state:
      Mon 09:10: {first_response: paused, next_response: "running", first_response#2: none}
    counts: {duplicates: 2, late: 0}
"""


def write(tmp_path: Path, text: str, name: str = "cases.yaml") -> str:
    path = tmp_path / name
    path.write_text(text)
    return str(path)


def test_all_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, HEAD + GOOD)
    assert main(["policy", "test", path]) == 0
    assert capsys.readouterr() == ("1 passed\n", "")
    assert main(["policy", "test", path, "--verbose"]) == 0
    assert capsys.readouterr().out == f"{path}:6: ok: answered in time\n1 passed\n"


def test_differences_can_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, HEAD + GOOD + BAD)
    assert main(["policy", "test", path]) == 1
    assert (
        capsys.readouterr().out
        == f"""\
{path}:11: FAILED: wrong in every way
  says (- expected and not said, + said and not expected, ! said otherwise)
    - warning 80% first_response at Mon 09:44
    + warning 80% first_response at Mon 09:48
    ! breach first_response at Mon 10:00, elapsed 58m, due Mon 11:00: elapsed: expected 58m, is 1h; \
due: expected Mon 11:00, is Mon 10:00
    + missed first_response at Mon 10:30
  state at Mon 09:10: first_response: stage: expected paused, is running
  state at Mon 09:10: next_response: expected a cycle, there is none
  counts: duplicates: expected 2, is 1
1 passed, 1 failed
"""
    )


def test_a_known_gap_is_expected_to_fail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gap = "    known_gap: the desk has no such rule yet\n"
    path = write(tmp_path, HEAD + BAD + gap)
    assert main(["policy", "test", path]) == 0
    assert capsys.readouterr().out == "0 passed, 1 known gaps\n"
    path = write(tmp_path, HEAD + GOOD + gap)
    assert main(["policy", "test", path]) == 1
    assert capsys.readouterr().out == (
        f"{path}:6: FAILED: answered in time\n  is as expected now; take `known_gap` away\n0 passed, 1 failed\n"
    )


def test_some_cases_of_some_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = write(tmp_path, HEAD + GOOD), write(tmp_path, HEAD + BAD, "more.yaml")
    assert main(["policy", "test", one, two, "--case", "answered"]) == 0
    assert capsys.readouterr().out == "1 passed\n"
    assert main(["policy", "test", one, "--case", "nobody"]) == 2
    assert capsys.readouterr().err == "--case: no case has a name that contains 'nobody'\n"


def test_policies_may_stand_in_a_file_of_their_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "apiVersion: sla-stream/v1\n" + HEAD.split("cases:")[0].split("\n", 1)[1], "policies.yaml")
    path = write(tmp_path, "week: '2026-01-05'\npolicies: policies.yaml\ncases:\n" + GOOD)
    assert main(["policy", "test", path]) == 0
    path = write(tmp_path, "week: '2026-01-05'\npolicies: none.yaml\ncases:\n" + GOOD)
    assert main(["policy", "test", path]) == 2
    assert capsys.readouterr().err.endswith("none.yaml: cannot be read: No such file or directory; "
                                            "expected a policy file\n")  # fmt: skip


CASE = "  - name: a\n    given: [Mon 09:00 created]\n"
MISTAKES = [
    ("- a\n", "1:1: found a list; expected a mapping with policies and cases"),
    ("cases: []\n", "1:1: `policies` is missing; expected the name of a policy file, or a list of policies"),
    (HEAD + CASE, "6:5: cases[0]: nothing is expected; expected says, stands, state or counts"),
    (HEAD + CASE + "    sais: []\n    says: []\n", "8:5: cases[0].sais: unknown key 'sais'; expected name, given, "
     "until, says, stands, state, counts or known_gap (did you mean 'says'?)"),
    (HEAD + CASE.replace("Mon", "Mo") + "    says: []\n", "7:13: cases[0].given[0]: 'Mo 09:00'; expected an instant "
     "such as 2026-01-05T09:00:00Z, '2026-01-05 09:00' or, with `week`, 'Mon 09:00'"),
    (HEAD + CASE.replace("created", "creatd") + "    says: []\n", "7:13: cases[0].given[0]: found 'creatd' after the "
     "time; expected created, updated, customer_replied, agent_replied, note_added, answered, resolved, closed, "
     "reopened, merged, unmerged, deleted or restored (did you mean 'created'?)"),
    (HEAD + CASE.replace("created", "created prio=high") + "    says: []\n", "7:13: cases[0].given[0]: 'prio' is no "
     "field of a ticket event; expected one such as priority=high (did you mean 'priority'?)"),
    (HEAD + CASE.replace("created", "updated status=done") + "    says: []\n", "7:13: cases[0].given[0]: status: found "
     '"done"; expected one of new, open, pending, on_hold, resolved, closed'),
    (HEAD + CASE + "    says: [breach resolution]\n", "8:12: cases[0].says[0]: 'breach resolution'; expected what "
     "is said and when, such as 'warning 80% resolution at Mon 09:48' or 'met first_response#1 at Mon 09:20'"),
    (HEAD + CASE + "    says: [warning resolution at Mon 10:00]\n", "8:12: cases[0].says[0]: 'warning resolution at "
     "Mon 10:00'; expected warning THRESHOLD METRIC at INSTANT"),
    (HEAD + CASE + "    says: ['met resolution at Mon 10:00, elapsd 1h']\n", "8:12: cases[0].says[0]: 'elapsd'; "
     "expected due, started, raw_due, elapsed, remaining, target, paused, overrun, ticket, policy, schedule, reason, "
     "revision, late_attach or raw_outcome (did you mean 'elapsed'?)"),
    (HEAD + CASE + "    state: {Mon 10:00: {resolution: runing}}\n", "8:37: cases[0].state[\"Mon 10:00\"].resolution: "
     "'runing'; expected a stage (running, paused, met, missed or cancelled) or a name and a value (did you mean "
     "'running'?)"),
    (HEAD + CASE + "    counts: {late: yes}\n", "8:20: cases[0].counts.late: found 'yes'; expected a whole number"),
    (HEAD + CASE + "    says: []\n" + CASE + "    says: []\n", "9:11: cases[1].name: case 'a' a second time, first on "
     "line 6; expected another name"),
    ("week: '2026-01-06'\n" + HEAD.split("\n", 1)[1] + CASE + "    says: []\n", "1:7: week: '2026-01-06' is no Monday; "
     "expected the date of one"),
    ("settings: {settle_for: 5}\n" + HEAD + CASE + "    says: []\n", "1:24: settings.settle_for: found the number 5; "
     "expected text"),
    ("timezone: [UTC]\n" + HEAD + CASE + "    says: []\n", "1:11: timezone: found a list; expected text"),
    ("timezone: Mars/Olympus\n" + HEAD + CASE + "    says: []\n", "1:11: timezone: unknown time zone 'Mars/Olympus'; "
     "expected an IANA time zone such as Europe/Berlin"),
    (HEAD.replace("1h", "1d") + CASE + "    says: []\n", "4:40: policies[0].targets.first_response.target: '1d': 'd' "
     "and 'w' are refused, since a day could be 24 hours, a working day's hours or the same time tomorrow: write hours "
     "(24h), or business days (2bd) where a target takes them"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), MISTAKES)
def test_mistakes_have_a_place(text: str, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, text)
    assert main(["policy", "test", path]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert f"{path}:{expected}" in err.splitlines()


def test_all_mistakes_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = HEAD.replace("1h", "1x") + "  - name: a\n    given: [now]\n    says: [x]\n    until: later\n"
    other = write(tmp_path, "[]\n", "other.yaml")
    assert main(["policy", "test", write(tmp_path, text), other]) == 2
    assert [line.rsplit("/", 1)[1].split(": ")[0] for line in capsys.readouterr().err.splitlines()] == [
        "cases.yaml:4:40", "cases.yaml:7:13", "cases.yaml:8:12", "cases.yaml:9:12", "other.yaml:1:1",
    ]  # fmt: skip
