"""`sla-stream demo` as typed: help that teaches, mistakes that are named; nothing is started for them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.worker_support import free_port


def demo(*flags: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sla_stream", "demo", *flags]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=30, check=False, env=os.environ | environment
    )


def test_help_shows_examples() -> None:
    shown = demo("--help")
    assert shown.returncode == 0
    for flag in ("--speed", "--live", "--events", "--until", "--policies", "SLA_STREAM_TEST_KAFKA"):
        assert flag in shown.stdout
    assert shown.stdout.count("  sla-stream demo") >= 5


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--speed", "quick"], "--speed: found 'quick', expected seconds of history in a second, such as 3600"),
        (["--events", "0"], "--events: found '0', expected a whole number from 1, such as 5000"),
        (["--until", "2016-03-04"], "--until: "),
        (["--live", "--until", "2016-03-04T00:00:00Z"], "--until: names an instant of the history"),
        (["--live", "--speed", "5"], "not allowed with argument"),
        (["--sped", "5"], "--speed"),
        (["--policies", "no-such-file.yaml"], "no-such-file.yaml"),
    ],
)
def test_mistake_is_named_and_exits_with_2(flags: list[str], said: str) -> None:
    done = demo(*flags)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_cluster_that_does_not_answer_is_named_before_anything_is_said_of_it() -> None:
    kafka = f"127.0.0.1:{free_port()}"
    done = demo(SLA_STREAM_TEST_KAFKA=kafka)
    assert done.returncode == 2
    assert done.stderr == f"SLA_STREAM_TEST_KAFKA: cannot use the cluster: {kafka}: connection refused\n"


def test_broken_policies_are_shown_with_their_place(tmp_path: Path) -> None:
    policies = tmp_path / "mine.yaml"
    policies.write_text("apiVersion: sla-stream/v1\npolicies:\n  - name: a\n    tragets: {}\n")
    done = demo("--policies", str(policies))
    assert done.returncode == 2
    assert "mine.yaml:4:5" in done.stderr
