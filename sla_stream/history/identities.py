"""Which lines of a log say an event's id again with other content: the first in the file stands (contract §1).

Four 64-bit numbers a line (two hashes of the identity, one of the content, the line) are all that is kept. Beyond
`limit` lines they move to a temporary file, split by hash so that each part can be looked at alone: memory does not
grow with the log.
"""

from __future__ import annotations

import os
import tempfile
from array import array
from collections.abc import Iterator
from typing import IO, Final

_PARTS: Final = 256
_WIDTH: Final = 4


class Identities:
    """Collects the identity of every line; then tells the conflicts."""

    def __init__(self, limit: int = 250_000) -> None:
        """`limit`: lines held in memory (32 bytes each)."""
        self._limit = limit * _WIDTH
        self._numbers: array[int] = array("q")
        self._file: IO[bytes] | None = None
        self._segments: list[list[tuple[int, int]]] = [[] for _ in range(_PARTS)]
        """Of each part: (place in the file, bytes), in the order of its lines."""

    def add(self, ticket_id: str, event_id: str, content: bytes, line: int) -> None:
        """`content` is the normalised event: equal bytes, equal event."""
        if len(self._numbers) >= self._limit:
            self._spill()
        # Two different hashes of the pair: 128 bits, so that no two identities are ever taken for one another.
        self._numbers.extend((hash((ticket_id, event_id)), hash((event_id, ticket_id, 0)), hash(content), line))

    def conflicts(self) -> dict[int, int]:
        """`{line: the earlier line that stands}` for each line whose id was there before with other content."""
        found: dict[int, int] = {}
        for numbers in self._parts():
            ones = numbers[0::_WIDTH]
            if len(set(ones)) < len(ones):
                _compare(numbers, found)
        return found

    def close(self) -> None:
        """Remove the temporary file."""
        if self._file is not None:
            self._file.close()

    def _spill(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as we do
        parts: list[array[int]] = [array("q") for _ in range(_PARTS)]
        for i in range(0, len(self._numbers), _WIDTH):
            parts[self._numbers[i] % _PARTS].extend(self._numbers[i : i + _WIDTH])
        for part, segments in zip(parts, self._segments, strict=True):
            if part:
                segments.append((self._file.tell(), len(part) * part.itemsize))
                part.tofile(self._file)
        self._numbers = array("q")

    def _parts(self) -> Iterator[array[int]]:
        """Each part, in the order of its lines."""
        if self._file is None:
            yield self._numbers
            return
        self._spill()
        self._file.flush()
        for segments in self._segments:
            part: array[int] = array("q")
            for start, size in segments:
                part.frombytes(os.pread(self._file.fileno(), size, start))
            yield part


def _compare(numbers: array[int], found: dict[int, int]) -> None:
    """Add the conflicts among these lines, some of which have an id of the same hash."""
    first: dict[tuple[int, int], tuple[int, int]] = {}
    for i in range(0, len(numbers), _WIDTH):
        one, other, content, line = numbers[i : i + _WIDTH]
        known = first.setdefault((one, other), (content, line))
        if known[0] != content:
            found[line] = known[1]
