"""The demo's flags, checked."""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sla_stream.errors import ConfigError
from sla_stream.formats.instants import parse_instant

POLICIES: Final = Path(__file__).with_name("policies.yaml")
SPEED: Final = 3_600.0


@dataclass(frozen=True, slots=True)
class Options:
    """`speed`: seconds of history in a second. `events` and `until` (ms): where to stop, None for the end."""

    speed: float = SPEED
    live: bool = False
    events: int | None = None
    until: int | None = None
    policies: Path = POLICIES

    @property
    def bounded(self) -> bool:
        """True if the demo ends by itself before the history does."""
        return self.events is not None or self.until is not None


def options_from(args: argparse.Namespace) -> Options:
    """ConfigError names every flag that does not fit."""
    problems: list[str] = []
    options = Options(
        speed=_speed(args.speed, problems),
        live=args.live,
        events=_events(args.events, problems),
        until=_until(args.until, problems),
        policies=Path(args.policies) if args.policies else POLICIES,
    )
    if args.live and args.until is not None:
        problems.append("--until: names an instant of the history, which --live moves; use --events instead")
    if problems:
        raise ConfigError("\n".join(problems))
    return options


def _speed(text: str | None, problems: list[str]) -> float:
    if text is None:
        return SPEED
    try:
        speed = float(text)
    except ValueError:
        speed = math.nan
    if not 0 < speed < math.inf:
        problems.append(f"--speed: found {text!r}, expected seconds of history in a second, such as 3600")
        return SPEED
    return speed


def _events(text: str | None, problems: list[str]) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        problems.append(f"--events: found {text!r}, expected a whole number from 1, such as 5000")
        return None
    return int(text)


def _until(text: str | None, problems: list[str]) -> int | None:
    if text is None:
        return None
    try:
        return parse_instant(text)
    except ValueError as error:
        problems.append(f"--until: {error}")
        return None
