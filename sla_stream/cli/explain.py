"""`sla-stream explain`: every interval of every clock of one ticket, and why."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sla_stream.history.log import Log
    from sla_stream.history.ticket_history import TicketHistory

EXAMPLES: Final = """\
examples:
  why is ticket 4711 late?
    sla-stream explain 4711 --policies policies.yaml --events march.jsonl.xz
  how did it stand at noon?
    sla-stream explain 4711 --policies policies.yaml --events march.jsonl --as-of 2026-03-02T12:00:00Z
  the same for a program: state, intervals, sums, what was said
    sla-stream explain 4711 --policies policies.yaml --events march.jsonl --json | jq .clocks[0].sums
  from the worker's own input topic, late arrivals late
    sla-stream explain 4711 --policies policies.yaml --kafka localhost:9092 --topic

Every clock is shown from its start to its end (or to the instant of the question) without a gap: running, paused or
outside the hours of its schedule, each with its reason, the event behind it and that event's place in the log. The
sums are compared with the engine's own amounts, to the millisecond.
exit codes: 0 ok, 1 there is no such ticket in the log, or the sums do not add up, 2 wrong usage or policy file
"""

_MOST_COLUMNS: Final = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of `explain`."""
    from sla_stream.cli.history_arguments import add_log_arguments

    parser.usage = "%(prog)s TICKET (--policies FILE --events FILE | --topic [NAME] [--policies FILE]) [flags]"
    parser.epilog = EXAMPLES
    parser.add_argument("ticket", metavar="TICKET", help="the ticket's id")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    add_log_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """0; 1 if the ticket is not there or its story does not add up."""
    from sla_stream.cli.history_arguments import clock_of, instant_of, log_of, one_ticket, policies_in_force
    from sla_stream.formats.settings import settings_from_arguments

    settings = settings_from_arguments(args)
    as_of = instant_of("--as-of", args.as_of)
    policies = policies_in_force(args, settings)
    log = log_of(args, settings)
    found = one_ticket(log, args.ticket, policies, settings, clock_of(args), as_of)
    if found.unreadable:
        sys.stderr.write(f"{found.unreadable} unreadable lines of the log were left out\n")
    if found.story is None:
        _say_why_not(found)
        return 1
    if args.json:
        _write_json(found, log)
    else:
        _write_text(found, log)
    return 0 if found.adds_up else 1


def _say_why_not(found: TicketHistory) -> None:
    sys.stderr.write(f"no event of ticket {found.ticket_id!r} applies\n")
    for each in found.left_out:
        sys.stderr.write(f"{each.place}: {each.event_id}: {each.why}\n")


def _write_json(found: TicketHistory, log: Log) -> None:
    import orjson

    from sla_stream.history.explain import explanation_json

    sys.stdout.buffer.write(orjson.dumps(explanation_json(found, log), option=orjson.OPT_APPEND_NEWLINE))
    sys.stdout.buffer.flush()


def _write_text(found: TicketHistory, log: Log) -> None:
    from sla_stream.history.explain_text import explanation_lines
    from sla_stream.history.picture import BLOCKS, PLAIN

    brush = BLOCKS if (sys.stdout.encoding or "").lower().replace("-", "") == "utf8" else PLAIN
    if not sys.stdout.isatty():
        for line in explanation_lines(found, log, brush):
            sys.stdout.write("".join(span.text for span in line).rstrip() + "\n")
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    width = max(20, min(console.width, _MOST_COLUMNS) - 4)
    for line in explanation_lines(found, log, brush, width):
        console.print(Text.assemble(*((span.text, span.style) for span in line)))
