"""Packages of npm that tests use: pinned by a lock file, installed under build/ once, looked up from then on."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

BUILD = Path(__file__).parents[1] / "build" / "npm"


def node() -> str:
    """The Node program. Without it and npm the test fails on a build server and is skipped, loudly, elsewhere."""
    program, npm = shutil.which("node"), shutil.which("npm")
    if program is None or npm is None:
        message = "not tried: it needs Node 20 and npm (Debian: apt-get install nodejs npm)"
        pytest.fail(message, pytrace=False) if os.environ.get("CI") else pytest.skip(message)
    return program


def installed(directory: Path, files: Sequence[str] = (), build: str | None = None) -> Path:
    """A copy of the package in `directory` (with `files` beside package.json) after `npm ci` and `npm run BUILD`.

    Kept until one of the files changes.
    """
    node()
    sources = [directory / name for name in ("package.json", "package-lock.json", *files)]
    home = BUILD / hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    if home.is_dir():
        return home
    BUILD.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD, ignore_cleanup_errors=True) as scratch:
        place = Path(scratch, "package")
        place.mkdir()
        for source in sources:
            shutil.copy(source, place)
        _npm(place, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
        if build is not None:
            _npm(place, "run", build)
        try:
            place.rename(home)  # complete or not at all
        except OSError:
            assert home.is_dir(), "another run of the tests was first"
    return home


def _npm(place: Path, *words: str) -> None:
    done = subprocess.run(["npm", *words], cwd=place, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"npm {' '.join(words)}: {done.stdout}{done.stderr}"
