"""`sla-stream run`: a worker in the foreground, or a supervisor of several."""

from __future__ import annotations

import argparse
import os
from typing import Final

from sla_stream.formats.settings import KAFKA_SETTINGS, add_settings_arguments, settings_from_arguments

SETTINGS: Final = (
    *KAFKA_SETTINGS,
    "policies", "app_id", "topic_prefix", "topic_ticket_events", "topic_warnings", "topic_breaches",
    "topic_outcomes", "topic_timers", "topic_late", "topic_dead_letters", "topic_changelog", "topic_clock",
    "topic_policies",
    "partitions", "settle_for", "hold_for", "publish_from", "allowed_lateness", "max_skew", "retain_closed",
    "max_dead_letters", "timers_topic", "fire_guard", "commit_interval", "session_timeout", "instance_id",
    "listen", "data_dir", "log_level", "log_format",
)  # fmt: skip

EPILOG: Final = """\
examples:
  sla-stream topics create --kafka localhost:9092
  sla-stream run --kafka localhost:9092 --policies policies.yaml
  sla-stream run --config worker.yaml --workers 4         four processes, restarted when they fail
  sla-stream run --config worker.yaml --instance-id w1    static membership: a restart moves no partitions
  curl localhost:8085/readyz                              ready, or the reasons why not

Runs until Ctrl-C or SIGTERM (exit 0). A fault ends a worker with exit 3: start it again, it goes on where its last
transaction was committed. With --workers N the processes listen on the address of --listen and the N - 1 ports
after it, and N names are made from --instance-id.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("--workers", type=_count, metavar="N", help="supervise N worker processes (default: be one)")
    parser.add_argument("--watch-parent", type=int, metavar="FD", help=argparse.SUPPRESS)
    add_settings_arguments(parser, SETTINGS)


def run(args: argparse.Namespace) -> int:
    """Exit code 0 after a stop, 3 after a fault. Raises ConfigError for wrong settings."""
    from sla_stream.observe.logs import setup_logging

    settings = settings_from_arguments(args)
    setup_logging(settings.log_level, settings.log_format)  # type: ignore[arg-type]
    if args.workers is not None:
        from sla_stream.worker.supervisor import supervise

        return supervise(args.workers, settings, _flags(args))
    if args.watch_parent is not None:
        from sla_stream.worker.supervisor import die_with_parent

        die_with_parent(args.watch_parent)
    from sla_stream.worker import run_worker

    code = run_worker(settings)
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
