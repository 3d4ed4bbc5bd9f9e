"""Letters as text for a person. What a record holds is never sent to a terminal as it is: it may hold anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from sla_stream.formats.instants import format_instant
from sla_stream.kafka.retry_log import Mark
from sla_stream.letters.letter import Letter


def table(rows: Iterable[dict[str, Any]]) -> list[str]:
    """Rows of `list` as aligned columns under a head; what happened to a letter before why it is here."""
    head = ("letter", "at", "reason", "from", "key", "sent again", "detail")
    cells = [head, *(tuple(map(harmless, _cells(row))) for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def lines(letter: Letter, mark: Mark | None) -> Iterator[str]:
    """Everything about a letter."""
    yield f"letter    {letter.id} on {letter.place.topic}"
    yield f"reason    {harmless(letter.reason or 'none: no worker of ours set it aside')}"
    yield f"detail    {harmless(letter.detail)}" if letter.detail else "detail    -"
    yield f"from      {harmless(str(letter.source))}" if letter.source else "from      -"
    yield f"at        {format_instant(max(letter.timestamp, 0))}"
    if mark is not None:
        says = "".join(f", {name} {harmless(text)}" for name, text in (("by", mark.by), ("why:", mark.why)) if text)
        yield f"sent      again at {mark.retried_at} to {mark.sent_to}{says}"
    yield f"key       {_text(letter.key)}"
    for name, value in letter.headers:
        yield f"header    {harmless(name)}: {_text(value)}"
    yield f"value     {_size(letter.value)}"
    yield from _value(letter.value)


def harmless(text: str) -> str:
    """The text on one line, with an escape for every character that is not printed."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    source = f"{row['topic']}/{row['partition']}/{row['offset']}" if row["topic"] is not None else "-"
    at = row["at"].replace(".000Z", "Z")
    return (
        row["letter"], at, row["reason"] or "-", source, row["key"] or "-", row["retried_at"] or "-", row["detail"],
    )  # fmt: skip


def _text(value: bytes | None) -> str:
    return "-" if value is None else harmless(value.decode(errors="backslashreplace"))


def _size(value: bytes | None) -> str:
    return "none (a null record)" if value is None else f"{len(value):,} bytes"


def _value(value: bytes | None) -> Iterator[str]:
    if value is None:
        return
    try:
        pretty = orjson.dumps(orjson.loads(value), option=orjson.OPT_INDENT_2)
    except (orjson.JSONDecodeError, TypeError):
        pretty = value
    yield from map(harmless, pretty.decode(errors="backslashreplace").splitlines())
