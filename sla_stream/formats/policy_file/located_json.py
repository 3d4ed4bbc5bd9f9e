"""A small JSON reader that remembers where each key and value stood."""

from __future__ import annotations

import bisect
import math
import re
from typing import Any, Final

from sla_stream.formats.policy_file.findings import Mark, Path, Places, quote

Problem = tuple[int, str, Path]
"""Position in the text, sentence, path."""

_TOKEN: Final = re.compile(
    r'[ \t\r\n]*(?:(?P<string>"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")'
    r"|(?P<number>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)(?![0-9A-Za-z_.])"
    r"|(?P<word>true|false|null)(?![0-9A-Za-z_])|(?P<mark>[\[\]{},:])|(?P<end>\Z))",
    re.ASCII,
)
_ESCAPE: Final = re.compile(r"(?:\\u[0-9a-fA-F]{4})+|\\.", re.ASCII)
_SHORT: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_WORDS: Final = {"true": True, "false": False, "null": None}


class JsonProblem(Exception):
    """The text is not JSON; `position` counts characters from 0."""

    def __init__(self, position: int, sentence: str) -> None:
        super().__init__(sentence)
        self.position = position


def read_json(text: str, places: Places, deepest: int) -> tuple[Any, list[Problem]]:
    """The value, and problems that leave it readable (a key given twice). JsonProblem if it is not JSON."""
    reader = _Reader(text, places, deepest)
    reader.step()
    value = reader.value((), 0)
    if reader.kind != "end":
        raise JsonProblem(reader.start, "something follows the value; expected the end of the file")
    return value, reader.problems


class _Reader:
    """Recursive descent over tokens; `kind`, `token`, `start` describe the present one."""

    def __init__(self, text: str, places: Places, deepest: int) -> None:
        self.text = text
        self.places = places
        self.deepest = deepest
        self.problems: list[Problem] = []
        self.lines = [0, *(match.end() for match in re.finditer("\n", text))]
        self.position = 0
        self.kind = ""
        self.token = ""
        self.start = 0

    def step(self) -> None:
        match = _TOKEN.match(self.text, self.position)
        if match is None or match.lastgroup is None:
            position = (
                self.position + len(self.text[self.position :]) - len(self.text[self.position :].lstrip(" \t\r\n"))
            )
            raise JsonProblem(position, f"unexpected {quote(self.text[position : position + 1])}")
        self.kind, self.token = match.lastgroup, match[match.lastgroup]
        self.start, self.position = match.start(match.lastgroup), match.end()

    def mark(self) -> Mark:
        line = bisect.bisect_right(self.lines, self.start)
        return Mark(line, self.start - self.lines[line - 1] + 1)

    def value(self, path: Path, depth: int) -> Any:
        if depth > self.deepest:
            raise JsonProblem(self.start, f"nested more than {self.deepest} deep; expected a flatter file")
        self.places.values[path] = self.mark()
        if self.token == "{":
            return self._object(path, depth)
        if self.token == "[":
            return self._array(path, depth)
        return self._scalar()

    def _scalar(self) -> Any:
        kind, token = self.kind, self.token
        if kind == "string":
            result: Any = self._string()
        elif kind == "number":
            result = self._number()
        elif kind == "word":
            result = _WORDS[token]
        else:
            raise JsonProblem(self.start, f"{self._here()}; expected a value")
        self.step()
        return result

    def _object(self, path: Path, depth: int) -> dict[str, Any]:
        built: dict[str, Any] = {}
        self.step()
        while self.token != "}":
            if self.kind != "string":
                raise JsonProblem(self.start, f"{self._here()}; expected a key in double quotes")
            key, key_start, key_mark = self._string(), self.start, self.mark()
            self.step()
            self._take(":")
            if key in built:
                first = self.places.keys[(*path, key)]
                sentence = f"key {quote(key)} a second time, first on line {first.line}; expected each key once"
                self.problems.append((key_start, sentence, (*path, key)))
                self.value((*path, key), depth + 1)
            else:
                self.places.keys[(*path, key)] = key_mark
                built[key] = self.value((*path, key), depth + 1)
            self._comma("}")
        self.step()
        return built

    def _array(self, path: Path, depth: int) -> list[Any]:
        built: list[Any] = []
        self.step()
        while self.token != "]":
            built.append(self.value((*path, len(built)), depth + 1))
            self._comma("]")
        self.step()
        return built

    def _comma(self, closing: str) -> None:
        if self.kind == "mark" and self.token == closing:
            return
        self._take(",")
        if self.kind == "mark" and self.token == closing:
            raise JsonProblem(self.start, f"{self._here()} after a comma; expected one more entry")

    def _take(self, mark: str) -> None:
        if self.kind != "mark" or self.token != mark:
            raise JsonProblem(self.start, f"{self._here()}; expected {mark!r}")
        self.step()

    def _here(self) -> str:
        return "the file ends" if self.kind == "end" else f"found {quote(self.token)}"

    def _string(self) -> str:
        text = _ESCAPE.sub(_unescape, self.token[1:-1])
        if any("\ud800" <= char <= "\udfff" for char in text):
            raise JsonProblem(self.start, "half a surrogate pair; expected whole characters")
        return text

    def _number(self) -> int | float:
        try:
            value = int(self.token) if self.token.lstrip("-").isdigit() else float(self.token)
        except ValueError:
            value = math.inf
        if not math.isfinite(value):
            raise JsonProblem(self.start, f"{quote(self.token)}; expected a finite number")
        return value


def _unescape(match: re.Match[str]) -> str:
    escape = match[0]
    if escape.startswith("\\u"):
        units = bytes.fromhex(escape.replace("\\u", ""))
        return units.decode("utf-16-be", errors="surrogatepass")
    return _SHORT.get(escape[1], escape[1])
