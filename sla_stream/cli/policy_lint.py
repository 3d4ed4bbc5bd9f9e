"""`policy lint FILE`: every error, or every warning and note."""

from __future__ import annotations

import argparse
import sys

from sla_stream.formats.policy_file import lint_policies, read_policy_text


def run(args: argparse.Namespace) -> int:
    """0 without errors and warnings, 1 with. ConfigError if a file cannot be read."""
    findings = lint_policies(read_policy_text(args.file), args.file)
    for finding in findings:
        sys.stdout.write(finding.render(args.file, with_severity=True) + "\n")
    return int(any(finding.severity != "note" for finding in findings))
