"""A child process is asked to stop, made to stop, and does not outlive us."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from sla_stream.demo import children
from sla_stream.demo.children import Child

OBEYS = "import sys, time\nprint('up', flush=True)\nwhile True: time.sleep(0.05)\n"
DEAF = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + OBEYS
LIFELINE = "import os, sys\nprint('up', flush=True)\nos.read(int(sys.argv[-1].split('=')[1]), 1)\nprint('alone')\n"


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module that the child can be asked to run."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path / "a_child.py"


async def started(script: Path, text: str) -> Child:
    script.write_text(text)
    child = Child("a_child", [], script.with_suffix(".log"))
    await child.start()
    async with asyncio.timeout(20):
        while "up" not in child.last_words():
            await asyncio.sleep(0.02)
    return child


async def test_stops_when_asked(script: Path) -> None:
    child = await started(script, OBEYS)
    await child.stop()
    assert await child.wait() == -signal.SIGTERM


async def test_is_killed_when_it_does_not_listen(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "STOP_WITHIN_S", 0.2)
    child = await started(script, DEAF)
    await child.stop()
    assert await child.wait() == -signal.SIGKILL


async def test_notices_when_we_are_gone(script: Path) -> None:
    """Letting go of our end of the pipe is what the system does when we end."""
    child = await started(script, LIFELINE)
    child.let_go()
    async with asyncio.timeout(20):
        assert await child.wait() == 0
    assert child.last_words(1) == "alone"


async def test_stopping_what_never_started_or_has_ended_is_no_error(script: Path) -> None:
    await Child("a_child", [], script.with_suffix(".log")).stop()
    child = await started(script, "print('up')\n")
    assert await child.wait() == 0
    await child.stop()
    await child.stop()
