"""YAML and JSON text as plain values that remember where they stood.

Scalars follow the core schema of YAML 1.2: `on`, `yes`, `08:00`, `2026-01-01` are text; `true`, `3`, `0.5`
are not. Keys are always the text that was written. Nothing in the text can make it build objects, loop or
explode.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final

import yaml

from sla_stream.formats.policy_file.findings import Findings, Mark, Path, Places, quote
from sla_stream.formats.policy_file.located_json import JsonProblem, read_json

MOST_VALUES: Final = 500_000
DEEPEST: Final = 40

_NULL: Final = "tag:yaml.org,2002:null"
_BOOL: Final = "tag:yaml.org,2002:bool"
_INT: Final = "tag:yaml.org,2002:int"
_FLOAT: Final = "tag:yaml.org,2002:float"
_STR: Final = "tag:yaml.org,2002:str"


class _Loader(yaml.CSafeLoader):
    """libyaml's parser with the scalars of YAML 1.2; only its node tree is used."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}


for _tag, _pattern, _first in (
    (_NULL, r"(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    (_BOOL, r"(?:true|True|TRUE|false|False|FALSE)$", [*"tTfF"]),
    (_INT, r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", [*"-+0123456789"]),
    (
        _FLOAT,
        r"(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
        [*"-+.0123456789"],
    ),
):
    _Loader.add_implicit_resolver(_tag, re.compile(_pattern, re.ASCII), _first)


def read(text: str, name: str, findings: Findings) -> Any:
    """The document as dicts, lists and scalars; places and problems go to `findings`. None if it has no
    value.

    A name that ends in `.json` is read as JSON, anything else as YAML.
    """
    text = text.removeprefix("\ufeff")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        findings.add_at(_mark_of(text, error.start), "not valid Unicode text; expected UTF-8")
        return None
    if name.lower().endswith(".json"):
        return _read_json(text, findings)
    node = _compose(text, findings)
    return None if node is None else _Builder(findings).build(node, (), 0)


def _read_json(text: str, findings: Findings) -> Any:
    try:
        value, problems = read_json(text, findings.places, DEEPEST)
    except JsonProblem as problem:
        findings.add_at(_mark_of(text, problem.position), f"not valid JSON: {problem}")
        return None
    for position, sentence, path in problems:
        findings.add_at(_mark_of(text, position), sentence, path)
    return value


def _compose(text: str, findings: Findings) -> yaml.Node | None:
    try:
        node: yaml.Node | None = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        sentence = ", ".join(part for part in (error.context, error.problem) if part)
        findings.add_at(_mark(mark) if mark else Mark(1, 1), f"not valid YAML: {sentence}")
        return None
    except yaml.reader.ReaderError as error:
        character = error.character if isinstance(error.character, int) else ord(error.character)
        findings.add_at(
            _mark_of(text, error.position),
            f"not valid YAML: character U+{character:04X} is not allowed in a text file",
        )
        return None
    if node is None:
        findings.add_at(Mark(1, 1), "the file is empty; expected at least `apiVersion: sla-stream/v1`")
    return node


class _Builder:
    """Turns the node tree into values; refuses what has no plain meaning."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.places: Places = findings.places
        self.count = 0
        self.around: set[int] = set()
        """Identities of the nodes that contain the present one: an alias to one of them is a loop."""

    def build(self, node: yaml.Node, path: Path, depth: int) -> Any:
        self.places.values[path] = _mark(node.start_mark)
        self.count += 1
        if self.count > MOST_VALUES:
            if self.count == MOST_VALUES + 1:
                return self._unread(node, path, f"more than {MOST_VALUES:,} values, aliases counted; expected fewer")
            self.findings.unread.add(path)
            return None
        if depth > DEEPEST:
            return self._unread(node, path, f"nested more than {DEEPEST} deep; expected a flatter file")
        if id(node) in self.around:
            return self._unread(node, path, "an alias to something that contains it; expected no loops")
        self.around.add(id(node))
        try:
            return self._value(node, path, depth)
        finally:
            self.around.discard(id(node))

    def _value(self, node: yaml.Node, path: Path, depth: int) -> Any:
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, depth)
        if isinstance(node, yaml.SequenceNode):
            return self._sequence(node, path, depth)
        assert isinstance(node, yaml.ScalarNode)
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path, depth: int) -> dict[str, Any] | None:
        if not self._known_tag(node, path, "tag:yaml.org,2002:map"):
            return None
        built: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._problem(key_node, path, "a key that is not plain text; expected a name")
                continue
            key = key_node.value
            if key == "<<" and not key_node.style:
                self._problem(
                    key_node,
                    path,
                    "merge keys (`<<`) are not part of YAML 1.2; expected a plain alias (`*name`)",
                )
                continue
            if key in built:
                first = self.places.keys[(*path, key)]
                self._problem(
                    key_node,
                    (*path, key),
                    f"key {quote(key)} a second time, first on line {first.line}; expected each key once",
                )
                continue
            self.places.keys[(*path, key)] = _mark(key_node.start_mark)
            built[key] = self.build(value_node, (*path, key), depth + 1)
        return built

    def _sequence(self, node: yaml.SequenceNode, path: Path, depth: int) -> list[Any] | None:
        if not self._known_tag(node, path, "tag:yaml.org,2002:seq"):
            return None
        return [self.build(item, (*path, index), depth + 1) for index, item in enumerate(node.value)]

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        text: str = node.value
        if node.tag == _STR:
            return text
        try:
            if node.tag == _NULL:
                return None
            if node.tag == _BOOL:
                return _truth(text)
            if node.tag == _INT:
                return _integer(text)
            if node.tag == _FLOAT:
                return _number(text)
        except ValueError:
            return self._unread(node, path, f"{quote(text)}; expected a finite number, or text in quotes")
        self._known_tag(node, path, _STR)
        return None

    def _known_tag(self, node: yaml.Node, path: Path, expected: str) -> bool:
        if node.tag == expected:
            return True
        self._unread(node, path, f"tag {quote(node.tag)}; expected no tags")
        return False

    def _unread(self, node: yaml.Node, path: Path, text: str) -> None:
        """A problem that leaves no value at `path`."""
        self._problem(node, path, text)
        self.findings.unread.add(path)

    def _problem(self, node: yaml.Node, path: Path, text: str) -> None:
        self.findings.add_at(_mark(node.start_mark), text, path)


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError
    return text.lower() == "true"


def _integer(text: str) -> int:
    if text.startswith(("0o", "0x")):
        return int(text, 0)
    return int(text)


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError
    return value


def _mark(mark: Any) -> Mark:
    return Mark(mark.line + 1, mark.column + 1)


def _mark_of(text: str, position: int) -> Mark:
    before = text[:position]
    return Mark(before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1)
