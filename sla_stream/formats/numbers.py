"""Milliseconds as JSON seconds, instants or nothing as JSON text: the small pieces of what we write."""

from __future__ import annotations

from typing import Final

from sla_stream.core.schedule import FAR
from sla_stream.formats.instants import format_instant


class _Seconds(dict[int, str]):
    """Ms -> seconds as a JSON number, whole where they are whole: `90`, `0.25`, `-1.5`.

    A table, because the same few durations come again and again.
    """

    def __missing__(self, ms: int) -> str:
        if len(self) >= 20_000:
            self.clear()
        whole, rest = divmod(ms, 1000)
        self[ms] = text = str(ms / 1000) if rest else str(whole)
        return text


seconds: Final = _Seconds()


class _Instants(dict[int | None, str]):
    """Ms -> a quoted instant; `null` for None and for an instant that never comes.

    A table, because one record says the same instant two or three times, and its neighbours say it again.
    """

    def __missing__(self, at: int | None) -> str:
        if len(self) >= 20_000:
            self.clear()
        self[at] = text = "null" if at is None or at >= FAR else f'"{format_instant(at)}"'
        return text


instant: Final = _Instants()
