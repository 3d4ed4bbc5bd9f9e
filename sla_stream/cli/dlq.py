"""`sla-stream dlq`: dead letters, the records that could not be applied: look at them, and send them again."""

from __future__ import annotations

import argparse
from typing import Final

EXAMPLES: Final = """\
examples:
  sla-stream dlq list --kafka localhost:9092                        what lies there, and why
  sla-stream dlq show 3/1042 --kafka localhost:9092                 one of them, whole
  sla-stream dlq retry --reason future --dry-run --kafka localhost:9092
  sla-stream dlq retry --reason engine_error --by ops --why "fixed in 0.2" --kafka localhost:9092

`sla-stream dlq VERB --help` says more.
"""
EPILOGS: Final = {
    "list": """\
examples:
  sla-stream dlq list --kafka localhost:9092
    -> letter  at                    reason  from                           key   sent again  detail
       0/17    2026-03-02T08:00:07Z  schema  sla.ticket-events.v1/0/90213   4711  -           kind: found "solved", ...
       1 on sla.dead-letters.v1: 1 schema; 0 of them sent again
  sla-stream dlq list --reason json,schema --since 2026-03-02T00:00:00Z --kafka localhost:9092
  sla-stream dlq list --ticket 4711 --format jsonl --kafka localhost:9092 | jq .detail
  sla-stream dlq list --format csv --kafka localhost:9092 > dead.csv

The lines go to standard output, the count to standard error. exit codes: 0 ok, 2 wrong usage, no such topic or cluster
""",
    "show": """\
examples:
  sla-stream dlq show 3/1042 --kafka localhost:9092
  sla-stream dlq show 3/1042 3/1043 0/17 --kafka localhost:9092

Characters that are not printed are shown as escapes. exit codes: 0 ok, 1 one is not there, 2 wrong usage or cluster
""",
    "export": """\
examples:
  the ticket events that were refused for their shape, to be put right and sent anew by whoever made them
    sla-stream dlq export --reason schema --kafka localhost:9092 > refused.jsonl
  would this version read them?
    sla-stream dlq export --kafka localhost:9092 | sla-stream replay --policies p.yaml --events - --out summary

exit codes: 0 ok, 1 a value was left out because it is not one line, 2 wrong usage or cluster
""",
    "retry": """\
examples:
  what would be done, and what would become of it?
    sla-stream dlq retry --all --dry-run --kafka localhost:9092
  after a new version that no longer fails on them
    sla-stream dlq retry --reason engine_error --by ops --why "fixed in 0.2" --kafka localhost:9092
  a source's clock was ahead; by now the instants are past
    sla-stream dlq retry --reason future --until 2026-03-02T00:00:00Z --kafka localhost:9092
  two of them; and those that came from a source's own topic
    sla-stream dlq retry 3/1042 3/1043 --kafka localhost:9092
    sla-stream dlq retry --source zendesk.events --kafka localhost:9092

A record is sent as it came, to the partition it came from, with a header sla-retry-of. In the same transaction the
retries topic is told, so a second run, or one after a crash, sends nothing twice. Of two retries at once the later one
goes on and the earlier one ends. Ticket events that would be refused again are left (--force sends them all the same);
give --allowed-lateness and --max-skew as the workers have them. Records from a topic other than the input go back there
only if --source names it.
exit codes: 0 all were sent, now or before; 1 some were left, or another retry took over; 2 wrong usage or cluster
""",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of `dlq list`, `show`, `export`, `retry`."""
    from sla_stream.cli.letter_arguments import add_letter_arguments

    add_letter_arguments(parser, "dead_letters", EXAMPLES, EPILOGS)


def run(args: argparse.Namespace) -> int:
    """0; 1 if something asked for is not there, or was not sent."""
    from sla_stream.cli.letter_commands import run_letters

    return run_letters(args, "dead_letters")
