"""What the policy language has and the engine does not yet: refused in one place, never ignored."""

from __future__ import annotations

from typing import Final

from sla_stream.formats.policy_file.findings import Findings, Path

LEFT_OUT: Final = "the key to be left out"

UNBUILT: Final[dict[str, str]] = {
    "valid_from": LEFT_OUT,
    "on_change": "pin",
    "relaxations": LEFT_OUT,
    "kind": "sla",
}
"""Key -> what is expected instead. Empty this, and everything is accepted."""


def refuse_unbuilt(key: str, path: Path, findings: Findings) -> None:
    """Report a use of `key` (with a value other than its default) if the engine cannot do it yet."""
    if key in UNBUILT:
        findings.error(path, f"not supported by this release; expected {UNBUILT[key]}")
