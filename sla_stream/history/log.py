"""A log of ticket events from a file: JSON Lines, plain or compressed (`.xz`, `.gz`), or standard input (`-`).

Lines are read one by one; blank ones are skipped and a byte order mark at the start is forgiven. What cannot be
read at all is the operator's to fix (ConfigError); a line that is no ticket event is a `BadRecord`, and the reading
goes on.
"""

from __future__ import annotations

import gzip
import io
import lzma
import sys
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, cast

import msgspec

from sla_stream.core.events import TicketEvent
from sla_stream.core.sla_events import SlaEvent
from sla_stream.errors import ConfigError, InvalidRecord, Reason
from sla_stream.formats.codec import decode_wire, normalise, recorded_at
from sla_stream.formats.sla_event import SlaEventRenderer
from sla_stream.formats.wire import UnknownFields

BUFFER = 1 << 20
STANDARD_INPUT = "-"


class Record(msgspec.Struct, frozen=True, gc=False):
    """A ticket event and where it stood.

    `log_time` (ms) is the record's own time: a file's `recorded_at` (None where it is not asked for), a topic's
    timestamp. `line` orders the records of one file or partition.
    """

    line: int
    event: TicketEvent
    log_time: int | None


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A line that cannot be applied. `reason` is the dead-letter code."""

    line: int
    reason: Reason
    detail: str

    @classmethod
    def of(cls, line: int, error: InvalidRecord) -> BadRecord:
        """The line that raised `error`."""
        return cls(line, error.reason, error.detail)


class Renderer(Protocol):
    """Turns an SLA event into a record value."""

    def render(self, event: SlaEvent) -> bytes:
        """The record value."""


class Log(Protocol):
    """Where ticket events are read from."""

    unknown: UnknownFields
    merged: bool
    """Records of several partitions come mixed; their log time has to put them in order."""

    def __iter__(self) -> Iterator[Record | BadRecord]:
        """Every record once."""

    def where(self, line: int) -> str:
        """The place of a record in full, as a report begins: `FILE:LINE`."""

    def spot(self, line: int) -> str:
        """The same beside a place already named: `line 5`."""

    def partition(self, line: int) -> int:
        """Which partition the record is of."""

    def renderer(self, source: str) -> Renderer:
        """Renders SLA events with the record they rest on."""


class LogFile:
    """The records of one file, in file order. `path` `-` is standard input."""

    merged = False

    def __init__(self, path: str, timed: bool = False) -> None:
        """`timed`: every line must carry `recorded_at`, else it is a bad record (`schema`)."""
        self.path = path
        self.unknown = UnknownFields()
        self._timed = timed

    def where(self, line: int) -> str:
        return f"{self.path}:{line}"

    def spot(self, line: int) -> str:
        return f"line {line}"

    def partition(self, line: int) -> int:
        return 0

    def renderer(self, source: str) -> Renderer:
        return SlaEventRenderer(source, None, None)

    def __iter__(self) -> Iterator[Record | BadRecord]:
        """Every line. Raises ConfigError if the file cannot be read, at the start or in the middle."""
        for line, value in read_lines(self.path):
            try:
                wire = decode_wire(value, unknown=self.unknown)
                event = normalise(wire)
                log_time = recorded_at(wire) if self._timed else None
                if self._timed and log_time is None:
                    raise InvalidRecord("schema", "recorded_at: missing; required by --clock recorded")
            except InvalidRecord as error:
                yield BadRecord.of(line, error)
            else:
                yield Record(line, event, log_time)


def read_lines(path: str) -> Iterator[tuple[int, bytes]]:
    """(line number from 1, bytes) of every line that is not blank. Raises ConfigError."""
    number = 0
    try:
        with _open(path) as lines:
            for number, line in enumerate(lines, 1):
                text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
                if not text.isspace() and text:
                    yield number, text
    except (lzma.LZMAError, zlib.error, gzip.BadGzipFile, EOFError) as error:
        raise ConfigError(f"{path}:{number + 1}: damaged archive: {error}") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot read it: {error.strerror or error}") from None


def _open(path: str) -> AbstractContextManager[BinaryIO]:
    if path == STANDARD_INPUT:
        return nullcontext(sys.stdin.buffer)  # not ours to close
    suffix = Path(path).suffix
    if suffix == ".xz":
        return cast(BinaryIO, io.BufferedReader(cast(io.RawIOBase, lzma.open(path)), BUFFER))
    if suffix == ".gz":
        return cast(BinaryIO, io.BufferedReader(cast(io.RawIOBase, gzip.open(path)), BUFFER))
    return Path(path).open("rb", buffering=BUFFER)
