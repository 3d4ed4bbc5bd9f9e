"""Flags for settings: a command names the settings it uses, their flags come from the declarations."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection
from typing import Any, Final

from sla_stream.formats.setting_model import SETTING_FIELDS
from sla_stream.formats.setting_values import duration_text

_METAVARS: Final = {
    "duration": "TIME",
    "whole_number": "N",
    "switch": "on|off",
    "instant": "T",
    "servers": "HOST:PORT",
    "address": "HOST:PORT",
}


def add_settings_arguments(parser: argparse.ArgumentParser, names: Collection[str]) -> None:
    """`--config` and a flag for each named setting. Passwords get none: a process list would show them."""
    group = parser.add_argument_group("settings", "also in --config FILE.yaml, or as SLA_STREAM_<NAME>")
    group.add_argument("--config", metavar="FILE", help="settings file, YAML: one `name: value` a line")
    for name in names:
        metadata = SETTING_FIELDS[name].metadata
        if "secret" not in metadata:
            group.add_argument(
                "--" + name.replace("_", "-"),
                metavar=_metavar(name),
                help=f"{metadata['help']}{_shown_default(name)}".replace("%", "%%"),
            )


def _metavar(name: str) -> str:
    parse: Callable[..., Any] = SETTING_FIELDS[name].metadata["parse"]
    kind = getattr(parse, "__qualname__", "").split(".")[0]
    if "path" in SETTING_FIELDS[name].metadata:
        return "DIR" if name.endswith("_dir") else "FILE"
    if name.startswith("topic_"):
        return "PREFIX" if name == "topic_prefix" else "TOPIC"
    return _METAVARS.get(kind, name.split("_")[-1].upper())


def _shown_default(name: str) -> str:
    metadata, default = SETTING_FIELDS[name].metadata, SETTING_FIELDS[name].default
    match default:
        case _ if "shown" in metadata:
            shown = metadata["shown"]
        case None | "":
            return ""
        case bool():
            shown = "on" if default else "off"
        case (host, port):
            shown = f"{host}:{port}"
        case int() if _metavar(name) == "TIME":
            shown = duration_text(default)
        case _:
            shown = default
    return f" (default: {shown})"
