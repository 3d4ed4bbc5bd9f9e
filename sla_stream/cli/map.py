"""`map --mapping X --in sample.json`: what does a mapping make of a source's records?"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sla_stream.sources import Mapping
    from sla_stream.sources.scope import Headers

EXAMPLES: Final = """\
examples:
  which mappings are there?
    sla-stream sources list
  what does Jira's mapping make of this webhook?
    sla-stream map --mapping jira --in webhook.json
  ... and where does each field come from?
    sla-stream map --mapping jira --in webhook.json --explain
  with the headers and the key that the record has on Kafka
    sla-stream map --mapping debezium-outbox --in row.json --header id=7f3a --header eventType=TicketCreated --key 42
  your own mapping, over a file of records, one JSON object a line
    sla-stream map --mapping ./mine.yaml --in records.jsonl > events.jsonl

Ticket events go to standard output, one JSON object a line. A record that the mapping refuses is reported on standard
error as FILE:LINE: reason.
exit codes: 0 ok, 1 records were refused, 2 wrong usage or mapping file, 3 unexpected
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of `map`."""
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add("--mapping", required=True, metavar="NAME|FILE", help="a mapping's name (`sources list`), or your own file")
    add("--in", dest="input", required=True, metavar="FILE", help="a JSON document, or JSON Lines; - = standard input")
    add("--explain", action="store_true", help="print every field with its path instead of the events")
    add("--header", action="append", default=[], metavar="NAME=VALUE", help="a header of the records; repeatable")
    add("--key", metavar="TEXT", help="the records' key")
    add("--recorded-at", metavar="T", help="the records' own time, for sources that tell none (default: now)")


def run(args: argparse.Namespace) -> int:
    """0, or 1 if records were refused."""
    from sla_stream.errors import InvalidRecord
    from sla_stream.sources import load_mapping

    mapping = load_mapping(args.mapping)
    headers = [_header(text) for text in args.header]
    key = None if args.key is None else args.key.encode()
    recorded_at = _recorded_at(args.recorded_at)
    refused = 0
    for place, record in _records(args.input):
        try:
            lines = _lines(mapping, record, headers, key, recorded_at, args.explain)
        except InvalidRecord as error:
            refused += 1
            sys.stderr.write(f"{place}: {error}\n")
            continue
        sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 1 if refused else 0


def _lines(
    mapping: Mapping, record: bytes, headers: Headers, key: bytes | None, recorded_at: int, explained: bool
) -> list[str]:
    if not explained:
        return [event.decode() for event in mapping.map(record, headers, key, recorded_at)]
    from sla_stream.sources.explain import explain, render

    return [line for one in explain(mapping, record, headers, key, recorded_at) for line in render(one)]


def _records(path: str) -> Iterator[tuple[str, bytes]]:
    """(place, record): the whole file if it is one JSON document, else each line that is not empty."""
    import orjson

    content = read_input(path)
    try:
        orjson.loads(content)
        yield path, content
    except orjson.JSONDecodeError:
        lines = [(number, line) for number, line in enumerate(content.splitlines(), 1) if line.strip()]
        if len(lines) > 1 and not content.lstrip().startswith((b"{\n", b"[\n", b"{\r")):
            yield from ((f"{path}:{number}", line) for number, line in lines)
        else:
            yield path, content


def read_input(path: str) -> bytes:
    """A file's content; `-`: standard input. ConfigError if it cannot be read."""
    from pathlib import Path

    from sla_stream.errors import ConfigError

    try:
        return sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}; expected a file of records (JSON)") from None


def _header(text: str) -> tuple[str, bytes]:
    from sla_stream.errors import ConfigError

    name, sign, value = text.partition("=")
    if not name or not sign:
        raise ConfigError(f"--header: found {text!r}; expected NAME=VALUE")
    return name, value.encode()


def _recorded_at(text: str | None) -> int:
    import time

    from sla_stream.errors import ConfigError
    from sla_stream.formats.instants import parse_instant

    if text is None:
        return time.time_ns() // 1_000_000
    try:
        return parse_instant(text)
    except ValueError as error:
        raise ConfigError(f"--recorded-at: {error}") from None
