"""`sources list | show | suggest | check`: the mappings there are, a first one of your own, how a topic maps."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sla_stream.formats.settings import Settings
    from sla_stream.sources import Mapping

EXAMPLES: Final = """\
examples:
  sla-stream sources list                                             the mappings that are part of the project
  sla-stream sources show jira > mine.yaml                            take one as a start for your own
  sla-stream sources suggest sample.json > mine.yaml                  or let one be guessed from a record
  sla-stream sources check --mapping jira --topic jira.webhooks --kafka localhost:9092

`sla-stream map` shows what a mapping makes of single records.
"""
SUGGEST_EXAMPLES: Final = """\
examples:
  sla-stream sources suggest sample.json
  kcat -C -t crm.tickets -c 1 | sla-stream sources suggest - > mine.yaml && sla-stream map --mapping mine.yaml ...

A guess from names and values of one record. Read every line of it.
"""
CHECK_EXAMPLES: Final = """\
examples:
  sla-stream sources check --mapping zendesk --topic zendesk.events --kafka localhost:9092
    -> read 1000 records of zendesk.events: 951 give events (1020), 40 mean nothing, 9 are refused (0.9 %)
       9 x status: detail.status: found 'on-fire'; expected one of ... (mapping zendesk, line 30)
         first at partition 3, offset 88123
  sla-stream sources check --mapping ./mine.yaml --topic crm.tickets --last 20000 --failures 20

Reads the last records of each partition, commits nothing, writes nothing.
exit codes: 0 everything maps, 1 records are refused, 2 wrong usage, mapping or cluster
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of `sources`."""
    from sla_stream.formats.settings import KAFKA_SETTINGS, add_settings_arguments

    parser.epilog = EXAMPLES
    actions = parser.add_subparsers(dest="action", metavar="list|show|suggest|check", required=True)
    actions.add_parser("list", help="names and what they are for")
    show = actions.add_parser("show", help="print a mapping file")
    show.add_argument("name", metavar="NAME", help="a name of `sources list`")
    raw = argparse.RawDescriptionHelpFormatter
    guess = actions.add_parser(
        "suggest", help="guess a mapping from one record", epilog=SUGGEST_EXAMPLES, formatter_class=raw
    )
    guess.add_argument("sample", metavar="FILE", help="a record (JSON); - for standard input")
    guess.add_argument("--name", default="mine", help="the mapping's name (default: mine)")
    check = actions.add_parser(
        "check", help="what share of a topic's records maps", epilog=CHECK_EXAMPLES, formatter_class=raw
    )
    check.add_argument("--mapping", required=True, metavar="NAME|FILE", help="a mapping's name, or your own file")
    check.add_argument("--topic", required=True, help="the source's topic")
    check.add_argument("--last", type=_count, default=1000, metavar="N", help="how many records (default: 1000)")
    check.add_argument("--failures", type=_count, default=5, metavar="N", help="kinds of refusals told (default: 5)")
    add_settings_arguments(check, KAFKA_SETTINGS)


def run(args: argparse.Namespace) -> int:
    """0, or 1 if `check` found records that are refused."""
    if args.action == "list":
        return _list()
    if args.action == "show":
        return _show(args.name)
    if args.action == "suggest":
        return _suggest(args.sample, args.name)
    import asyncio

    from sla_stream.formats.settings import settings_from_arguments
    from sla_stream.sources import load_mapping

    mapping = load_mapping(args.mapping)
    return asyncio.run(_check(settings_from_arguments(args), mapping, args.topic, args.last, args.failures))


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 10_000_000:
        raise argparse.ArgumentTypeError(f"found {text!r}; expected a whole number from 1 to 10000000")
    return int(text)


def _list() -> int:
    from sla_stream.sources import load_mapping, mapping_names

    for name in mapping_names():
        sys.stdout.write(f"{name:24} {load_mapping(name).about}\n")
    return 0


def _show(name: str) -> int:
    from sla_stream.sources import load_mapping

    sys.stdout.write(load_mapping(name).text)
    return 0


def _suggest(path: str, name: str) -> int:
    import re

    import orjson

    from sla_stream.cli.map import read_input
    from sla_stream.errors import ConfigError
    from sla_stream.sources.suggest import suggest

    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,80}", name, re.ASCII):
        raise ConfigError(f"--name: found {name!r}; expected letters, digits and - . _")
    try:
        body = orjson.loads(read_input(path))
    except orjson.JSONDecodeError as error:
        raise ConfigError(f"{path}: not JSON: {error}; expected one record as a JSON object") from None
    if not isinstance(body, dict):
        raise ConfigError(f"{path}: found no JSON object; expected one record as a JSON object")
    sys.stdout.write(suggest(body, name))
    return 0


async def _check(settings: Settings, mapping: Mapping, topic: str, last: int, failures: int) -> int:
    from sla_stream.kafka.reader import TopicReader
    from sla_stream.sources.share import Share

    share = Share(mapping)
    async with TopicReader(settings, topic) as reader:
        start, end = await reader.beginning(), await reader.end()
        each = -(-last // max(1, len(end)))
        from_ = {number: max(start[number], end[number] - each) for number in end}
        async for partition, records in reader.read(from_, end):
            for record in records:
                place = f"partition {partition}, offset {record.offset}"
                share.add(record.value, record.headers, record.key, record.timestamp, place)
    sys.stdout.write("".join(f"{line}\n" for line in share.report(topic, failures)))
    return 1 if share.refused else 0
