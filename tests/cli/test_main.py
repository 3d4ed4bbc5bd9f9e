"""The frame of the command line: dispatch, help, and one exit code for each kind of failure."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sla_stream import __version__
from sla_stream.cli.main import COMMANDS, Parser, guarded, main
from sla_stream.errors import ConfigError, InvalidRecord, ReplayDivergence, RetryableError


def sla_stream(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "sla_stream", *words], capture_output=True, text=True, timeout=30)


def test_help_names_the_commands_and_teaches_by_example() -> None:
    done = sla_stream("--help")
    assert done.returncode == 0
    assert done.stderr == ""
    assert "replay" in done.stdout and COMMANDS["replay"] in " ".join(done.stdout.split())
    assert "examples:" in done.stdout


def test_help_imports_no_heavy_module() -> None:
    heavy = ("faust", "aiokafka", "pydantic", "holidays", "aiohttp", "rich", "yaml", "msgspec")
    program = (
        "import sys\nfrom sla_stream.cli.main import main\nmain(['--help'])\n"
        f"sys.exit(' '.join(name for name in {heavy!r} if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    assert done.stderr.strip() == ""


@pytest.mark.parametrize("words", [["--help"], *([name, "--help"] for name in COMMANDS)])
def test_help_is_quick(words: list[str]) -> None:
    def seconds() -> float:
        start = time.perf_counter()
        assert sla_stream(*words).returncode == 0
        return time.perf_counter() - start

    assert min(seconds() for _ in range(3)) < 0.3


def test_version() -> None:
    assert sla_stream("--version").stdout == f"sla-stream {__version__}\n"


def test_no_command_shows_help_on_standard_error() -> None:
    done = sla_stream()
    assert (done.returncode, done.stdout) == (2, "")
    assert "usage: sla-stream" in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["relpay"], "sla-stream: unknown command 'relpay'; did you mean 'replay'?"),
        (["xyzzy"], "sla-stream: unknown command 'xyzzy'\n"),
        (
            ["replay", "--polices=p", "--policies", "p", "--events", "-"],
            "'--polices'; did you mean '--policies'?",
        ),
        (["replay"], "one of the arguments --events --topic is required"),
    ],
)
def test_wrong_usage(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert said.out == ""
    assert len(said.err.splitlines()) == 2


def _raise(error: BaseException) -> Callable[[], int]:
    def work() -> int:
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (ConfigError("p.yaml:3:5: wrong"), 2, "p.yaml:3:5: wrong\n"),
        (ReplayDivergence("first difference"), 1, "first difference\n"),
        (InvalidRecord("schema", "kind: missing"), 1, "schema: kind: missing\n"),
        (RetryableError("no broker at localhost:1"), 3, "sla-stream: no broker at localhost:1\n"),
        (KeyboardInterrupt(), 130, ""),
        (SystemExit(2), 2, ""),
        (SystemExit(None), 0, ""),
    ],
)
def test_error_boundary(error: BaseException, code: int, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(_raise(error)) == code
    assert capsys.readouterr().err == message


def test_a_bug_shows_its_traceback_and_exits_with_3(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(_raise(ZeroDivisionError("x"))) == 3
    said = capsys.readouterr().err
    assert "ZeroDivisionError" in said and said.endswith("please report it\n")


def test_a_misspelt_flag_of_a_nested_command_gets_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    parser = Parser(prog="p")
    parser.add_subparsers(parser_class=Parser).add_parser("due").add_argument("--duration")
    assert guarded(lambda: parser.check_no_rest(["--duraton"], ["due", "--duraton"]) or 0) == 2
    assert "did you mean '--duration'?" in capsys.readouterr().err


def test_a_sibling_command_has_no_say_in_the_hint(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schedule", "elapsed", "--start", "2026-03-02T08:00:00Z"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("sla-stream schedule elapsed: unrecognized argument '--start'")
    assert "did you mean '--start'" not in said


def test_a_hint_never_repeats_what_was_typed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schedule", "--start=2026-03-02T08:00:00Z", "due", "--schedule=s", "--duration=1h"]) == 2
    said = capsys.readouterr().err
    assert "unrecognized argument '--start'; expected after `sla-stream schedule due`" in said
    assert "(`sla-stream schedule due --help` shows" in said


def test_a_reader_that_leaves_is_no_error() -> None:
    program = (
        "import sys\nfrom sla_stream.cli.main import guarded\n"
        "def work():\n    for _ in range(100000): print('line')\n    return 0\n"
        "sys.exit(guarded(work))"
    )
    writer = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert writer.stdout is not None and writer.stderr is not None
    writer.stdout.readline()
    writer.stdout.close()
    assert writer.stderr.read() == b""
    assert writer.wait(timeout=30) == 0
    writer.stderr.close()


EXAMPLE = Path(__file__).parents[1] / "contract/example_run"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("command", ["replay", "report", "simulate", "explain"])
def test_a_full_disk_is_told_in_one_sentence(command: str) -> None:
    extra = {"simulate": ["--against", f"{EXAMPLE}/policies.yaml"], "explain": ["4711"]}.get(command, [])
    with Path("/dev/full").open("wb") as full:
        words = [command, *extra, f"--policies={EXAMPLE}/policies.yaml", f"--events={EXAMPLE}/events.jsonl"]
        done = subprocess.run(
            [sys.executable, "-m", "sla_stream", *words], stdout=full, stderr=subprocess.PIPE, text=True, timeout=30
        )
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1] == (
        "sla-stream: cannot write: No space left on device; the output is not whole"
    )
    assert "Traceback" not in done.stderr
