"""Policy files: YAML or JSON in, a PolicySet out, or every error at once with its place.

`located` reads text into values that know where they stood, `shape` checks them against `model`, `compile`
resolves names, holidays, conditions and thresholds, `lint` adds what is allowed and probably not meant.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from sla_stream.core.policy import PolicySet
from sla_stream.errors import ConfigError
from sla_stream.formats.policy_file.compile import Compiled, compile_file
from sla_stream.formats.policy_file.findings import Finding, Findings
from sla_stream.formats.policy_file.lint import lint_compiled
from sla_stream.formats.policy_file.located import read
from sla_stream.formats.policy_file.shape import shape

__all__ = ["Finding", "compile_sections", "lint_policies", "load_policies", "parse_policies", "read_policy_text"]


def load_policies(path: str | Path) -> PolicySet:
    """The policies of a file (`-`: standard input). ConfigError if it cannot be read or holds errors."""
    return parse_policies(read_policy_text(path), str(path), base=Path(path).parent)


def parse_policies(text: str, name: str, base: Path | None = None) -> PolicySet:
    """The policies of a text. ConfigError holds every error, one a line: `NAME:LINE:COL: path: found;
    expected`.

    `name` is shown in errors; text whose name ends in `.json` is read as JSON. `base` is the folder to which
    paths in the text (`ics`) are relative, by default that of `name`.
    """
    findings = Findings()
    compiled = _compile(text, name, base, findings)
    findings.raise_errors(name)
    assert compiled is not None, "a file without errors compiles"
    return compiled.policies


def lint_policies(text: str, name: str, base: Path | None = None) -> list[Finding]:
    """Every error, or if there is none every warning and note, in the order of the text."""
    findings = Findings()
    compiled = _compile(text, name, base, findings)
    if compiled is not None and not findings.errors:
        lint_compiled(compiled, findings)
    return findings.sorted


def compile_sections(value: Any, base: Path, findings: Findings) -> PolicySet | None:
    """The policies of a document that was read already (`located.read`), or errors in `findings`, or both."""
    shaped = shape(value, findings)
    return None if shaped is None else compile_file(shaped, base, findings).policies


def read_policy_text(path: str | Path) -> str:
    """The text of a policy file (`-`: standard input). ConfigError if it cannot be read or is not UTF-8."""
    try:
        content = sys.stdin.buffer.read() if str(path) == "-" else Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}; expected a policy file") from None
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{path}:{line}: byte 0x{content[error.start]:02x} is not UTF-8; expected a policy file in UTF-8"
        ) from None


def _compile(text: str, name: str, base: Path | None, findings: Findings) -> Compiled | None:
    value = read(text, name, findings)
    shaped = shape(value, findings)
    if shaped is None:
        return None
    return compile_file(shaped, Path(name).parent if base is None else base, findings)
