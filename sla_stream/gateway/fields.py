"""Values of a configuration, one kind a method: what is there, or what is usual; errors go to the findings."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, Final, TypeVar, overload

from sla_stream.formats.durations import parse_setting_duration
from sla_stream.formats.policy_file.findings import Findings, did_you_mean, one_of, quote, show
from sla_stream.formats.policy_file.findings import Path as Place

_SIZE: Final = re.compile(r"([0-9]{1,12}) ?(B|KiB|MiB|GiB|kB|MB|GB)", re.ASCII)
_UNITS: Final = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "kB": 10**3, "MB": 10**6, "GB": 10**9}

Node = dict[str, Any]
Word = TypeVar("Word", bound=str)
Usual = TypeVar("Usual")


class Fields:
    """Each method takes the mapping that holds the key, the mapping's place, and the key."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings

    def mapping(self, node: Any, at: Place, known: Collection[str]) -> Node:
        """The node itself, if it is a mapping of known keys; else what can be used of it."""
        if not isinstance(node, dict):
            self._findings.error(at, f"found {show(node)}; expected a mapping with {one_of(list(known))}")
            return {}
        for key in node:
            if key not in known:
                near = did_you_mean(key, known)
                self._findings.error(
                    (*at, key), f"unknown key {quote(key)}{near}; expected {one_of(list(known))}", key=True
                )
        return node

    @overload
    def text(self, node: Node, at: Place, key: str, usual: str) -> str: ...
    @overload
    def text(self, node: Node, at: Place, key: str, usual: None) -> str | None: ...
    def text(self, node: Node, at: Place, key: str, usual: str | None) -> str | None:
        """A text that is not empty."""
        if key not in node:
            return usual
        found = node[key]
        if isinstance(found, str) and found:
            return found
        return self._refuse(at, key, found, "a text", usual)

    def matching(self, node: Node, at: Place, key: str, form: re.Pattern[str], expected: str) -> str:
        """A text of a form; required."""
        found = node.get(key)
        if isinstance(found, str) and form.fullmatch(found):
            return found
        return self._refuse(at, key, found, expected, "")

    def list_of(
        self, node: Node, at: Place, key: str, form: re.Pattern[str], expected: str, usual: tuple[str, ...] = ()
    ) -> tuple[str, ...]:
        """A text of a form, or a list of such."""
        if key not in node:
            return usual
        found = node[key] if isinstance(node[key], list) else [node[key]]
        for one in found:
            if not isinstance(one, str) or not form.fullmatch(one):
                return self._refuse(at, key, one, expected, usual)
        return tuple(found)

    def word(
        self, node: Node, at: Place, key: str, known: Collection[Word], usual: Word, *, required: bool = False
    ) -> Word:
        """One of the words."""
        found = node.get(key)
        for word in known:
            if found == word:
                return word
        if found is not None or required:
            near = did_you_mean(found, known) if isinstance(found, str) else ""
            self._refuse(at, key, found, f"{one_of(list(known))}{near}", usual)
        return usual

    def whole(self, node: Node, at: Place, key: str, usual: int, least: int, most: int) -> int:
        """A whole number."""
        found = node.get(key, usual)
        if isinstance(found, int) and not isinstance(found, bool) and least <= found <= most:
            return found
        return self._refuse(at, key, found, f"a whole number from {least} to {most}", usual)

    def number(self, node: Node, at: Place, key: str) -> float | None:
        """A number above 0, or None where nothing is said."""
        found = node.get(key)
        if found is None:
            return None
        if isinstance(found, (int, float)) and not isinstance(found, bool) and 0 < found <= 1_000_000:
            return float(found)
        return self._refuse(at, key, found, "a number above 0, such as 100 (requests a second)", None)

    def duration(self, node: Node, at: Place, key: str, usual: int, least: int, most: int) -> int:
        """A duration in ms."""
        if key not in node:
            return usual
        try:
            found = parse_setting_duration(str(node[key]))
        except ValueError as error:
            self._findings.error((*at, key), str(error))
            return usual
        if least <= found <= most:
            return found
        return self._refuse(at, key, node[key], f"from {least / 1000:g}s to {most // 1000}s", usual)

    def size(self, node: Node, at: Place, key: str, usual: int) -> int:
        """A number of bytes, 1 kB at least."""
        if key not in node:
            return usual
        found = node[key]
        match = _SIZE.fullmatch(found) if isinstance(found, str) else None
        size = int(match[1]) * _UNITS[match[2]] if match else 0
        if size >= 1_000:
            return size
        return self._refuse(at, key, found, "a size such as 900kB or 64MiB", usual)

    def _refuse(self, at: Place, key: str, found: Any, expected: str, usual: Usual) -> Usual:
        self._findings.error((*at, key), f"{_finding(key, found)}; expected {expected}")
        return usual


def _finding(key: str, found: Any) -> str:
    """A key that is missing has no place of its own, so the sentence names it."""
    return f"no `{key}`" if found is None else f"found {show(found)}"
