"""The simulation bites: errors of the past, put back, are found within so many seeds."""

from __future__ import annotations

import functools
import re

import pytest

from sla_stream.worker.firing import Firing
from tests.simulation.campaign import explain, first_failure
from tests.simulation.mistakes import MISTAKES, mistaken
from tests.simulation.running import Result

SEEDS = 250


WRONG = r"lost: |wrong: |said twice: |never to be said: |unsaid: |the changelog has another state"
FOUND_BY = {
    "discard-without-seeking": "gap in the input",
    "fire-on-the-wall-clock": WRONG + "|early: |fires nothing",
    "commit-before-gathering": WRONG,
    "keep-over-a-skipped-generation": "ended without need: .*ProducerFenced",
    "restore-before-fencing": WRONG,
}
"""What shows: not that something else broke."""


@functools.cache
def found_by(mistake: str) -> Result | None:
    return first_failure(range(SEEDS), mistake)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_found(mistake: str) -> None:
    found = found_by(mistake)
    assert found is not None, f"{SEEDS} seeds have not found it"
    assert re.search(FOUND_BY[mistake], found.problems[0])


def test_a_mistake_is_gone_afterwards() -> None:
    right = Firing.limit.fget.__code__  # type: ignore[attr-defined]
    with mistaken("fire-on-the-wall-clock"):
        assert Firing.limit.fget.__code__ is not right  # type: ignore[attr-defined]
    assert Firing.limit.fget.__code__ is right  # type: ignore[attr-defined]


def test_the_story_of_a_failure_names_what_it_needs() -> None:
    """Shrunk: a handful of lines, the fault among them, and the problem at the end."""
    found = found_by("commit-before-gathering")
    assert found is not None
    story = list(explain(found.seed, "commit-before-gathering"))
    faults = [line for line in story if line.startswith("  fault: ")]
    assert len(faults) == 1 and ("refused" in faults[0] or "lost" in faults[0])
    assert not story[-1].endswith("nothing is wrong")
