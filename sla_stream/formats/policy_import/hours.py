"""Working hours as flags give them."""

from __future__ import annotations

from collections.abc import Callable

from sla_stream.errors import ConfigError
from sla_stream.formats.policy_file import scalars
from sla_stream.formats.policy_import.draft import Hours


def read_hours(timezone: str | None, hours: str | None) -> Hours:
    """`Europe/Berlin` and `mon-fri 08:00-18:00`; neither: the placeholder. ConfigError names the flag."""
    if timezone is None and hours is None:
        return Hours()
    if timezone is None or hours is None:
        given, missing = ("--hours", "--timezone") if timezone is None else ("--timezone", "--hours")
        raise ConfigError(f"{missing}: missing beside {given}; expected both or neither")
    days, _, window = hours.strip().rpartition(" ")
    _check("--timezone", timezone, scalars.read_timezone)
    _check("--hours", days, scalars.read_days)
    _check("--hours", window, scalars.read_window)
    return Hours(timezone, days, window, given=True)


def _check(flag: str, text: str, read: Callable[[str], object]) -> None:
    try:
        read(text)
    except ValueError as error:
        raise ConfigError(f"{flag}: {error}") from None
