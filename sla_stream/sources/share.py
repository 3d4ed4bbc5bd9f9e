"""What share of a topic's records maps, and what is wrong with the others."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from sla_stream.errors import InvalidRecord
from sla_stream.sources.mapping import Mapping
from sla_stream.sources.scope import Headers

_FOUND: Final = re.compile(r"found .*?(?=; expected|$)", re.DOTALL)
_MOST_KINDS: Final = 1_000


class Share:
    """Counts what a mapping makes of records; refusals that differ only in the value found are of one kind."""

    def __init__(self, mapping: Mapping) -> None:
        self._mapping = mapping
        self.read = 0
        self.mapped = 0
        self.events = 0
        self.empty = 0
        self.refused = 0
        self._kinds: Counter[str] = Counter()
        self._first: dict[str, tuple[str, str]] = {}

    def add(self, value: bytes | None, headers: Headers, key: bytes | None, recorded_at: int, place: str) -> None:
        """Map one record; `place` says where it stands."""
        self.read += 1
        try:
            events = self._mapping.map(value, headers, key, recorded_at)
        except InvalidRecord as error:
            self._refuse(str(error), place)
            return
        self.events += len(events)
        self.mapped += bool(events)
        self.empty += not events

    def _refuse(self, text: str, place: str) -> None:
        self.refused += 1
        kind = _FOUND.sub("found ...", text)
        if kind in self._first or len(self._first) < _MOST_KINDS:
            self._kinds[kind] += 1
            self._first.setdefault(kind, (text, place))

    def report(self, topic: str, failures: int) -> list[str]:
        """Lines for people: the shares, and the `failures` most frequent kinds of refusal."""
        if not self.read:
            return [f"{topic} holds no records"]
        percent = 100 * self.refused / self.read
        lines = [
            f"read {self.read} records of {topic}: {self.mapped} give events ({self.events}), "
            f"{self.empty} mean nothing, {self.refused} are refused ({percent:.1f} %)"
        ]
        for kind, count in self._kinds.most_common(failures):
            text, place = self._first[kind]
            lines += [f"{count:6} x {text}", f"         first at {place}"]
        left = len(self._kinds) - failures
        if left > 0:
            lines.append(f"         and {left} more kinds of refusal (--failures shows more)")
        return lines
