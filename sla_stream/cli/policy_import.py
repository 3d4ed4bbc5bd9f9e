"""`policy import PRODUCT FILE`: another product's policies as a policy file."""

from __future__ import annotations

import argparse
import sys
from typing import Final

from sla_stream.errors import ConfigError

HELP: Final = """\
Writes a policy file to standard output. What cannot be said here stands in it as a comment with the word ATTENTION, a
policy that would select other tickets as comments only; standard error says how many there are. A file of policies
holds no working hours: give them, or replace the placeholder in the result.
"""
EXAMPLES: Final = """\
examples:
  curl -su EMAIL/token:TOKEN https://SUBDOMAIN.zendesk.com/api/v2/slas/policies > zendesk.json
  sla-stream policy import zendesk zendesk.json > policies.yaml
  sla-stream policy import zendesk page1.json page2.json groups.json > policies.yaml
  sla-stream policy import zendesk zendesk.json --timezone Europe/Berlin --hours "mon-fri 08:00-18:00"
  sla-stream policy lint policies.yaml

groups.json: group SLA policies, GET /api/v2/group_slas/policies
exit codes: 0 written, with or without ATTENTION, 2 a file is wrong or cannot be read
"""
PRODUCTS: Final = ("zendesk",)
_NO_EXPORT: Final = {
    "jira": "Jira documents no exported form of SLA goals; docs/coming-from.md shows how to write them here",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of `policy import`."""
    parser.add_argument("product", metavar="PRODUCT", help=f"where the policies come from: {', '.join(PRODUCTS)}")
    parser.add_argument(
        "files", metavar="FILE", nargs="+", help="JSON as the product's API gives it; - for standard input"
    )
    parser.add_argument("--timezone", metavar="ZONE", help="time zone of your working hours, such as Europe/Berlin")
    parser.add_argument("--hours", metavar="'DAYS WINDOW'", help="your working hours, such as 'mon-fri 08:00-18:00'")


def run(args: argparse.Namespace) -> int:
    """0 when the file is written. ConfigError for a product or file that cannot be read."""
    from sla_stream.formats.policy_file import read_policy_text
    from sla_stream.formats.policy_import import import_zendesk
    from sla_stream.formats.policy_import.hours import read_hours
    from sla_stream.formats.policy_import.writing import write_policies

    if args.product not in PRODUCTS:
        hint = f": {_NO_EXPORT[args.product]}" if args.product in _NO_EXPORT else ""
        raise ConfigError(f"policy import: found {args.product!r}; expected {' or '.join(PRODUCTS)}{hint}")
    hours = read_hours(args.timezone, args.hours)
    draft = import_zendesk([(name, read_policy_text(name)) for name in args.files], hours)
    sys.stdout.write(write_policies(draft))
    sys.stdout.flush()
    written, lost, things = draft.counts()
    sys.stderr.write(
        f"policies written: {written}; left as comments: {lost}; places marked ATTENTION for you to look at: {things}\n"
    )
    return 0
