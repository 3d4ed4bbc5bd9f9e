"""Relaxations of a policy file, compiled: when, for whom, how much more time, and who said so."""

from __future__ import annotations

from sla_stream.core.policy import Relaxation
from sla_stream.formats.durations import parse_duration
from sla_stream.formats.instants import parse_instant
from sla_stream.formats.policy_file.conditions import compile_match
from sla_stream.formats.policy_file.findings import Findings, Path, quote
from sla_stream.formats.policy_file.model import RelaxationText


def compile_relaxations(written: list[RelaxationText], findings: Findings) -> tuple[Relaxation, ...]:
    """In the order of the file; usable only if `findings` holds no error afterwards."""
    _check_names(written, findings)
    return tuple(_relaxation(each, ("relaxations", index), findings) for index, each in enumerate(written))


def _check_names(written: list[RelaxationText], findings: Findings) -> None:
    first: dict[str, int] = {}
    for index, each in enumerate(written):
        if each.name in first:
            line = findings.places.of(("relaxations", first[each.name], "name")).line
            text = f"relaxation {quote(each.name)} a second time, first on line {line}; expected another name"
            findings.error(("relaxations", index, "name"), text)
        first.setdefault(each.name, index)


def _relaxation(written: RelaxationText, path: Path, findings: Findings) -> Relaxation:
    start, end = parse_instant(written.from_), parse_instant(written.to)
    if start >= end:
        findings.error((*path, "to"), f"{quote(written.to)} is not after `from`; expected a later instant")
    if (written.factor is None) == (written.extra is None):
        found = "neither `factor` nor `extra`" if written.factor is None else "both `factor` and `extra`"
        findings.error(path, f"{found}; expected one of them", key=True)
    return Relaxation(
        name=written.name,
        start=start,
        end=end,
        match=compile_match(written.match, (*path, "match"), findings),
        factor=written.factor or 1.0,
        extra=parse_duration(written.extra or "0s"),
        reason=written.reason,
        approved_by=written.approved_by,
    )
