"""By what reports group: policy, metric, attributes of the ticket, periods of time."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sla_stream.core.events import TEXT_ATTRIBUTES
from sla_stream.core.zones import load_zone
from sla_stream.errors import ConfigError
from sla_stream.history.results import Grouping, Result

PERIODS: Final[dict[str, Callable[[datetime], str]]] = {
    "day": lambda at: f"{at:%Y-%m-%d}",
    "week": lambda at: "{}-W{:02}".format(*at.isocalendar()[:2]),
    "month": lambda at: f"{at:%Y-%m}",
    "quarter": lambda at: f"{at.year}-Q{(at.month + 2) // 3}",
    "year": lambda at: f"{at.year}",
}
_OF_THE_CYCLE: Final[dict[str, Callable[[Result], Any]]] = {
    "policy": lambda result: result.policy,
    "policy_version": lambda result: result.policy_version,
    "metric": lambda result: result.key.metric,
    "kind": lambda result: result.key.kind,
}
_CUSTOM: Final = "custom."


class Dimensions:
    """What `--by` asks for.

    A period is that in which the cycle ended, or else was breached, in the given time zone; None while it is open.
    """

    def __init__(self, text: str, timezone: str = "UTC") -> None:
        """`text`: names, separated by commas. ConfigError for a name or zone that does not exist."""
        self.names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
        for name in self.names:
            _check(name)
        try:
            self._zone: ZoneInfo = load_zone(timezone)
        except ValueError as error:
            raise ConfigError(f"--timezone: {error}; expected one such as Europe/Berlin") from None
        known = (*PERIODS, *_OF_THE_CYCLE)
        self.attributes = tuple(name for name in self.names if name not in known)
        """Those that are attributes of the ticket: what `Results` has to keep."""

    def grouping(self) -> Grouping:
        """A function from a result to its group."""
        parts = [self._part(name) for name in self.names]
        return lambda result: tuple(part(result) for part in parts)

    def _part(self, name: str) -> Callable[[Result], Any]:
        if name in _OF_THE_CYCLE:
            return _OF_THE_CYCLE[name]
        if name in PERIODS:
            form = PERIODS[name]
            return lambda result: None if result.at is None else form(self._local(result.at))
        place = self.attributes.index(name)
        return lambda result: result.group[place]

    def _local(self, at: int) -> datetime:
        return datetime.fromtimestamp(at / 1000, self._zone)


def _check(name: str) -> None:
    known = (*_OF_THE_CYCLE, *PERIODS, *TEXT_ATTRIBUTES)
    if name in known or (name.startswith(_CUSTOM) and len(name) > len(_CUSTOM)):
        return
    close = difflib.get_close_matches(name, known, 1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    raise ConfigError(f"--by: found {name!r}; expected {', '.join(known)} or custom.NAME{hint}")
