"""`policy lint|explain|test|push|import`: is the file right, what does it say, does it do what it should?"""

from __future__ import annotations

import argparse
import importlib
from typing import Final

EXAMPLES: Final = """\
examples:
  sla-stream policy lint policies.yaml                    is my policy file right?
  sla-stream policy explain --policies p.yaml event.json  which policy and target does this ticket get, and why?
  sla-stream policy test cases.yaml                       does it do what I meant?
  sla-stream policy push --policies p.yaml                what does it change? publish it to all workers
  sla-stream policy import zendesk sla.json               what I had there, as a policy file

`sla-stream policy ACTION --help` shows each action with examples.
"""
LINT_HELP: Final = """\
One line for each finding on standard output: FILE:LINE:COL: severity: path: what was found; what was expected.
Errors make the file unusable; every other command refuses it. Warnings are allowed and probably not meant, such as a
policy that is never reached. Notes are for information and do not count. That there is nothing to report is said on
standard error.
"""
LINT_EXAMPLES: Final = """\
examples:
  sla-stream policy lint policies.yaml                  every error and warning, with its place
  sla-stream policy lint policies.json                  JSON works too
  git show HEAD:policies.yaml | sla-stream policy lint -
  sla-stream policy lint policies.yaml --events t.jsonl  also: which tickets of this history match no policy?
  sla-stream policy lint policies.yaml --chain first-line,network,vendor
                                                        also: do the ownership targets of these groups, one after
                                                        the other, fit inside the resolution target?

exit codes: 0 nothing found, 1 errors or warnings, 2 the file cannot be read
Editors check the shape as you type if the first line of the file is
  # yaml-language-server: $schema=PATH/TO/policies.v1.schema.json
"""
EXPLAIN_HELP: Final = """\
For each metric: the target that a ticket gets, from which policy, and of every policy asked, why it was taken or not.
EVENT holds a ticket event as JSON, or several of one ticket (one a line): then the ticket as it is after the last.
"""
EXPLAIN_EXAMPLES: Final = """\
examples:
  sla-stream policy explain --policies policies.yaml event.json
  grep INC0000045 t.jsonl | sla-stream policy explain --policies policies.yaml -
  sla-stream policy explain --policies policies.yaml --format json event.json

exit codes: 0 explained, 2 wrong usage, policy file or event
"""
TEST_HELP: Final = """\
Runs the cases of each FILE: given these ticket events, these SLA events are said and these are the states of the
clocks. A case that fails shows the difference. The format is described in docs/policy-tests.md.
"""
TEST_EXAMPLES: Final = """\
examples:
  sla-stream policy test cases.yaml               every case
  sla-stream policy test tests/*.yaml             several files
  sla-stream policy test cases.yaml --case merge  the cases whose name contains `merge`
  sla-stream policy test cases.yaml --verbose     also those that pass

exit codes: 0 all pass, 1 some fail, 2 a file is wrong or cannot be read
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of `policy`."""
    from sla_stream.cli import policy_import, policy_push

    parser.epilog = EXAMPLES
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    lint = _action(actions, "lint", "check a policy file", LINT_HELP, LINT_EXAMPLES)
    lint.add_argument(
        "file", metavar="FILE", help="policy file, YAML or JSON (name ends in .json); - for standard input"
    )
    lint.add_argument("--events", metavar="F", help="ticket events, one JSON object a line: who matches no policy?")
    lint.add_argument(
        "--chain",
        metavar="GROUP,GROUP",
        action="append",
        default=[],
        help="groups through which a ticket goes; may be given several times",
    )
    explain = _action(actions, "explain", "which policy and target a ticket gets, and why", EXPLAIN_HELP,
                      EXPLAIN_EXAMPLES)  # fmt: skip
    explain.add_argument("event", metavar="EVENT", help="file with the ticket event, JSON; - for standard input")
    explain.add_argument("--policies", metavar="FILE", required=True, help="policy file")
    explain.add_argument("--format", choices=("text", "json"), default="text", help="how to write it (default: text)")
    test = _action(actions, "test", "run files of given/expect cases", TEST_HELP, TEST_EXAMPLES)
    test.add_argument("files", metavar="FILE", nargs="+", help="case files, YAML or JSON")
    test.add_argument("--case", metavar="TEXT", help="only cases whose name contains this")
    test.add_argument("--verbose", action="store_true", help="name every case, also those that pass")
    policy_push.add_arguments(
        _action(actions, "push", "publish a policy file to all workers", policy_push.HELP, policy_push.EXAMPLES)
    )
    policy_import.add_arguments(
        _action(actions, "import", "another product's policies as a policy file", policy_import.HELP,
                policy_import.EXAMPLES)
    )  # fmt: skip


def _action(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, sentence: str, text: str, examples: str
) -> argparse.ArgumentParser:
    return actions.add_parser(
        name, help=sentence, description=text, epilog=examples, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def run(args: argparse.Namespace) -> int:
    """Run one action."""
    module = importlib.import_module(f"sla_stream.cli.policy_{args.action}")
    return int(module.run(args))
