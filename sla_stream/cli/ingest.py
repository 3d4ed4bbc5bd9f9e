"""`sla-stream ingest`: source topics in, ticket events out, in the foreground or as a supervisor of several."""

from __future__ import annotations

import argparse
import os
from typing import Final

from sla_stream.formats.settings import KAFKA_SETTINGS, add_settings_arguments, settings_from_arguments

SETTINGS: Final = (
    *KAFKA_SETTINGS,
    "sources", "registry_url", "registry_ca_file", "registry_username", "registry_password",
    "registry_password_file", "app_id", "topic_prefix", "topic_ticket_events", "topic_dead_letters",
    "max_dead_letters", "commit_interval", "session_timeout", "instance_id", "listen", "log_level", "log_format",
)  # fmt: skip

EPILOG: Final = """\
examples:
  sla-stream ingest --config ingest.yaml
  sla-stream ingest --config ingest.yaml --workers 4      four processes, restarted when they fail
  sla-stream ingest --kafka localhost:9092 --sources sources.yaml --listen 127.0.0.1:8086
  curl localhost:8085/readyz                              ready, or the reasons why not

ingest.yaml may be as short as this; docs/ingest.md has the rest (routing by header, Avro, Protobuf):
  kafka: localhost:9092
  sources:
    - {topic: jira.webhooks, mapping: jira}
    - {topic: [crm.emea, crm.apac], mapping: ./crm.yaml}

Source topics may have any keys and partitions; names are full names, without topic_prefix. Runs until Ctrl-C or
SIGTERM (exit 0). A fault ends a worker with exit 3: start it again, it goes on where its last transaction was
committed. `sla-stream sources check` shows beforehand what a mapping makes of a topic.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("--workers", type=_count, metavar="N", help="supervise N worker processes (default: be one)")
    parser.add_argument("--watch-parent", type=int, metavar="FD", help=argparse.SUPPRESS)
    add_settings_arguments(parser, SETTINGS)


def run(args: argparse.Namespace) -> int:
    """Exit code 0 after a stop, 3 after a fault. Raises ConfigError for wrong settings or sources."""
    from sla_stream.observe.logs import setup_logging

    settings = settings_from_arguments(args)
    setup_logging(settings.log_level, settings.log_format)  # type: ignore[arg-type]
    if args.workers is not None:
        from sla_stream.worker.supervisor import supervise

        return supervise(args.workers, settings, _flags(args), "ingest")
    if args.watch_parent is not None:
        from sla_stream.worker.supervisor import die_with_parent

        die_with_parent(args.watch_parent)
    from sla_stream.ingest import run_ingest

    code = run_ingest(settings, args.config or os.environ.get("SLA_STREAM_CONFIG"))
    if args.watch_parent is not None:
        os._exit(code)
    return code


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 256:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a number from 1 to 256")
    return int(text)


def _flags(args: argparse.Namespace) -> list[str]:
    """The settings' flags as they were given, for the children."""
    given = vars(args)
    names = ["config", *SETTINGS]
    return [f"--{name.replace('_', '-')}={given[name]}" for name in names if given.get(name) is not None]
