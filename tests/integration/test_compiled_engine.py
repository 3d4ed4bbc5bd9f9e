"""The compiled form of the engine says what the pure one says, byte for byte."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from itertools import islice
from pathlib import Path

import pytest

import sla_stream.demo
from sla_stream.demo.history import read_history

ROOT = Path(__file__).parents[2]
PROJECT = ("setup.py", "pyproject.toml", "README.md", "LICENSE", "NOTICE")
EVENTS = 3_000
CAN_COMPILE = shutil.which("cc") is not None and importlib.util.find_spec("mypyc") is not None


@pytest.mark.skipif(not CAN_COMPILE, reason="needs a C compiler and mypyc")
def test_compiled_engine_says_the_same(tmp_path: Path) -> None:
    """A wheel as a user would build it, but for the time that the C compiler is given to think."""
    built = _compiled_package(tmp_path)
    where = _python(built, "-c", "import sla_stream.core.engine as engine; print(engine.__file__)")
    assert where.strip().endswith((b".so", b".pyd"))
    log = tmp_path / "events.jsonl"
    log.write_bytes(b"".join(line.value + b"\n" for line in islice(read_history(), EVENTS)))
    policies = Path(sla_stream.demo.__file__).parent / "policies.yaml"
    for out in ("events", "state"):
        replay = ("-m", "sla_stream", "replay", "--policies", str(policies), "--events", str(log), "--out", out)
        compiled, pure = _python(built, *replay), _python(ROOT, *replay)
        assert compiled == pure
        assert pure.count(b"\n") > EVENTS / 3


def _compiled_package(tmp_path: Path) -> Path:
    source = tmp_path / "source"
    shutil.copytree(ROOT / "sla_stream", source / "sla_stream", ignore=shutil.ignore_patterns("__pycache__"))
    for name in PROJECT:
        shutil.copy(ROOT / name, source)
    pip = ("-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(tmp_path), str(source))
    _python(source, *pip, SLA_STREAM_COMPILE="1", SLA_STREAM_COMPILE_LEVEL="0")
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "built")
    return tmp_path / "built"


def _python(package: Path, *command: str, **variables: str) -> bytes:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=package,
        env={**os.environ, "PYTHONPATH": str(package), **variables},
        capture_output=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout
