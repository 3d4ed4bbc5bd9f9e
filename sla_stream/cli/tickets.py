"""`sla-stream tickets`: the present state of tickets, from the timers topic."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sla_stream.formats.settings import Settings
    from sla_stream.history.ticket_history import Policies

EXAMPLES: Final = """\
examples:
  sla-stream tickets get 4711 --kafka localhost:9092
  sla-stream tickets get 4711 --kafka localhost:9092 --explain
  sla-stream tickets list --kafka localhost:9092 --breached --stage running,paused
  sla-stream tickets list --kafka localhost:9092 --due-before 2026-03-02T18:00:00Z --limit 20

`sla-stream tickets get --help` and `sla-stream tickets list --help` say more.
"""

GET_EXAMPLES: Final = """\
examples:
  every clock of one ticket, a JSON object a line
    sla-stream tickets get 4711 --kafka localhost:9092
  the same with `history`: every interval, from the ticket's events on the input topic
    sla-stream tickets get 4711 --kafka localhost:9092 --explain
  as a table
    sla-stream tickets get 4711 --kafka localhost:9092 --format table

A state is as of its `as_of`: the worker publishes a ticket when something happens to it. `sla-stream explain 4711
--topic` shows the same at any instant, as text.
exit codes: 0 ok, 1 there is no such ticket, 2 wrong usage, no such topic or cluster
"""

LIST_EXAMPLES: Final = """\
examples:
  what is due within the next hours, the soonest first
    sla-stream tickets list --kafka localhost:9092 --due-before 2026-03-02T18:00:00Z
  every open clock that is overdue
    sla-stream tickets list --kafka localhost:9092 --breached --stage running,paused
  what policy acme-gold has under way, for a spreadsheet
    sla-stream tickets list --kafka localhost:9092 --policy acme-gold --format csv > gold.csv

exit codes: 0 ok (also when nothing is found), 2 wrong usage, no such topic or cluster
"""

STAGES: Final = ("running", "paused", "met", "missed", "cancelled")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of `tickets get` and `tickets list`."""
    from sla_stream.cli.history_arguments import ENGINE_SETTINGS, TOPIC_NAMES
    from sla_stream.formats.settings import add_settings_arguments

    parser.epilog = EXAMPLES
    verbs = parser.add_subparsers(dest="verb", metavar="get|list", required=True)
    get = verbs.add_parser("get", help="every clock of one ticket", description="Every clock of one ticket.",
        epilog=GET_EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    get.add_argument("ticket", metavar="ID", help="the ticket's id")
    get.add_argument("--explain", action="store_true", help="add `history`, every interval and why (reads the input "
        "topic; policies: --policies, else the published sets)")  # fmt: skip
    _add_format(get)
    add_settings_arguments(get, (*ENGINE_SETTINGS, "topic_timers", *TOPIC_NAMES))
    many = verbs.add_parser("list", help="clocks by stage, metric, policy, deadline", description="Clocks of all "
        "tickets, the soonest due first.", epilog=LIST_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    add = many.add_argument
    add("--stage", type=_stages, metavar="STAGE[,STAGE]", help=f"only these: {', '.join(STAGES)}")
    add("--breached", action=argparse.BooleanOptionalAction, help="only those that are breached, or are not")
    add("--metric", type=_names, metavar="NAME[,NAME]", help="only these metrics")
    add("--policy", type=_names, metavar="NAME[,NAME]", help="only these policies")
    add("--due-before", metavar="T", help="only with a deadline before this instant")
    add("--limit", type=_count, metavar="N", help="at most so many lines")
    _add_format(many)
    add_settings_arguments(many, ("topic_timers", *TOPIC_NAMES))


def run(args: argparse.Namespace) -> int:
    """0; 1 if the ticket asked for is not there."""
    from sla_stream.cli.history_arguments import instant_of, quiet_clients
    from sla_stream.formats.settings import settings_from_arguments
    from sla_stream.history.tickets import Filter, read_states

    quiet_clients()
    settings = settings_from_arguments(args)
    if args.verb == "get":
        return _get(args, settings)
    wanted = Filter(args.stage, args.breached, args.metric, args.policy, instant_of("--due-before", args.due_before))
    states = read_states(settings, None, wanted)
    _write(states[: args.limit], args.format)
    return 0


def _get(args: argparse.Namespace, settings: Settings) -> int:
    from sla_stream.cli.history_arguments import policies_of, published_policies
    from sla_stream.history.tickets import read_states

    policies: Policies | None = None
    if args.explain:
        policies = published_policies(settings) if settings.policies is None else policies_of(settings)
    states = read_states(settings, args.ticket, lambda state: True)
    if not states:
        sys.stderr.write(f"no clock of ticket {args.ticket!r} on {settings.topic('timers')}\n")
        return 1
    if policies is not None:
        states = _explained(args.ticket, settings, policies, states)
    _write(states, args.format)
    return 0


def _explained(
    ticket_id: str, settings: Settings, policies: Policies, states: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The states with their `history` as of the states' own instant; null where the input topic no longer tells."""
    from sla_stream.cli.history_arguments import one_ticket
    from sla_stream.formats.instants import parse_instant
    from sla_stream.history.explain import history_json
    from sla_stream.history.topic_log import TopicLog

    log = TopicLog(settings, settings.topic("ticket_events"), None, None)
    found = one_ticket(log, ticket_id, policies, settings, "recorded", parse_instant(states[0]["as_of"]))
    clocks = found.story.clocks if found.story is not None else []
    known = {(each.state.metric, each.state.kind, each.state.cycle): history_json(each) for each in clocks}
    return [
        state | {"history": known.get((state["metric"], state.get("kind", "sla"), state["cycle"]))} for state in states
    ]


def _write(states: Sequence[dict[str, Any]], form: str | None) -> None:
    import orjson

    from sla_stream.formats.csv_rows import csv_row
    from sla_stream.formats.timer_state import FIELDS
    from sla_stream.history.tickets import table

    out = sys.stdout.buffer
    form = form or ("table" if sys.stdout.isatty() else "jsonl")
    if form == "table":
        out.writelines(f"{line}\n".encode() for line in table(states))
    elif form == "csv":
        columns = (*FIELDS, "as_of", *(("history",) if any("history" in state for state in states) else ()))
        out.write(csv_row(columns))
        out.writelines(csv_row(state.get(name) for name in columns) for state in states)
    else:
        out.writelines(orjson.dumps(state, option=orjson.OPT_APPEND_NEWLINE) for state in states)
    out.flush()


def _add_format(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--format", choices=("jsonl", "csv", "table"), help="default: table on a terminal, jsonl otherwise"
    )


def _stages(text: str) -> frozenset[str]:
    found = _names(text)
    wrong = sorted(found - set(STAGES))
    if wrong:
        raise argparse.ArgumentTypeError(f"found {wrong[0]!r}, expected one or more of {', '.join(STAGES)}")
    return found


def _names(text: str) -> frozenset[str]:
    return frozenset(part.strip() for part in text.split(",") if part.strip())


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a whole number from 1")
    return int(text)
