"""`map` and `sources` as typed."""

from __future__ import annotations

import io
from pathlib import Path

import orjson
import pytest

from sla_stream.cli.main import main

RECORD = {"ticket": 7, "id": "e-1", "at": "2026-03-02T09:00:00Z", "what": "opened", "state": "new", "prio": 2}
EVENT = (
    '{"event_id":"e-1","ticket_id":"7","kind":"created","occurred_at":"2026-03-02T09:00:00.000Z",'
    '"status":"new","priority":"high"}\n'
)


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    path = tmp_path / "sample.json"
    path.write_text(orjson.dumps(RECORD, option=orjson.OPT_INDENT_2).decode(), encoding="utf-8")
    return path


def test_a_record_becomes_ticket_events(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["map", "--mapping", "own-queue", "--in", str(sample)]) == 0
    assert capsys.readouterr().out == EVENT


def test_standard_input_holds_a_record_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good = orjson.dumps(RECORD)
    content = good + b"\n\n" + good.replace(b"opened", b"lost") + b"\n{\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert main(["map", "--mapping", "own-queue", "--in", "-"]) == 1
    out, err = capsys.readouterr()
    assert out == EVENT
    first, second = err.splitlines()
    assert first.startswith("-:3: schema: kind: what: found 'lost'; expected one of opened, changed, asked")
    assert second.startswith("-:4: json: not JSON")


def test_explain_shows_every_field_with_its_path(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["map", "--mapping", "own-queue", "--in", str(sample), "--explain"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "-- mapping own-queue, line 1"
    assert [line.split() for line in lines[1:]] == [
        ["event_id", '"e-1"', "<-", "id", "=", '"e-1"'],
        ["ticket_id", '"7"', "<-", "ticket", "=", "7"],
        ["kind", '"created"', "<-", "what", "=", '"opened"'],
        ["occurred_at", '"2026-03-02T09:00:00.000Z"', "<-", "at", "=", '"2026-03-02T09:00:00Z"'],
        ["status", '"new"', "<-", "state", "=", '"new"'],
        ["priority", '"high"', "<-", "prio", "=", "2"],
    ]


def test_explain_shows_what_is_refused_and_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(orjson.dumps({**RECORD, "state": "odd"}))
    assert main(["map", "--mapping", "own-queue", "--in", str(path), "--explain"]) == 0
    assert "status           refused: status: state: found 'odd'; expected one of new" in capsys.readouterr().out
    path.write_bytes(b'{"action":"locked","issue":{"number":1},"repository":{"full_name":"a/b"}}')
    assert main(["map", "--mapping", "github-issues", "--in", str(path), "--explain"]) == 0
    assert capsys.readouterr().out == "ignored: a condition of `ignore` holds\n"
    assert main(["map", "--mapping", "jira", "--in", str(path), "--explain"]) == 0
    assert capsys.readouterr().out.startswith("refused: not a record for mapping jira: webhookEvent: found nothing")


def test_headers_key_and_time_of_the_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "row.json"
    path.write_text('{"occurred_at": "2026-03-02T09:00:00Z"}', encoding="utf-8")
    words = ["map", "--mapping", "debezium-outbox", "--in", str(path), "--key", "42"]
    assert main([*words, "--header", "id=a1", "--header", "eventType=TicketResolved"]) == 0
    event = orjson.loads(capsys.readouterr().out)
    assert (event["event_id"], event["ticket_id"], event["kind"]) == ("a1", "42", "resolved")
    path.write_text('{"freshdesk_webhook": {"ticket_id": 5}}', encoding="utf-8")
    assert main(["map", "--mapping", "freshdesk", "--in", str(path), "--recorded-at", "2026-03-02T09:00:00Z"]) == 0
    assert orjson.loads(capsys.readouterr().out)["occurred_at"] == "2026-03-02T09:00:00.000Z"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["map", "--mapping", "jra", "--in", "x"], "mapping 'jra': not known (did you mean 'jira'?)"),
        (["map", "--mapping", "jira", "--in", "/nowhere"], "/nowhere: cannot be read: No such file or directory"),
        (["map", "--mapping", "jira", "--in", "x", "--header", "a"], "--header: found 'a'; expected NAME=VALUE"),
        (["map", "--mapping", "jira", "--in", "x", "--recorded-at", "now"], "--recorded-at: 'now' is not an instant"),
        (["map", "--mapping", "jira"], "--in"),
        (["sources", "show", "jra"], "mapping 'jra': not known"),
        (["sources", "suggest", "/nowhere"], "cannot be read"),
        (["sources", "check", "--mapping", "jra", "--topic", "t"], "mapping 'jra': not known"),
        (["sources", "check", "--mapping", "jira", "--topic", "t", "--last", "0"], "expected a whole number from 1"),
    ],
)
def test_wrong_usage(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert sentence in err
    assert "Traceback" not in err


def test_list_show_and_suggest(sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sources", "list"]) == 0
    assert "zendesk-eventbridge " in capsys.readouterr().out
    assert main(["sources", "show", "own-queue"]) == 0
    shown = capsys.readouterr().out
    mine = tmp_path / "mine.yaml"
    mine.write_text(shown, encoding="utf-8")
    assert main(["map", "--mapping", str(mine), "--in", str(sample)]) == 0
    assert capsys.readouterr().out == EVENT
    assert main(["sources", "suggest", str(sample), "--name", "crm"]) == 0
    mine.write_text(capsys.readouterr().out, encoding="utf-8")
    assert main(["map", "--mapping", str(mine), "--in", str(sample)]) == 0
    assert orjson.loads(capsys.readouterr().out)["ticket_id"] == "7"
    sample.write_text("[]", encoding="utf-8")
    assert main(["sources", "suggest", str(sample)]) == 2
