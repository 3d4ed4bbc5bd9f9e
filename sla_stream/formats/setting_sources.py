"""Where the text of a setting was found: a flag, an environment variable or a line of the settings file.

Each source becomes `{name: Found}`; a later source overrides an earlier one; every problem keeps its place.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from sla_stream.errors import ConfigError

VARIABLE_PREFIX: Final = "SLA_STREAM_"
CONFIG_VARIABLE: Final = "SLA_STREAM_CONFIG"

_NOT_SETTINGS: Final = re.compile(
    r"SLA_STREAM_(CONFIG|CACHE|TEST_\w*"
    # Kubernetes puts these into every container beside a service called sla-stream or sla-stream-...
    r"|(\w+_)?SERVICE_(HOST|PORT)(_\w+)?|(\w+_)?PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)"
)


@dataclass(frozen=True, slots=True)
class Found:
    """A setting's text as written, and where. `base` is what a relative path in it is relative to."""

    text: str
    place: str
    base: Path | None = None


_IN_PLACE: Final = ("sources",)
"""Settings that name a file of their own, or whose list may stand in the settings file: then that one is named."""

_LISTS: Final = ("kafka",)
"""Settings of several values, which text separates with commas."""


Sources = tuple[dict[str, Found], list[str]]
"""What was found by setting name, and the problems."""


def suggest(word: str, known: Collection[str], before: str = "") -> str:
    """The end of a "no such ..." sentence: a did-you-mean, `before` put in front, when something is close."""
    close = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f'; did you mean "{before}{close[0]}"?' if close else ""


def from_flags(flags: Mapping[str, str | None]) -> dict[str, Found]:
    """`{setting name: text or None}`; None means that the flag was not given."""
    return {name: Found(text, "--" + name.replace("_", "-")) for name, text in flags.items() if text is not None}


def from_environment(environment: Mapping[str, str], known: Collection[str]) -> Sources:
    """Variables `SLA_STREAM_<NAME>`. An empty one counts as not set, as deployment files often make them."""
    found: dict[str, Found] = {}
    problems: list[str] = []
    variables = {VARIABLE_PREFIX + name.upper(): name for name in known}
    for variable, text in sorted(environment.items()):
        if not variable.startswith(VARIABLE_PREFIX) or not text:
            continue
        if variable in variables:
            found[variables[variable]] = Found(text, variable)
        elif not _NOT_SETTINGS.fullmatch(variable):
            # compared without the prefix they share, which would make everything look alike
            near = suggest(variable.removeprefix(VARIABLE_PREFIX), [name.upper() for name in known], VARIABLE_PREFIX)
            problems.append(f"{variable}: no such setting{near}")
    return found, problems


def from_file(path: str, known: Collection[str], beside: Collection[str] = ()) -> Sources:
    """A YAML or JSON mapping of setting names to scalars (or lists, for settings of several values).

    Keys in `beside` are no settings: somebody else reads them.
    """
    import yaml  # only commands that read a file pay for it

    root = _parse(path, yaml)
    if root is None:
        return {}, []
    if not isinstance(root, yaml.MappingNode):
        return {}, [f"{_place(path, root)}: found {_kind(root)}, expected a mapping of settings"]
    found: dict[str, Found] = {}
    problems: list[str] = []
    seen: dict[str, int] = {}
    for key, value in root.value:
        name, place = str(key.value), _place(path, key)
        if name in beside:
            continue
        if name not in known:
            problems.append(f'{place}: no such setting "{name}"{suggest(name, [*known, *beside])}')
        elif name in seen:
            problems.append(f"{place}: {name}: set twice, first in line {seen[name]}")
        elif name in _IN_PLACE and value.id == "sequence":
            found[name] = Found(Path(path).name, f"{_place(path, value)}: {name}", Path(path).resolve().parent)
        elif (text := _text(value, name in _LISTS)) is None:
            wanted = "one value or a list of them" if name in _LISTS else "one value"
            problems.append(f"{_place(path, value)}: {name}: found {_kind(value)}, expected {wanted}")
        elif value.tag != "tag:yaml.org,2002:null":
            found[name] = Found(text, f"{_place(path, value)}: {name}", Path(path).resolve().parent)
        seen.setdefault(name, key.start_mark.line + 1)
    return found, problems


def _parse(path: str, yaml: Any) -> Any:
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"--config: cannot read {path}: {error.strerror}") from None
    try:
        return yaml.compose(content.decode("utf-8"), Loader=yaml.SafeLoader)
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text (byte {error.start})") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else path
        raise ConfigError(f"{place}: not YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML: {str(error).splitlines()[0]}") from None


def _place(path: str, node: Any) -> str:
    return f"{path}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"


def _text(node: Any, many: bool) -> str | None:
    if node.id == "scalar":
        return str(node.value)
    if many and node.id == "sequence" and node.value and all(item.id == "scalar" for item in node.value):
        return ",".join(str(item.value) for item in node.value)
    return None


def _kind(node: Any) -> str:
    return {"mapping": "a mapping", "sequence": "a list", "scalar": f'"{node.value}"'}[str(node.id)]
