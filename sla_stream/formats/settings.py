"""The settings in force: flags over environment over a settings file, all problems of all sources at once."""

from __future__ import annotations

import argparse
import os
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sla_stream.errors import ConfigError
from sla_stream.formats.setting_arguments import add_settings_arguments
from sla_stream.formats.setting_checks import contradictions
from sla_stream.formats.setting_model import (
    KAFKA_SETTINGS,
    OTHER_TOPIC_ROLES,
    SETTING_FIELDS,
    SETTING_NAMES,
    TOPIC_ROLES,
    TOPIC_SETTINGS,
    Settings,
    TopicRole,
)
from sla_stream.formats.setting_sources import (
    CONFIG_VARIABLE,
    Found,
    from_environment,
    from_file,
    from_flags,
)
from sla_stream.formats.setting_values import Secret

__all__ = [
    "KAFKA_SETTINGS",
    "OTHER_TOPIC_ROLES",
    "SETTING_NAMES",
    "TOPIC_ROLES",
    "TOPIC_SETTINGS",
    "Secret",
    "Settings",
    "TopicRole",
    "add_settings_arguments",
    "load_settings",
    "settings_from_arguments",
]


def settings_from_arguments(
    args: argparse.Namespace, env: Mapping[str, str] | None = None, beside: Collection[str] = ()
) -> Settings:
    """`load_settings` from what a parser with `add_settings_arguments` returned, and the environment."""
    given = vars(args)
    flags = {name: given[name] for name in SETTING_NAMES if name in given}
    return load_settings(given.get("config"), os.environ if env is None else env, flags, beside)


def load_settings(
    config_file: str | None,
    env: Mapping[str, str],
    flags: Mapping[str, str | None],
    beside: Collection[str] = (),
) -> Settings:
    """The settings in force. `flags` maps setting names to text, None where the flag was not given; `beside` names
    parts of the file that are no settings.

    Without `config_file` the variable SLA_STREAM_CONFIG may name one. Relative paths in a settings file start
    at its directory. ConfigError lists every problem of every source, one a line, each with its place.
    """
    found: dict[str, Found] = {}
    problems: list[str] = []
    path = config_file or env.get(CONFIG_VARIABLE)
    if path:
        found, problems = from_file(path, SETTING_NAMES, beside)
    variables, more = from_environment(env, SETTING_NAMES)
    problems += more
    found |= variables
    found |= from_flags(flags)
    parsed = {name: _parse(name, one, problems) for name, one in found.items()}
    settings = Settings(**{name: value for name, value in parsed.items() if value is not None})
    settings = _with_secrets_from_files(settings, found, problems)
    if all(value is not None for value in parsed.values()):
        problems += [_located(names, text, found) for names, text in contradictions(settings)]
    if problems:
        raise ConfigError("\n".join(problems))
    return settings


def _parse(name: str, found: Found, problems: list[str]) -> Any:
    metadata = SETTING_FIELDS[name].metadata
    try:
        value = metadata["parse"](found.text)
    except ValueError as error:
        reason = "found an empty text, expected a password" if "secret" in metadata else str(error)
        problems.append(f"{found.place}: {reason}")
        return None
    if "path" in metadata:
        path = Path(value).expanduser()
        return str(found.base / path if found.base else path)
    return value


def _with_secrets_from_files(settings: Settings, found: Mapping[str, Found], problems: list[str]) -> Settings:
    for name in ("kafka_tls_key_password", "kafka_sasl_password", "registry_password"):
        path = getattr(settings, f"{name}_file")
        if path is None:
            continue
        place = found[f"{name}_file"].place
        if getattr(settings, name) is not None:
            problems.append(f"{place}: {name} is set too ({found[name].place}); keep one of them")
            continue
        try:
            content = Path(path).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            problems.append(f"{place}: cannot read {path}: {reason}")
            continue
        if not content:
            problems.append(f"{place}: {path} is empty, expected a password")
            continue
        secrets: dict[str, Any] = {name: Secret(content)}
        settings = replace(settings, **secrets)
    return settings


def _located(names: tuple[str, ...], text: str, found: Mapping[str, Found]) -> str:
    """The problem at the first of its settings that was set; the others have their defaults."""
    blamed = next((name for name in names if name in found), names[0])
    place = f"{found[blamed].place}: " if blamed in found else ""
    return f"{place}{text}" if place and blamed == names[0] else f"{place}{names[0]}: {text}"
