"""Break one rule at a time in a copy of the package and see whether the quick tests notice: `make mutants`.

Prints a line for each break: what, where, the first test that noticed, seconds. Ends with 1 if a break went unnoticed,
with 2 if the copy fails before anything is broken. Words after the command choose the breaks that contain one of them.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.mutation.breaks import BREAKS, CODEC_TESTS, Break
from tests.mutation.corner_breaks import CORNER_BREAKS

ROOT = Path(__file__).parents[2]
QUICK = ("tests/unit/core", "tests/scenarios", "tests/property/test_engine.py")
PROCESSES = 2
EXAMPLES = 100
LIMIT = 120
"""Seconds for the tests of one break: a break may also make the engine run on for ever."""
FAILED = 1
"""What pytest ends with when tests failed; everything else means that they could not be run."""


class Verdict(NamedTuple):
    """`noticed`: the first test that failed, or why it could not be said."""

    caught: bool
    noticed: str
    seconds: float


def copy_project(to: Path) -> Path:
    """A copy with the package and its tests; the properties with fewer examples."""
    for name in ("sla_stream", "tests"):
        shutil.copytree(ROOT / name, to / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", to)
    engine = to / "tests/property/test_engine.py"
    engine.write_text(re.sub(r"max_examples=\d+", f"max_examples={EXAMPLES}", engine.read_text()))
    return to


def run_tests(copy: Path, tests: tuple[str, ...]) -> tuple[int, str]:
    """(exit code, what was printed) of pytest in the copy; -1 when it took too long."""
    # Without bytecode: two texts of one length, written within a second, would look the same to Python.
    rest = {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1", "CI": "1"}
    command = [sys.executable, "-m", "pytest", *tests, "-x", "-q", "-p", "no:cacheprovider", "--tb=no"]
    try:
        done = subprocess.run(
            command, cwd=copy, env={**os.environ, **rest}, capture_output=True, text=True, timeout=LIMIT
        )
    except subprocess.TimeoutExpired:
        return -1, ""
    return done.returncode, done.stdout + done.stderr


def try_break(copy: Path, broken: Break) -> Verdict:
    """Break the copy, run the tests, mend it."""
    module = copy / "sla_stream" / broken.module
    text = module.read_text(encoding="utf-8")
    if text.count(broken.old) != 1:
        return Verdict(False, "does not apply any more", 0.0)
    started = time.monotonic()
    module.write_text(text.replace(broken.old, broken.new), encoding="utf-8")
    try:
        code, printed = run_tests(copy, (broken.tests,) if broken.tests else QUICK)
    finally:
        module.write_text(text, encoding="utf-8")
    seconds = time.monotonic() - started
    if code == FAILED:
        named = re.search(r"^FAILED (.+?)(?: - .*)?$", printed, re.MULTILINE)
        return Verdict(True, named.group(1) if named else printed.strip().splitlines()[-1], seconds)
    if code == -1:
        return Verdict(True, f"ran on for {LIMIT} seconds", seconds)
    return Verdict(False, "NOBODY" if code == 0 else f"the tests did not run (exit {code})", seconds)


def prepare(folder: Path) -> Path:
    """A copy in which the tests pass, and test the copy."""
    copy = copy_project(folder)
    where = [sys.executable, "-c", "import sla_stream; print(sla_stream.__file__)"]
    found = subprocess.run(where, cwd=copy, env={**os.environ, "PYTHONPATH": str(copy)}, capture_output=True, text=True)
    if not Path(found.stdout.strip()).is_relative_to(copy):
        raise SystemExit(f"the tests would use {found.stdout.strip()}, expected the copy in {copy}")
    code, printed = run_tests(copy, (*QUICK, CODEC_TESTS))
    if code:
        print(printed, "the tests fail with nothing broken", sep="\n", file=sys.stderr)
        raise SystemExit(2)
    return copy


def main(words: list[str]) -> int:
    chosen = [broken for broken in (*BREAKS, *CORNER_BREAKS) if not words or any(word in broken.rule for word in words)]
    started, missed = time.monotonic(), 0
    with TemporaryDirectory(prefix="mutants-") as folder, ThreadPoolExecutor(PROCESSES) as pool:
        copies: SimpleQueue[Path] = SimpleQueue()
        first = prepare(Path(folder).resolve() / "0")
        copies.put(first)
        for number in range(1, PROCESSES):
            copies.put(Path(shutil.copytree(first, first.parent / str(number))))

        def in_turn(broken: Break) -> Verdict:
            copy = copies.get()
            try:
                return try_break(copy, broken)
            finally:
                copies.put(copy)

        for broken, verdict in zip(chosen, pool.map(in_turn, chosen), strict=True):
            missed += not verdict.caught
            print(f"{broken.rule} | {broken.module} | {verdict.noticed[:120]} | {verdict.seconds:.1f} s", flush=True)
    print(f"{len(chosen) - missed} of {len(chosen)} breaks caught in {time.monotonic() - started:.0f} s")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
