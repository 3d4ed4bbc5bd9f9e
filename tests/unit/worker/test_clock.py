"""The shared virtual clock."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sla_stream.worker.clock import Clock, SharedClock, SystemClock


def test_another_process_sees_it_move(tmp_path: Path) -> None:
    path = tmp_path / "clock"
    clock = SharedClock.create(path, 1_000)
    read = f"from sla_stream.worker.clock import SharedClock; print(SharedClock({str(path)!r}).now())"
    clock.set(5_000)
    seen = subprocess.run([sys.executable, "-c", read], capture_output=True, text=True, check=True).stdout
    assert seen.strip() == "5000"
    reader = SharedClock(path)
    clock.set(6_000)
    assert reader.now() == 6_000
    reader.close()
    clock.close()


def test_it_never_goes_back(tmp_path: Path) -> None:
    clock = SharedClock.create(tmp_path / "clock", 1_000)
    with pytest.raises(AssertionError):
        clock.set(999)
    clock.close()


def test_no_clock_file(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"hello, this is no clock")
    with pytest.raises(ValueError, match="not a clock file"):
        SharedClock(other)


def test_both_are_clocks(tmp_path: Path) -> None:
    shared = SharedClock.create(tmp_path / "clock", 0)
    assert isinstance(shared, Clock)
    assert isinstance(SystemClock(), Clock)
    assert shared.virtual
    assert not SystemClock().virtual
    shared.close()
