"""`sla-stream schedule`: ask the calendar."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sla_stream.core.schedule import Schedule

_EXAMPLES: Final = """\
examples:
  sla-stream schedule due --policies p.yaml --schedule berlin --start 2026-03-27T15:00:00Z --duration 8h
  sla-stream schedule due --policies p.yaml --schedule berlin --start 2026-03-27T15:00:00Z --duration 2bd
  sla-stream schedule elapsed --policies p.yaml --schedule berlin --from 2026-03-27T15:00:00Z \\
      --to 2026-03-30T09:00:00Z
  sla-stream schedule due --policies p.yaml --batch questions.jsonl > answers.jsonl
`sla-stream schedule due --help` and `sla-stream schedule elapsed --help` say more.
"""

_DUE: Final = """\
examples:
  sla-stream schedule due --policies p.yaml --schedule berlin --start 2026-03-27T15:00:00Z --duration 8h
    -> 2026-03-30T13:00:00.000Z     the instant at which 8 h of open time are used up: over the weekend
  sla-stream schedule due --schedule 24x7 --start 2026-03-27T16:00:00+01:00 --duration 1h30m
    -> 2026-03-27T16:30:00.000Z     24x7 is built in and needs no file
  echo '{"schedule": "berlin", "start": "2026-03-27T15:00:00Z", "duration_s": 28800, "ticket": "T-1"}' |
      sla-stream schedule due --policies p.yaml --batch -
    -> the line with "due_at" added, every other field kept

A deadline that falls on closing time stays there. Durations: 90s, 30m, 8h, 1h30m (open time), or 2bd
(business days: the same local time on the 2nd working day). A bad line ends a batch (exit 2, with the line's
number); the lines before it are written.
"""

_ELAPSED: Final = """\
examples:
  sla-stream schedule elapsed --policies p.yaml --schedule berlin \\
      --from 2026-03-27T15:00:00Z --to 2026-03-30T09:00:00Z
    -> 18000                        seconds of open time between the two
  echo '{"schedule": "berlin", "from": "2026-03-27T15:00:00Z", "to": "2026-03-30T09:00:00Z"}' |
      sla-stream schedule elapsed --policies p.yaml --batch -
    -> the line with "elapsed_s" added, every other field kept

A bad line ends a batch (exit 2, with the line's number); the lines before it are written.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of `schedule due` and `schedule elapsed`."""
    parser.epilog = _EXAMPLES
    verbs = parser.add_subparsers(dest="verb", metavar="due|elapsed", required=True)
    due = _add_verb(verbs, "due", "when is so much open time used up?", _DUE)
    due.add_argument("--start", metavar="T", help="the instant from which time counts, RFC 3339 with a zone")
    due.add_argument("--duration", metavar="TIME", help="open time, as in 8h or 1h30m, or business days: 2bd")
    elapsed = _add_verb(verbs, "elapsed", "how much open time lies between two instants?", _ELAPSED)
    elapsed.add_argument("--from", dest="since", metavar="T", help="the earlier instant, RFC 3339 with a zone")
    elapsed.add_argument("--to", metavar="T", help="the later instant")


def _add_verb(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser], name: str, sentence: str, examples: str
) -> argparse.ArgumentParser:
    from sla_stream.formats.setting_arguments import add_settings_arguments

    verb = verbs.add_parser(name, help=sentence, description=sentence.capitalize(), epilog=examples)
    verb.add_argument("--schedule", metavar="NAME", help="a schedule of the policy file, or 24x7")
    verb.add_argument("--batch", metavar="FILE", help="JSON Lines, one question a line; - = standard input")
    add_settings_arguments(verb, ["policies"])
    return verb


def run(args: argparse.Namespace) -> int:
    """Answer one question, or a file of them."""
    questions = ("start", "duration") if args.verb == "due" else ("since", "to")
    _check_flags(args, questions)
    schedules = _schedules(args)
    if args.batch is not None:
        _answer_batch(args, schedules)
    else:
        print(_answer(args, schedules))
    return 0


def _check_flags(args: argparse.Namespace, questions: tuple[str, ...]) -> None:
    from sla_stream.errors import ConfigError

    flags = {name: "--from" if name == "since" else f"--{name}" for name in ("schedule", *questions)}
    given = [flag for name, flag in flags.items() if getattr(args, name) is not None]
    missing = [flag for flag in flags.values() if flag not in given]
    if args.batch is not None and given:
        raise ConfigError(f"{given[0]}: not possible with --batch, where each line says it for itself")
    if args.batch is None and missing:
        raise ConfigError(f"schedule {args.verb} needs {', '.join(missing)} (or --batch FILE)")


def _schedules(args: argparse.Namespace) -> Mapping[str, Schedule]:
    """By name; without a policy file only what is built in."""
    from sla_stream.core.schedule import Schedule
    from sla_stream.formats.settings import settings_from_arguments

    path = settings_from_arguments(args).policies
    if path is None:
        return {"24x7": Schedule.always()}
    from sla_stream.formats.policy_file import load_policies

    return load_policies(path).schedules


def _answer(args: argparse.Namespace, schedules: Mapping[str, Schedule]) -> str:
    from sla_stream.cli.schedule_batch import BadQuestion, elapsed, seconds_text, unknown_schedule
    from sla_stream.core.schedule import HorizonError
    from sla_stream.errors import ConfigError

    schedule = schedules.get(args.schedule)
    if schedule is None:
        raise ConfigError(f"--schedule: {unknown_schedule(args.schedule, schedules)}")
    try:
        if args.verb == "due":
            return _due(schedule, args.start, args.duration)
        return seconds_text(elapsed(schedule, args.since, args.to, ("--from", "--to")))
    except (BadQuestion, HorizonError) as error:
        raise ConfigError(str(error)) from None


def _due(schedule: Schedule, start_text: str, duration_text: str) -> str:
    from sla_stream.cli.schedule_batch import BadQuestion, read_instant
    from sla_stream.formats.durations import parse_duration
    from sla_stream.formats.instants import format_instant

    start = read_instant("--start", start_text)
    days = duration_text.removesuffix("bd")
    if days != duration_text and days.isascii() and days.isdigit() and len(days) < 7:
        later = schedule.business_days_later(start, int(days))
        return format_instant(schedule.due(start, schedule.elapsed(start, later)))
    try:
        duration = parse_duration(duration_text)
    except ValueError as error:
        raise BadQuestion(f"--duration: {error}") from None
    return format_instant(schedule.due(start, duration))


def _answer_batch(args: argparse.Namespace, schedules: Mapping[str, Schedule]) -> None:
    import sys
    from pathlib import Path

    from sla_stream.cli.schedule_batch import answer_lines
    from sla_stream.errors import ConfigError

    write = sys.stdout.buffer.write
    if args.batch == "-":
        answer_lines(sys.stdin.buffer, "-", schedules, args.verb, write)
        return
    try:
        file = Path(args.batch).open("rb")  # noqa: SIM115 - only opening may fail this way
    except OSError as error:
        raise ConfigError(f"--batch: {args.batch}: {error.strerror}") from None
    with file:
        answer_lines(file, args.batch, schedules, args.verb, write)
