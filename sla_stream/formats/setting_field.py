"""How a setting is declared: a dataclass field that carries its parser and its line of help."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from sla_stream.formats.setting_values import Parser


def setting(parse: Parser, default: Any, help_: str, **more: Any) -> Any:
    """A field of `Settings`; `more`: `path` (a local file), `secret` (never a flag), `shown` (as default)."""
    return field(default=default, repr="secret" not in more, metadata={"parse": parse, "help": help_, **more})
