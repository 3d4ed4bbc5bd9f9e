"""The flags that `dlq` and `late` have in common: which letters, and how they are shown or sent."""

from __future__ import annotations

import argparse
from typing import Final

from sla_stream.formats.settings import KAFKA_SETTINGS, TopicRole, add_settings_arguments

NAMES: Final = ("app_id", "topic_prefix", "topic_ticket_events", "topic_retries")


def add_letter_arguments(
    parser: argparse.ArgumentParser, role: TopicRole, examples: str, epilogs: dict[str, str]
) -> None:
    """`list`, `show`, `export`, `retry`; `epilogs` by verb."""
    parser.epilog = examples
    verbs = parser.add_subparsers(dest="verb", metavar="list|show|export|retry", required=True)
    names = (f"topic_{role}", *NAMES, *KAFKA_SETTINGS)

    def verb(name: str, sentence: str) -> argparse.ArgumentParser:
        return verbs.add_parser(
            name, help=sentence, description=sentence[0].upper() + sentence[1:] + ".", epilog=epilogs[name],
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip

    many = verb("list", "what lies there, the oldest first, and how much of what")
    _add_filters(many, role)
    many.add_argument("--limit", type=_count, metavar="N", help="at most so many lines, the newest")
    many.add_argument(
        "--format", choices=("jsonl", "csv", "table"), help="default: table on a terminal, jsonl otherwise"
    )
    add_settings_arguments(many, names)
    show = verb("show", "everything about some of them: reason, place, headers, value")
    show.add_argument("letters", nargs="+", metavar="LETTER", help="PARTITION/OFFSET, as `list` shows it")
    add_settings_arguments(show, names)
    export = verb("export", "the values as they came, one a line, to standard output")
    _add_filters(export, role)
    add_settings_arguments(export, names)
    again = verb("retry", "send records again, unchanged, each exactly once")
    again.add_argument("letters", nargs="*", metavar="LETTER", help="PARTITION/OFFSET; without: the flags say which")
    _add_filters(again, role)
    add = again.add_argument
    add("--all", action="store_true", help="everything that lies there; needed where nothing else says which")
    add("--dry-run", action="store_true", help="only tell what would be done")
    add("--by", metavar="WHO", help="who says so; kept with the mark on the retries topic")
    add("--why", metavar="TEXT", help="why; kept with the mark")
    add("--again", action="store_true", help="also those that were sent again before")
    add("--force", action="store_true", help="also those that a worker would refuse again")
    add_settings_arguments(again, (*names, "allowed_lateness", "max_skew"))


def _add_filters(parser: argparse.ArgumentParser, role: TopicRole) -> None:
    add = parser.add_argument
    if role == "dead_letters":
        add("--reason", type=_names, metavar="R[,R]", help="only these: json, schema, key, conflict, future, ...")
    add("--source", metavar="TOPIC", help="only from this topic")
    add("--partition", type=_number, metavar="N", help="only from this partition of the topic it came from")
    add("--since", metavar="T", help="only from this instant on (the record's own time)")
    add("--until", metavar="T", help="only before this instant")
    add("--ticket", metavar="ID", help="only of this ticket, by the record's key or its value")
    add("--event", metavar="ID", help="only the event of this id")
    add("--contains", metavar="TEXT", help="only with this text in the value")


def _names(text: str) -> frozenset[str]:
    return frozenset(part.strip() for part in text.split(",") if part.strip())


def _number(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a whole number from 0")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a whole number from 1")
    return int(text)
