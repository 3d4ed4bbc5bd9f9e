"""Flags of the demo: what fits, and what is said when it does not."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from sla_stream.cli.demo import add_arguments
from sla_stream.demo.options import POLICIES, Options, options_from
from sla_stream.errors import ConfigError


def options(*words: str) -> Options:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return options_from(parser.parse_args(words))


def test_defaults() -> None:
    assert options() == Options(speed=3600.0, live=False, events=None, until=None, policies=POLICIES)
    assert not options().bounded


def test_flags() -> None:
    given = options("--speed", "7200.5", "--events", "10", "--until", "2016-03-01T00:00:00Z", "--policies", "p.yaml")
    assert given == Options(7200.5, False, 10, 1_456_790_400_000, Path("p.yaml"))
    assert given.bounded
    assert options("--live").live


def test_every_mistake_is_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        options("--speed", "0", "--events", "-3", "--until", "yesterday")
    speed, events, until = str(caught.value).splitlines()
    assert speed == "--speed: found '0', expected seconds of history in a second, such as 3600"
    assert events == "--events: found '-3', expected a whole number from 1, such as 5000"
    assert until.startswith("--until: ")


@pytest.mark.parametrize("speed", ["fast", "nan", "inf", "-1", ""])
def test_speed_is_a_positive_number(speed: str) -> None:
    with pytest.raises(ConfigError, match="--speed"):
        options(f"--speed={speed}")


def test_until_names_an_instant_of_the_history() -> None:
    with pytest.raises(ConfigError, match="use --events"):
        options("--live", "--until", "2016-03-01T00:00:00Z")
