"""The command line's frame: find the command, parse its flags, run it, turn every failure into an exit code.

Only the module of the command asked for is imported, so that `--help` answers at once.

Exit codes: 0 ok, 1 the check found something, 2 wrong usage or configuration, 3 unexpected, 130 interrupted.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import errno
import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Final, NoReturn

from sla_stream import __version__
from sla_stream.errors import ConfigError, InvalidRecord, ReplayDivergence, SlaStreamError

OK: Final = 0
FOUND: Final = 1
USAGE: Final = 2
UNEXPECTED: Final = 3
INTERRUPTED: Final = 130

NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Nothing is wrong with the program when the disk is full."""

COMMANDS: Final[dict[str, str]] = {
    "demo": "the whole pipeline on this machine, with a broker and real history of its own",
    "run": "a worker: ticket events in from Kafka, warnings, breaches and outcomes out",
    "ingest": "vendors' records in from Kafka topics, ticket events out, keyed by ticket, exactly once",
    "gateway": "vendors' webhooks in over HTTP, verified, kept as they came in Kafka topics for ingest",
    "topics": "make or verify the topics",
    "replay": "the same engine over a file of ticket events: what was said, or would have been",
    "schedule": "working time: when is a duration used up, how much lies between two instants",
    "map": "what a mapping makes of a source's records: ticket events, or where each field comes from",
    "sources": "mappings of sources: list them, suggest one, check a topic with one",
    "policy": "check, test, explain and publish policies",
    "explain": "every interval of every clock of one ticket, and why",
    "tickets": "present state of tickets, from the timers topic",
    "dlq": "dead letters: what could not be applied, and why; send it again",
    "late": "events that came too late: what and when; send them again if they fit now",
    "simulate": "the same tickets under other policies: what changes",
    "report": "attainment by policy, metric, department, period",
    "verify": "what was published, against what the ticket events say: every difference",
}
"""Every command and its sentence in `--help`; the module `sla_stream.cli.NAME` holds the rest."""

EXAMPLES: Final = """\
examples:
  sla-stream demo                                              see it work, no configuration needed
  sla-stream policy lint policies.yaml                         is my policy file right?
  sla-stream replay --policies policies.yaml --events t.jsonl  what would it have said?
  sla-stream topics create --kafka localhost:9092              prepare a cluster
  sla-stream run --kafka localhost:9092 --policies policies.yaml

`sla-stream COMMAND --help` shows each command with examples.
exit codes: 0 ok, 1 the check found something, 2 wrong usage or configuration, 3 unexpected, 130 interrupted
"""


class Parser(argparse.ArgumentParser):
    """argparse with our manners: examples kept as written, no abbreviations, a hint for a misspelt flag."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        kwargs.setdefault("allow_abbrev", False)
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and where help is, in two lines, and exit with 2."""
        sys.stderr.write(f"{self.prog}: {message}\n(`{self.prog} --help` shows every flag, with examples)\n")
        raise SystemExit(USAGE)

    def check_no_rest(self, rest: Sequence[str], words: Sequence[str]) -> None:
        """Refuse words that no flag has taken, with the nearest flag of the (nested) command in `words` as a hint."""
        if rest:
            flag, reached = rest[0].partition("=")[0], self._reached(words)
            known = [name for action in reached._actions for name in action.option_strings]
            hint = f"; expected after `{reached.prog}`" if flag in known else did_you_mean(flag, known)
            reached.error(f"unrecognized argument {flag!r}{hint}")  # without its value, which may be a password

    def _reached(self, words: Sequence[str]) -> Parser:
        for action in self._actions:
            nested = action.choices if isinstance(action.choices, dict) else {}
            for i, word in enumerate(words):
                if word in nested:
                    found: Parser = nested[word]
                    return found._reached(words[i + 1 :])
        return self


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """`; did you mean 'X'?` or nothing."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code and never raises."""
    words = list(sys.argv[1:] if argv is None else argv)
    return guarded(lambda: _dispatch(words))


def guarded(work: Callable[[], int]) -> int:
    """The one error boundary."""
    try:
        code = work()
        sys.stdout.flush()
        return code
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else (OK if stop.code is None else USAGE)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _forget_stdout()
        return OK
    except ConfigError as error:
        return _say(str(error), USAGE)
    except (ReplayDivergence, InvalidRecord) as error:
        return _say(str(error), FOUND)
    except SlaStreamError as error:
        return _say(f"sla-stream: {error}", UNEXPECTED)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            _forget_stdout()
            where = f" {error.filename}" if error.filename else ""
            return _say(f"sla-stream: cannot write{where}: {error.strerror}; the output is not whole", UNEXPECTED)
        return _say(f"{traceback.format_exc()}sla-stream: unexpected error, please report it", UNEXPECTED)


def _dispatch(words: list[str]) -> int:
    name = next((word for word in words if not word.startswith("-")), None)
    root, commands = _root_parser()
    if name is None:
        root.parse_args(words)
        root.print_help(sys.stderr)
        return USAGE
    if name not in commands:
        root.error(f"unknown command {name!r}{did_you_mean(name, list(commands))}")
    module = importlib.import_module(f"sla_stream.cli.{name}")
    parser = commands[name]
    module.add_arguments(parser)
    args, rest = root.parse_known_args(words)
    parser.check_no_rest(rest, words)
    return int(module.run(args))


def _root_parser() -> tuple[Parser, dict[str, Parser]]:
    root = Parser(
        prog="sla-stream",
        description="Watches ticket events; says in time when a promise is at risk, broken or kept.",
        epilog=EXAMPLES,
    )
    root.add_argument("--version", action="version", version=f"sla-stream {__version__}")
    group = root.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    return root, {
        name: group.add_parser(name, help=sentence, description=sentence[0].upper() + sentence[1:] + ".")
        for name, sentence in COMMANDS.items()
        if importlib.util.find_spec(f"sla_stream.cli.{name}") is not None
    }


def _say(text: str, code: int) -> int:
    with contextlib.suppress(OSError):
        sys.stderr.write(text.rstrip("\n") + "\n")
        sys.stderr.flush()
    return code


def _forget_stdout() -> None:
    """The reader of our output has gone (`| head`): nothing is wrong, nobody need hear of it."""
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, sys.stdout.fileno())
    os.close(sink)
