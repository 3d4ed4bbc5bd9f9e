"""`sla-stream simulate`: a draft policy over whole histories, against the present one."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sla_stream.formats.settings import Settings
    from sla_stream.history.grouping import Dimensions
    from sla_stream.history.log import Log
    from sla_stream.history.results import Results
    from sla_stream.history.ticket_history import Policies

EXAMPLES: Final = """\
examples:
  what would the draft have cost us last quarter?
    sla-stream simulate --policies draft.yaml --against policies.yaml --events q1.jsonl.xz
  by department and metric, for a spreadsheet
    sla-stream simulate --policies draft.yaml --against policies.yaml --events q1.jsonl.xz \\
        --by department,metric --format csv
  which tickets change, and how
    sla-stream simulate --policies draft.yaml --against policies.yaml --events q1.jsonl.xz --out tickets
  over the events of a running installation, against the policies published there
    sla-stream simulate --policies draft.yaml --kafka localhost:9092 --topic

won: a promise that was broken is kept under the draft; lost: the other way round; appeared, disappeared: timed under
one of them only; changed: another outcome, or a breach at another instant. Nothing is published.
exit codes: 0 ok, 1 there were bad lines, 2 wrong usage or policy file
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of `simulate`."""
    from sla_stream.cli.history_arguments import add_log_arguments

    parser.usage = (
        "%(prog)s --policies DRAFT (--against PRESENT --events FILE | --topic [NAME] [--against PRESENT]) [flags]"
    )
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add("--against", metavar="FILE", help="the policy file to compare with (default with --topic: the published sets)")
    add("--by", default="policy,metric", metavar="NAME[,NAME]", help="as for `report` (default: policy,metric)")
    add("--timezone", default="UTC", metavar="ZONE", help="in which periods begin (default: UTC)")
    add("--out", choices=("summary", "tickets"), default="summary", help="figures by group (default), or every cycle "
        "that differs")  # fmt: skip
    add("--format", choices=("text", "json", "csv"), default="text", help="json: one object, or one for each cycle "
        "that differs (default: text)")  # fmt: skip
    add_log_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """0; 1 if there were bad lines."""
    from sla_stream.formats.settings import settings_from_arguments
    from sla_stream.history.grouping import Dimensions

    settings = settings_from_arguments(args)
    dimensions = Dimensions(args.by, args.timezone)
    draft, present = _sides(args, settings)
    with _readable_twice(args, settings) as log:
        before, as_of, _ = _results(args, settings, present, log, dimensions, first=True)
        after, as_of, bad = _results(args, settings, draft, log, dimensions, first=False)
    if args.out == "tickets":
        _write_changes(before, after, dimensions, args.format)
    else:
        _write_summary(before, after, dimensions, as_of, args.format)
    return 1 if bad else 0


def _sides(args: argparse.Namespace, settings: Settings) -> tuple[Policies, Policies]:
    """Draft and present policies; with --topic the published sets stand for the file that is not given."""
    from sla_stream.cli.history_arguments import policies_of, published_policies
    from sla_stream.errors import ConfigError
    from sla_stream.formats.policy_file import load_policies

    if args.against is not None and settings.policies is not None:
        return policies_of(settings), load_policies(args.against)
    if args.topic is None or (args.against is None and settings.policies is None):
        flag = "--policies" if settings.policies is None else "--against"
        raise ConfigError(
            f"{flag}: missing; expected two policy files, --policies DRAFT and --against PRESENT (with --topic the "
            "published sets stand for one of them)"
        )
    published = published_policies(settings)
    if args.against is None:
        return policies_of(settings), published
    return published, load_policies(args.against)


@contextlib.contextmanager
def _readable_twice(args: argparse.Namespace, settings: Settings) -> Iterator[Log]:
    """The log; standard input is kept in a file meanwhile. A topic's end is that of the first time."""
    import shutil
    import tempfile
    from pathlib import Path

    from sla_stream.cli.history_arguments import log_of
    from sla_stream.history.topic_log import TopicLog

    log = log_of(args, settings)
    if isinstance(log, TopicLog):
        log.keep_end()
    if args.events != "-":
        yield log
        return
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "standard-input.jsonl"
        with path.open("wb") as copy:
            shutil.copyfileobj(sys.stdin.buffer, copy)
        args.events = str(path)
        yield log_of(args, settings)


def _results(
    args: argparse.Namespace, settings: Settings, policies: Policies, log: Log, dimensions: Dimensions, first: bool
) -> tuple[Results, int | None, int]:
    """(how every cycle ends, the instant at which the clock stopped, number of bad lines). `first`: of two passes."""
    from sla_stream.cli.history_arguments import instant_of, replay_of
    from sla_stream.cli.progress import progress
    from sla_stream.history.results import Results

    results = Results(dimensions.attributes)
    line = progress("as it is" if first else "under the draft")
    replay = replay_of(args, settings, policies, log, instant_of("--as-of", args.as_of), not first, line)
    for events in replay.run():
        results.add(events)
        line.say(len(events))
    line.clear()
    for view in replay.views():
        results.add_view(view)
    return results, replay.as_of, replay.tally.bad_total


def _write_summary(before: Results, after: Results, dimensions: Dimensions, as_of: int | None, form: str) -> None:
    from sla_stream.history.simulate import summarise

    found = summarise(before, after, dimensions, as_of)
    out = sys.stdout.buffer
    if form == "json":
        out.write(found.as_json())
    elif form == "csv":
        out.writelines(found.as_csv())
    else:
        out.writelines(f"{line}\n".encode() for line in found.as_text())
    out.flush()


def _write_changes(before: Results, after: Results, dimensions: Dimensions, form: str) -> None:
    import orjson

    from sla_stream.formats.csv_rows import csv_row
    from sla_stream.history.simulate import CHANGE_COLUMNS, change_json, change_line, changes

    out, names = sys.stdout.buffer, dimensions.attributes
    if form == "csv":
        out.write(csv_row([*CHANGE_COLUMNS, *names]))
    for change in changes(before, after):
        if form == "text":
            out.write(f"{change_line(change)}\n".encode())
        elif form == "csv":
            out.write(csv_row(change_json(change, names).values()))
        else:
            out.write(orjson.dumps(change_json(change, names), option=orjson.OPT_APPEND_NEWLINE))
    out.flush()
