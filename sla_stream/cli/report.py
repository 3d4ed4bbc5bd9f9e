"""`sla-stream report`: attainment by policy, metric, department, period."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sla_stream.formats.settings import Settings
    from sla_stream.history.report import Report
    from sla_stream.history.results import Results

EXAMPLES: Final = """\
examples:
  how well did we do, by policy and metric?
    sla-stream report --policies policies.yaml --events march.jsonl.xz
  by month and department, for a spreadsheet
    sla-stream report --policies policies.yaml --events 2026.jsonl.xz --by month,department --format csv
  of one week only, in local time
    sla-stream report --policies policies.yaml --events 2026.jsonl.xz --by metric,day --timezone Europe/Berlin \\
        --since 2026-03-02T00:00:00+01:00 --until 2026-03-09T00:00:00+01:00
  from what was published, without policies and without counting again
    cat breaches.jsonl outcomes.jsonl | sla-stream report --published -

met, missed, cancelled: cycles that have ended; overdue: breached and not ended; open: neither. attainment is
met / (met + missed + overdue); raw_attainment is the same without relaxations. A cycle belongs to the period in which
it ended, else was breached. Published events do not tell what is merely open.
exit codes: 0 ok, 1 there were bad lines, 2 wrong usage or policy file
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of `report`."""
    from sla_stream.cli.history_arguments import ENGINE_SETTINGS, TOPIC_NAMES, add_source_arguments
    from sla_stream.formats.settings import add_settings_arguments

    parser.usage = "%(prog)s (--policies FILE (--events FILE | --topic [NAME]) | --published FILE) [flags]"
    parser.epilog = EXAMPLES
    add_source_arguments(parser, published="count published SLA events (breaches and outcomes), JSON Lines, instead")
    add = parser.add_argument
    add(
        "--by",
        default="policy,metric",
        metavar="NAME[,NAME]",
        help="policy, policy_version, metric, kind, department, group or any other attribute, custom.NAME, day, week, "
        "month, quarter, year (default: policy,metric)",
    )
    add("--timezone", default="UTC", metavar="ZONE", help="in which periods begin (default: UTC)")
    add("--since", metavar="T", help="only cycles that ended, or were breached, at or after this instant")
    add("--until", metavar="T", help="only before this one")
    add("--format", choices=("text", "json", "csv"), default="text", help="default: text")
    add_settings_arguments(parser, (*ENGINE_SETTINGS, *TOPIC_NAMES))


def run(args: argparse.Namespace) -> int:
    """0; 1 if there were bad lines."""
    from sla_stream.cli.history_arguments import instant_of
    from sla_stream.formats.settings import settings_from_arguments
    from sla_stream.history.grouping import Dimensions
    from sla_stream.history.report import Window, make_report
    from sla_stream.history.results import Results

    settings = settings_from_arguments(args)
    dimensions = Dimensions(args.by, args.timezone)
    window = Window(instant_of("--since", args.since), instant_of("--until", args.until))
    results = Results(dimensions.attributes)
    read = _from_published if args.published is not None else _from_events
    as_of, bad = read(args, settings, results)
    _write(make_report(results, dimensions, window, as_of), args.format)
    return 1 if bad else 0


def _from_events(args: argparse.Namespace, settings: Settings, results: Results) -> tuple[int | None, int]:
    """(instant at which the clock stopped, number of bad lines)."""
    from sla_stream.cli.history_arguments import instant_of, log_of, policies_in_force, replay_of
    from sla_stream.cli.progress import progress

    policies = policies_in_force(args, settings)
    line = progress()
    replay = replay_of(args, settings, policies, log_of(args, settings), instant_of("--as-of", args.as_of), line=line)
    for events in replay.run():
        results.add(events)
        line.say(len(events))
    line.clear()
    for view in replay.views():
        results.add_view(view)
    return replay.as_of, replay.tally.bad_total


def _from_published(args: argparse.Namespace, settings: Settings, results: Results) -> tuple[int | None, int]:
    from sla_stream.errors import InvalidRecord
    from sla_stream.formats.instants import parse_instant
    from sla_stream.history.published import read_published

    last: int | None = None
    for one in read_published(args.published):
        try:
            results.add_json(one.event)
            decided = parse_instant(one.event["data"]["decided_at"])
        except KeyError as error:
            raise InvalidRecord("schema", f"{one.place}: no SLA event v1: {error} is missing") from None
        except (TypeError, ValueError, AttributeError) as error:
            raise InvalidRecord("schema", f"{one.place}: no SLA event v1: {error}") from None
        last = decided if last is None else max(last, decided)
    return last, 0


def _write(report: Report, form: str) -> None:
    out = sys.stdout.buffer
    if form == "json":
        out.write(report.as_json())
    elif form == "csv":
        out.writelines(report.as_csv())
    else:
        out.writelines(f"{line}\n".encode() for line in report.as_text())
    out.flush()
