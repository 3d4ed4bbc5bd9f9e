"""What the demo shows, on a terminal and in a pipe."""

from __future__ import annotations

import pytest

from sla_stream.demo.line import Line
from sla_stream.demo.screen import Allowance, PlainScreen, make_screen

BREACH = Line("breach", "breach", "it is late")


def test_in_a_pipe_events_and_progress_are_apart(capsys: pytest.CaptureFixture[str]) -> None:
    seconds = iter([0.0, 1.0, 5.5])
    with PlainScreen(lambda: next(seconds)) as screen:
        screen.say("starting")
        screen.event(BREACH)
        for step in ("first", "too soon", "again"):
            screen.progress(step)
    shown = capsys.readouterr()
    assert shown.out == "it is late\n"
    assert shown.err == "starting\nfirst\nagain\n"


def test_a_pipe_gets_the_plain_screen(capsys: pytest.CaptureFixture[str]) -> None:
    assert isinstance(make_screen(), PlainScreen)


def test_allowance_keeps_its_last_third_for_what_matters() -> None:
    now = 0.0
    allowance = Allowance(9, lambda: now)
    assert [allowance.take(important=False) for _ in range(7)] == [True] * 6 + [False]
    assert [allowance.take(important=True) for _ in range(4)] == [True] * 3 + [False]
    now = 1.0
    assert allowance.take(important=False)
