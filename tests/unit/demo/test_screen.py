"""What the demo shows, on a terminal and in a pipe."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from sla_stream.demo.line import Line
from sla_stream.demo.screen import LINES_A_SECOND, Allowance, PlainScreen, TerminalScreen, make_screen

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


def test_a_terminal_gets_no_more_lines_than_a_person_can_read_and_is_told_so() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=60, highlight=False, color_system="standard")
    with TerminalScreen(console) as screen:
        screen.say("starting")
        for number in range(LINES_A_SECOND * 3):
            screen.event(Line("breach", "breach", f"line {number} " + "x" * 80))
        screen.progress("halfway")
    shown = out.getvalue()
    assert "starting" in shown
    assert LINES_A_SECOND <= shown.count("line ") < LINES_A_SECOND * 2
    assert "\x1b[1;31mline 0 " in shown
    assert "x" * 60 not in shown  # cut, not wrapped
    assert "halfway · " in shown
    assert " lines not shown" in shown


def test_allowance_keeps_its_last_third_for_what_matters() -> None:
    now = 0.0
    allowance = Allowance(9, lambda: now)
    assert [allowance.take(important=False) for _ in range(7)] == [True] * 6 + [False]
    assert [allowance.take(important=True) for _ in range(4)] == [True] * 3 + [False]
    now = 1.0
    assert allowance.take(important=False)
