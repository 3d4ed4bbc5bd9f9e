"""`sla-stream run`: what an operator can get wrong, said in a sentence, before anything is touched."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.worker_support import POLICIES, free_port


def _run(*flags: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *options, "-m", "sla_stream", "run", "--listen=127.0.0.1:0", *flags]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def policies(tmp_path: Path) -> str:
    path = tmp_path / "policies.yaml"
    path.write_text(POLICIES)
    return str(path)


def test_without_a_policy_file_it_is_for_the_cluster_to_say_what_holds() -> None:
    """Whether sets are published only the topic knows: a fault to try again, no wrong usage."""
    done = _run("--kafka=127.0.0.1:1")
    assert done.returncode == 3
    assert "cannot use the cluster" in done.stderr


def test_a_missing_policy_file(tmp_path: Path) -> None:
    done = _run("--kafka=127.0.0.1:1", f"--policies={tmp_path / 'none.yaml'}")
    assert done.returncode == 2
    assert "none.yaml" in done.stderr


def test_sources_are_not_read_by_a_worker(policies: str) -> None:
    done = _run(f"--policies={policies}", "--sources=maps.yaml")
    assert done.returncode == 2
    assert "unrecognized argument '--sources'" in done.stderr


@pytest.mark.parametrize("count", ["0", "-1", "many", "1.5", "257"])
def test_a_wrong_number_of_workers(count: str) -> None:
    done = _run(f"--workers={count}")
    assert done.returncode == 2
    assert "expected a number from 1 to 256" in done.stderr


def test_a_cluster_that_is_not_there_is_a_fault_to_try_again(policies: str) -> None:
    port = free_port()
    done = _run(f"--policies={policies}", f"--kafka=127.0.0.1:{port}")
    assert done.returncode == 3
    assert f"cannot use the cluster: 127.0.0.1:{port}" in done.stderr


def test_optimised_python_is_refused(policies: str) -> None:
    done = _run(f"--policies={policies}", options=("-O",))
    assert done.returncode == 2
    assert "run without -O" in done.stderr


def test_never_a_traceback_and_nothing_on_standard_output(policies: str) -> None:
    for done in (_run(), _run(f"--policies={policies}", "--kafka=127.0.0.1:1"), _run("--commit-interval=fast")):
        assert done.returncode in (2, 3)
        assert "Traceback" not in done.stderr
        assert done.stdout == ""


def test_help_teaches_by_example() -> None:
    done = _run("--help")
    assert done.returncode == 0
    assert "sla-stream run --config worker.yaml --workers 4" in done.stdout
    assert "--watch-parent" not in done.stdout
