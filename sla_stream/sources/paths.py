"""Paths into a record: `issue.fields.status.name`, `parts[-1].id`, `labels[].name`, `header:x-id`, `@key`, `$name.id`.

A path that leads nowhere reads as MISSING; one that ends at a null, or passes one on its way, as None. Nothing that a
record holds can make a path fail.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, Literal

from sla_stream.sources.scope import MISSING, Read

Step = str | int | None
"""A key, an index, or None for each element of a list."""

Root = Literal["body", "header", "ce", "record", "let"]
RECORD_WORDS: Final = ("key", "recorded_at", "body")

_STEP: Final = re.compile(
    r"""(?:^|\.)(?P<name>[^.\[\]"\s]+)|(?:^|\.)"(?P<quoted>[^"]+)"|\[(?P<index>-?[0-9]{1,9})\]|(?P<each>\[\])"""
)
_MOST_STEPS: Final = 20


@dataclass(frozen=True, slots=True)
class Path:
    """`name`: of the header, CloudEvents attribute, word or `let`."""

    text: str
    root: Root
    name: str
    steps: tuple[Step, ...]


def parse_path(text: str) -> Path:
    """ValueError, as a sentence, if it is no path."""
    for prefix, root in (("header:", "header"), ("ce:", "ce")):
        if text.startswith(prefix):
            name = text.removeprefix(prefix).lower()
            if not name:
                raise ValueError(f"{text!r} names no {prefix[:-1]}; expected for example `{prefix}id`")
            return Path(text, root, name, ())  # type: ignore[arg-type]
    if text.startswith("@"):
        if text[1:] not in RECORD_WORDS:
            raise ValueError(f"{text!r} is not known; expected @key, @recorded_at or @body")
        return Path(text, "record", text[1:], ())
    if text.startswith("$"):
        name, steps = re.match(r"\$([^.\[]*)(.*)$", text, re.DOTALL).groups()  # type: ignore[union-attr]
        if not name:
            raise ValueError(f"{text!r} names no value of `let`; expected for example `$change.to`")
        return Path(text, "let", name, _steps(steps, text) if steps else ())
    if text.startswith("."):
        raise ValueError(f"{text!r} is not a path; expected a key before the first dot")
    return Path(text, "body", "", _steps(text, text))


def _steps(text: str, whole: str) -> tuple[Step, ...]:
    found: list[Step] = []
    position = 0
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None or match.end() == position:
            raise ValueError(f"{whole!r} is not a path; expected keys with dots, as in `issue.fields.status.name`")
        if match["name"] or match["quoted"]:
            found.append(match["name"] or match["quoted"])
        else:
            found.append(None if match["each"] else int(match["index"]))
        position = match.end()
    if not found or len(found) > _MOST_STEPS:
        raise ValueError(f"{whole!r} is not a path; expected 1 to {_MOST_STEPS} steps")
    return tuple(found)


def compile_path(path: Path, let: int = 0) -> Read:
    """The reader of a path; `let` is the position of the named value it starts from."""
    name, steps = path.name, path.steps
    if path.root == "header":
        return lambda scope: scope.header(name)
    if path.root == "ce":
        return lambda scope: (scope.context or {}).get(name, MISSING)
    if path.root == "record":
        return _RECORD[name]
    if path.root == "let":
        return (lambda scope: walk(scope.named[let], steps)) if steps else (lambda scope: scope.named[let])
    return lambda scope: walk(scope.body, steps)


def walk(value: Any, steps: tuple[Step, ...]) -> Any:
    """What lies at the end of `steps`."""
    for number, step in enumerate(steps):
        if value is None:
            return None
        if step is None:
            return _each(value, steps[number + 1 :])
        if isinstance(step, str):
            value = value.get(step, MISSING) if isinstance(value, dict) else MISSING
        else:
            inside = isinstance(value, list) and -len(value) <= step < len(value)
            value = value[step] if inside else MISSING
        if value is MISSING:
            return MISSING
    return value


def _each(value: Any, rest: tuple[Step, ...]) -> Any:
    if not isinstance(value, list):
        return MISSING
    found = (walk(item, rest) for item in value)
    return [item for item in found if item is not MISSING and item is not None]


_RECORD: Final[dict[str, Read]] = {
    "key": lambda scope: scope.record_key(),
    "recorded_at": lambda scope: MISSING if scope.recorded_at is None else scope.recorded_at,
    "body": lambda scope: scope.raw,
}
