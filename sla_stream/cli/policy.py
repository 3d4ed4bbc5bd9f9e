"""`policy lint FILE`: is the policy file right, and does it say what it seems to say?"""

from __future__ import annotations

import argparse
import sys
from typing import Final

from sla_stream.errors import ConfigError

LINT_HELP: Final = """\
One line for each finding on standard output: FILE:LINE:COL: severity: path: what was found; what was expected.
Errors make the file unusable; every other command refuses it. Warnings are allowed and probably not meant, such as a
policy that is never reached. Notes are for information and do not count.
"""
LINT_EXAMPLES: Final = """\
examples:
  sla-stream policy lint policies.yaml             every error and warning, with its place
  sla-stream policy lint policies.json             JSON works too
  git show HEAD:policies.yaml | sla-stream policy lint -

exit codes: 0 nothing found, 1 errors or warnings, 2 the file cannot be read
Editors check the shape as you type if the first line of the file is
  # yaml-language-server: $schema=PATH/TO/policies.v1.schema.json
"""
EXAMPLES: Final = """\
examples:
  sla-stream policy lint policies.yaml             is my policy file right?

`policy explain` and `policy test` are not part of this release.
"""
LATER: Final = ("explain", "test")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLES
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    lint = actions.add_parser(
        "lint", help="check a policy file", description=LINT_HELP, epilog=LINT_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    lint.add_argument(
        "file", metavar="FILE", help="policy file, YAML or JSON (name ends in .json); - for standard input"
    )
    for name in LATER:
        later = actions.add_parser(name, help="not part of this release")
        later.add_argument("rest", nargs="*", help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    if args.action in LATER:
        raise ConfigError(f"`policy {args.action}` is not part of this release; expected `policy lint FILE`")
    return lint(args.file)


def lint(file: str) -> int:
    """0 without errors and warnings, 1 with. ConfigError if the file cannot be read."""
    from sla_stream.formats.policy_file import lint_policies, read_policy_text

    findings = lint_policies(read_policy_text(file), file)
    for finding in findings:
        sys.stdout.write(finding.render(file, with_severity=True) + "\n")
    return int(any(finding.severity != "note" for finding in findings))
