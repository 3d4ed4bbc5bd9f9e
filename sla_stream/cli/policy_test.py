"""`policy test FILE...`: run cases, show what differs."""

from __future__ import annotations

import argparse
import sys

from sla_stream.errors import ConfigError
from sla_stream.history.cases import CaseFile, Result, load_cases, run_case


def run(args: argparse.Namespace) -> int:
    """0 if all pass, 1 if some fail. ConfigError if a file is wrong; nothing runs then."""
    files = _load(args.files)
    counts = {"passed": 0, "failed": 0, "known gaps": 0}
    for file in files:
        for case in file.cases:
            if args.case is not None and args.case not in case.name:
                continue
            result = run_case(file, case)
            verdict = _verdict(result)
            counts[verdict] += 1
            if verdict == "failed" or args.verbose:
                sys.stdout.write(_report(file, result, verdict))
    if not sum(counts.values()):
        raise ConfigError(f"--case: no case has a name that contains {args.case!r}")
    told = [f"{count} {name}" for name, count in counts.items() if count or name == "passed"]
    sys.stdout.write(", ".join(told) + "\n")
    return int(counts["failed"] > 0)


def _load(paths: list[str]) -> list[CaseFile]:
    files, errors = [], []
    for path in paths:
        try:
            files.append(load_cases(path))
        except ConfigError as error:
            errors.append(str(error))
    if errors:
        raise ConfigError("\n".join(errors))
    return files


def _verdict(result: Result) -> str:
    if not result.passed:
        return "failed"
    return "known gaps" if result.case.known_gap is not None else "passed"


def _report(file: CaseFile, result: Result, verdict: str) -> str:
    case = result.case
    word = {"passed": "ok", "failed": "FAILED", "known gaps": "known gap"}[verdict]
    lines = [f"{file.path}:{case.line}: {word}: {case.name}"]
    if verdict == "known gaps":
        lines.append(f"  {case.known_gap}")
    elif verdict == "failed" and case.known_gap is not None:
        lines.append("  is as expected now; take `known_gap` away")
    lines += result.differences if verdict == "failed" else []
    return "\n".join(lines) + "\n"
