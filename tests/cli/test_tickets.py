"""`sla-stream tickets`: its flags. What it reads is tested against a worker, in tests/integration."""

from __future__ import annotations

import pytest

from sla_stream.cli.main import main


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["list", "--stage", "runing"], "argument --stage: found 'runing', expected one or more of running, paused"),
        (["list", "--limit", "0"], "argument --limit: found '0', expected a whole number from 1"),
        (["list", "--due-before", "noon"], "--due-before: 'noon' is not an instant"),
        (["get"], "the following arguments are required: ID"),
        ([], "the following arguments are required: get|list"),
    ],
)
def test_wrong_flags(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tickets", *words]) == 2
    assert said in capsys.readouterr().err


def test_no_cluster(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tickets", "list", "--kafka", "127.0.0.1:1"]) == 2
    assert "kafka: cannot use the cluster: 127.0.0.1:1" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["get", "list"])
def test_help_teaches_by_example(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tickets", verb, "--help"]) == 0
    assert f"sla-stream tickets {verb}" in capsys.readouterr().out
