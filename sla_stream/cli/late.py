"""`sla-stream late`: events that came later than `allowed_lateness`; sending them again, if that helps."""

from __future__ import annotations

import argparse
from typing import Final

EXAMPLES: Final = """\
examples:
  sla-stream late list --kafka localhost:9092                       what came too late
  sla-stream late show 3/12 --kafka localhost:9092                  one of them, whole
  sla-stream late retry --all --dry-run --allowed-lateness 30d --kafka localhost:9092

`sla-stream late VERB --help` says more.
"""
EPILOGS: Final = {
    "list": """\
examples:
  sla-stream late list --kafka localhost:9092
  sla-stream late list --since 2026-03-02T00:00:00Z --format csv --kafka localhost:9092 > late.csv

The lines go to standard output, the count to standard error. exit codes: 0 ok, 2 wrong usage, no such topic or cluster
""",
    "show": """\
examples:
  sla-stream late show 3/12 --kafka localhost:9092

exit codes: 0 ok, 1 one is not there, 2 wrong usage or cluster
""",
    "export": """\
examples:
  what would have been said, had they come in time? (needs all events of those tickets in one file)
    sla-stream late export --ticket 4711 --kafka localhost:9092 >> events-of-4711.jsonl
    sla-stream replay --policies policies.yaml --events events-of-4711.jsonl

exit codes: 0 ok, 1 a value was left out because it is not one line, 2 wrong usage or cluster
""",
    "retry": """\
examples:
  the workers were restarted with --allowed-lateness 30d: what fits now?
    sla-stream late retry --all --dry-run --allowed-lateness 30d --kafka localhost:9092
    sla-stream late retry --all --allowed-lateness 30d --by ops --why "outage of the helpdesk" --kafka localhost:9092

An event is sent unchanged and with its own instant, never with a new one: that would say that something happened when
it did not. So it is accepted only if the workers' allowed_lateness has been raised far enough since (give the same
value here), and if what lies after it was not folded under the old value; else it comes back to this topic. What of a
late event still holds is best said anew by its source: the ticket's present state as `updated`, happening now.
exit codes: 0 all were sent, now or before; 1 some were left, or another retry took over; 2 wrong usage or cluster
""",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of `late list`, `show`, `export`, `retry`."""
    from sla_stream.cli.letter_arguments import add_letter_arguments

    add_letter_arguments(parser, "late", EXAMPLES, EPILOGS)


def run(args: argparse.Namespace) -> int:
    """0; 1 if something asked for is not there, or was not sent."""
    from sla_stream.cli.letter_commands import run_letters

    return run_letters(args, "late")
