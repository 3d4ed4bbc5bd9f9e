"""Which lines of a log say an event's id again with other content: the first in the file stands (contract §1).

Four 64-bit numbers a line (two hashes of the identity, one of the content, the line) are all that is kept. Beyond
`limit` lines they move to temporary files, split by hash so that each can be looked at alone: memory does not
grow with the log.
"""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterator
from typing import IO, Final

_PARTS: Final = 64
_WIDTH: Final = 4


class Identities:
    """Collects the identity of every line; then tells the conflicts."""

    def __init__(self, limit: int = 1_000_000) -> None:
        """`limit`: lines held in memory (32 bytes each)."""
        self._limit = limit * _WIDTH
        self._numbers: array[int] = array("q")
        self._files: list[IO[bytes]] = []

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
            first: dict[tuple[int, int], tuple[int, int]] = {}
            for i in range(0, len(numbers), _WIDTH):
                one, other, content, line = numbers[i : i + _WIDTH]
                known = first.setdefault((one, other), (content, line))
                if known[0] != content:
                    found[line] = known[1]
        return found

    def close(self) -> None:
        """Remove the temporary files."""
        for file in self._files:
            file.close()

    def _spill(self) -> None:
        if not self._files:
            self._files = [tempfile.TemporaryFile() for _ in range(_PARTS)]  # noqa: SIM115  # closed when read
        parts: list[array[int]] = [array("q") for _ in range(_PARTS)]
        for i in range(0, len(self._numbers), _WIDTH):
            parts[self._numbers[i] % _PARTS].extend(self._numbers[i : i + _WIDTH])
        for part, file in zip(parts, self._files, strict=True):
            file.write(part.tobytes())
        self._numbers = array("q")

    def _parts(self) -> Iterator[array[int]]:
        """Each part in the order of its lines."""
        if not self._files:
            yield self._numbers
            return
        self._spill()
        for file in self._files:
            part: array[int] = array("q")
            file.seek(0)
            part.frombytes(file.read())
            yield part
