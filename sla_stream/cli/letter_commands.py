"""What `dlq` and `late` do: look at letters, write them out, send them again."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final, cast

from sla_stream.errors import ConfigError
from sla_stream.formats.settings import Settings, TopicRole

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from sla_stream.kafka.reader import TopicReader
    from sla_stream.kafka.retry_log import Marks
    from sla_stream.letters.letter import Letter
    from sla_stream.letters.retry import Told
    from sla_stream.letters.selection import Selection

OK: Final = 0
FOUND: Final = 1


def run_letters(args: argparse.Namespace, role: TopicRole) -> int:
    """0; 1 if something asked for is not there, or was not sent."""
    from sla_stream.cli.history_arguments import quiet_clients
    from sla_stream.formats.settings import settings_from_arguments

    quiet_clients()
    settings = settings_from_arguments(args)
    work = {"list": _list, "show": _show, "export": _export, "retry": _retry}[args.verb]
    return asyncio.run(work(args, settings, settings.topic(role)))


def selection_of(args: argparse.Namespace) -> Selection:
    """What the flags and letters name. ConfigError for an instant or a letter that is none."""
    from sla_stream.cli.history_arguments import instant_of
    from sla_stream.letters.selection import Selection, places_of

    contains = getattr(args, "contains", None)
    ids = getattr(args, "letters", None)
    return Selection(
        reasons=getattr(args, "reason", None),
        source=getattr(args, "source", None),
        partition=getattr(args, "partition", None),
        since=instant_of("--since", getattr(args, "since", None)),
        until=instant_of("--until", getattr(args, "until", None)),
        ticket=getattr(args, "ticket", None),
        event=getattr(args, "event", None),
        contains=None if contains is None else contains.encode(),
        places=places_of(ids) if ids else None,
    )


def _reading(reader: TopicReader, topic: str, selection: Selection) -> AsyncGenerator[Letter, None]:
    from sla_stream.letters.selection import read_letters

    return cast("AsyncGenerator[Letter, None]", read_letters(reader, topic, selection))


def _retried_at(marks: Marks, letter: Letter) -> str | None:
    mark = marks.find(str(letter.place), str(letter.source)) if letter.source is not None else None
    return None if mark is None else mark.retried_at


async def _list(args: argparse.Namespace, settings: Settings, topic: str) -> int:
    from sla_stream.kafka.reader import TopicReader
    from sla_stream.kafka.retry_log import read_marks
    from sla_stream.letters.letter import row

    marks, rows = await read_marks(settings), []
    async with TopicReader(settings, topic) as reader, aclosing(_reading(reader, topic, selection_of(args))) as found:
        async for letter in found:
            rows.append(row(letter, _retried_at(marks, letter)))
    rows.sort(key=lambda one: one["at"])
    _write(rows[-args.limit :] if args.limit else rows, args.format)
    sys.stdout.flush()
    reasons = Counter(one["reason"] or "not ours" for one in rows)
    counts = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    sent = sum(one["retried_at"] is not None for one in rows)
    sys.stderr.write(f"{len(rows)} on {topic}" + (f": {counts}; {sent} of them sent again" if rows else "") + "\n")
    return OK


def _write(rows: Sequence[dict[str, Any]], form: str | None) -> None:
    import orjson

    from sla_stream.formats.csv_rows import csv_row
    from sla_stream.letters.letter import ROW
    from sla_stream.letters.showing import table

    form = form or ("table" if sys.stdout.isatty() else "jsonl")
    if form == "table":
        sys.stdout.writelines(f"{line}\n" for line in table(rows))
    elif form == "csv":
        sys.stdout.buffer.write(csv_row(ROW))
        sys.stdout.buffer.writelines(csv_row(one.values()) for one in rows)
    else:
        sys.stdout.buffer.writelines(orjson.dumps(one, option=orjson.OPT_APPEND_NEWLINE) for one in rows)


async def _show(args: argparse.Namespace, settings: Settings, topic: str) -> int:
    from sla_stream.kafka.reader import TopicReader
    from sla_stream.kafka.retry_log import read_marks
    from sla_stream.letters.showing import lines

    marks, selection, seen = await read_marks(settings), selection_of(args), 0
    async with TopicReader(settings, topic) as reader, aclosing(_reading(reader, topic, selection)) as found:
        async for letter in found:
            if seen:
                sys.stdout.write("\n")
            mark = marks.find(str(letter.place), str(letter.source)) if letter.source is not None else None
            sys.stdout.writelines(f"{line}\n" for line in lines(letter, mark))
            seen += 1
    return _all_there(selection, seen, topic)


async def _export(args: argparse.Namespace, settings: Settings, topic: str) -> int:
    from sla_stream.kafka.reader import TopicReader

    left = 0
    async with TopicReader(settings, topic) as reader, aclosing(_reading(reader, topic, selection_of(args))) as found:
        async for letter in found:
            if letter.value is None or b"\n" in letter.value.strip():
                left += 1
                what = "no value" if letter.value is None else "more than one line"
                sys.stderr.write(f"{letter.id}: left out, its value has {what}; `show` shows it\n")
                continue
            sys.stdout.buffer.write(letter.value.strip() + b"\n")
    sys.stdout.flush()
    return FOUND if left else OK


async def _retry(args: argparse.Namespace, settings: Settings, topic: str) -> int:
    from sla_stream.kafka.reader import TopicReader
    from sla_stream.kafka.retry_log import RetryLog, RetryOvertaken, read_marks
    from sla_stream.letters.retry import Sorter, Terms, retry
    from sla_stream.letters.selection import Selection

    selection = selection_of(args)
    if selection == Selection() and not args.all:
        raise ConfigError("retry: expected letters (PARTITION/OFFSET) or a filter, or --all for everything there is")
    terms = Terms(by=args.by, why=args.why, again=args.again, force=args.force, foreign=args.source)
    tell = _teller(args.dry_run)
    async with TopicReader(settings, topic) as reader, aclosing(_reading(reader, topic, selection)) as found:
        if args.dry_run:
            sorter = Sorter(settings, terms, await read_marks(settings), _now)
            counts = await retry(found, sorter, None, tell)
        else:
            try:
                async with RetryLog(settings) as log:
                    sorter = Sorter(settings, terms, log.marks, _now)
                    counts = await retry(found, sorter, log, tell)
            except RetryOvertaken as overtaken:
                sys.stderr.write(f"{overtaken}\n")
                return FOUND
    said = {"sent": "would be sent"} if args.dry_run else {}
    sys.stdout.flush()
    sys.stderr.write((", ".join(f"{n} {said.get(fate, fate)}" for fate, n in counts.items()) or "nothing found") + "\n")
    missing = _all_there(selection, sum(counts.values()), topic)
    return FOUND if counts["would be refused"] or counts["left"] or missing else OK


def _now() -> int:
    return time.time_ns() // 1_000_000


def _teller(dry: bool) -> Any:
    def tell(told: Told) -> None:
        fate = "would be sent" if dry and told.fate == "sent" else told.fate
        detail = told.detail if told.fate in ("sent", "sent before") else f": {told.detail}"
        sys.stdout.write(f"{told.letter.id} ({told.letter.reason or 'not ours'}) {fate} {detail}\n".replace(" :", ":"))

    return tell


def _all_there(selection: Selection, seen: int, topic: str) -> int:
    wanted = len(selection.places) if selection.places is not None else seen
    if seen < wanted:
        sys.stderr.write(f"{wanted - seen} of the {wanted} letters asked for: not found on {topic}\n")
        return FOUND
    return OK
