"""What the parts of a mapping file have in common: places, names of `let`, errors of the file and of a record."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sla_stream.errors import InvalidRecord
from sla_stream.formats.policy_file.findings import Findings, did_you_mean, one_of, quote, show
from sla_stream.formats.policy_file.findings import Path as Place
from sla_stream.sources.forms import At, Constant, Forms
from sla_stream.sources.paths import Path, compile_path, parse_path
from sla_stream.sources.scope import MISSING, Read, Scope

API_VERSION = "sla-stream/mapping/v1"

Traced = list[tuple[str, Any]]
"""Each path that was read, and what was found there."""


@dataclass(slots=True)
class Language:
    """One mapping file on its way to closures. With `trace`, every reader notes there what it found."""

    findings: Findings
    mapping: str = "?"
    lets: dict[str, int] = field(default_factory=dict)
    trace: Traced | None = None
    forms: Forms = field(default_factory=lambda: {nothing: Constant(MISSING)})
    """What readers and conditions come down to."""

    def error(self, at: Place, text: str, *, key: bool = False) -> None:
        """Note what is wrong at a place of the file."""
        self.findings.error(at, text, key=key)

    def known_keys(self, node: dict[str, Any], at: Place, known: Iterable[str]) -> None:
        """Note every key that is not known."""
        names = list(known)
        for found in node:
            if found not in names:
                self.error(
                    (*at, found), f"unknown key {quote(found)}; expected {one_of(names)}{did_you_mean(found, names)}",
                    key=True,
                )  # fmt: skip

    def text(self, node: Any, at: Place, expected: str) -> str | None:
        """The node as text, or None and an error."""
        if isinstance(node, str) and node:
            return node
        self.error(at, f"found {show(node)}; expected {expected}")
        return None

    def path(self, node: Any, at: Place) -> Path | None:
        """The node as a path, or None and an error."""
        text = self.text(node, at, "a path such as issue.fields.status.name")
        if text is None:
            return None
        try:
            path = parse_path(text)
        except ValueError as error:
            self.error(at, str(error))
            return None
        if path.root == "let" and path.name not in self.lets:
            self.error(at, f"{quote(text)}: `let` has no {path.name} before this{did_you_mean(path.name, self.lets)}")
            return None
        return path

    def reader(self, node: Any, at: Place, whole: bool = False) -> Read:
        """Reads the path that stands at the node; `whole`: it may be the record's bytes."""
        path = self.path(node, at)
        if path is None:
            return nothing
        if path.text == "@body" and not whole:
            self.error(at, "'@body' is the whole record; expected under `hash` only")
            return nothing
        let = self.lets.get(path.name, 0)
        read = compile_path(path, let)
        self.forms[read] = At(path, let)
        return self.traced(path.text, read)

    def traced(self, text: str, read: Read) -> Read:
        """The reader itself, or while explaining one that notes what it found."""
        trace = self.trace
        if trace is None:
            return read

        def noting(scope: Scope) -> Any:
            value = read(scope)
            trace.append((text, value))
            return value

        return noting

    def place(self, at: Place) -> str:
        """`mapping jira, line 12`, for errors about records."""
        return f"mapping {self.mapping}, line {self.findings.places.of(at, key=True).line}"


def nothing(scope: Scope) -> Any:
    """Stands for a reader that could not be compiled; the file is refused anyway."""
    return MISSING


def refusal(field_name: str, about: str, detail: str, place: str) -> InvalidRecord:
    """`status: issue.fields.status.name: found "X"; expected ... (mapping jira, line 12)`."""
    source = f"{about}: " if about else ""
    return InvalidRecord("schema", f"{field_name}: {source}{detail} ({place})")
