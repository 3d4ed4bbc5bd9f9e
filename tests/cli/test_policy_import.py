"""`sla-stream policy import`, as a person meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sla_stream.cli.main import main

POLICY = {
    "title": "Gold",
    "position": 1,
    "filter": {"all": [{"field": "current_tags", "operator": "includes", "value": "gold"}], "any": []},
    "policy_metrics": [
        {"priority": priority, "metric": "first_reply_time", "target": 60, "business_hours": True}
        for priority in ("low", "normal", "high", "urgent")
    ],
}


def export(tmp_path: Path, *policies: object) -> str:
    path = tmp_path / "zendesk.json"
    path.write_text(json.dumps({"sla_policies": policies, "next_page": None}))
    return str(path)


def test_the_result_is_a_policy_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "import", "zendesk", export(tmp_path, POLICY)]) == 0
    out, err = capsys.readouterr()
    assert err == "policies written: 1; left as comments: 0; places marked ATTENTION for you to look at: 1\n"
    (tmp_path / "policies.yaml").write_text(out)
    assert main(["policy", "lint", str(tmp_path / "policies.yaml")]) == 0
    assert capsys.readouterr().out == ""


def test_given_hours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--timezone", "Europe/Berlin", "--hours", "mon-fri 08:00-18:00"]
    assert main(["policy", "import", "zendesk", export(tmp_path, POLICY), *flags]) == 0
    out, err = capsys.readouterr()
    assert "working-hours: {timezone: Europe/Berlin, hours: {mon-fri: ['08:00-18:00']}}" in out
    assert err.endswith(": 0\n")


def test_a_policy_left_as_a_comment_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = POLICY | {"filter": {"all": [{"field": "status", "operator": "is", "value": "open"}]}}
    assert main(["policy", "import", "zendesk", export(tmp_path, odd)]) == 0
    assert capsys.readouterr().err.startswith("policies written: 0; left as comments: 1;")


@pytest.mark.parametrize(
    ("product", "said"),
    [
        ("jira", "policy import: found 'jira'; expected zendesk: Jira documents no exported form of SLA goals"),
        ("zendsk", "policy import: found 'zendsk'; expected zendesk\n"),
    ],
)
def test_products_that_there_are_not(product: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "import", product, "x.json"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err


def test_a_file_that_is_no_export(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "z.json"
    path.write_text('{"sla_policies": [{}]}')
    assert main(["policy", "import", "zendesk", str(path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert f"{path}:1:19: sla_policies[0]: `title` is missing" in err


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "import", "zendesk", str(tmp_path / "none.json")]) == 2
    assert "none.json: cannot be read" in capsys.readouterr().err
