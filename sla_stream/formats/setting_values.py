"""From the text of one setting to its value: the small parsers that settings are declared with.

A parser takes the text as written and returns the value, or raises ValueError with a sentence that says what
was found and what was expected; the caller puts the place in front of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from sla_stream.formats.durations import parse_setting_duration
from sla_stream.formats.instants import parse_instant

Parser = Callable[[str], Any]

_LEGAL_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,200}")
_WHOLE_NUMBER: Final = re.compile(r"-?[0-9]{1,12}")
_ADDRESS: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")
_ON: Final = ("on", "true", "yes", "1")
_OFF: Final = ("off", "false", "no", "0")
_UNITS: Final = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000))


class Secret:
    """A password that shows itself in no log, error or repr; `reveal()` gives the text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> str:
        raise TypeError("a secret is not written down")


def _refusal(found: str, expected: str) -> ValueError:
    return ValueError(f'found "{found}", expected {expected}')


def text(found: str) -> str:
    """Any text but the empty one."""
    if not found.strip():
        raise _refusal(found, "a text that is not empty")
    return found


def secret(found: str) -> Secret:
    return Secret(text(found))


def legal_name(found: str) -> str:
    """A name that Kafka takes in topics, groups and ids."""
    if not _LEGAL_NAME.fullmatch(found) or found in (".", ".."):
        raise _refusal(found, "1 to 200 of the characters A-Z a-z 0-9 . _ -")
    return found


def prefix(found: str) -> str:
    """Like a name, but it may be empty."""
    return legal_name(found) if found else found


def switch(found: str) -> bool:
    word = found.strip().lower()
    if word not in _ON + _OFF:
        raise _refusal(found, "on or off")
    return word in _ON


def whole_number(low: int, high: int) -> Parser:
    """A whole number from `low` to `high`, both included."""

    def parse(found: str) -> int:
        digits = found.strip()
        if not _WHOLE_NUMBER.fullmatch(digits) or not low <= int(digits) <= high:
            raise _refusal(found, f"a whole number from {low} to {high}")
        return int(digits)

    return parse


def duration(low_ms: int, high_ms: int) -> Parser:
    """A duration such as `50ms` `10s` `5m` `2h` `7d` within the limits, in milliseconds."""

    def parse(found: str) -> int:
        ms = parse_setting_duration(found.strip())
        if not low_ms <= ms <= high_ms:
            limits = f"{duration_text(low_ms)} to {duration_text(high_ms)}"
            raise _refusal(found, f"a duration from {limits}")
        return ms

    return parse


def duration_text(ms: int) -> str:
    """The shortest writing of a duration in the form settings take: 90000 -> "90s"."""
    for unit, length in _UNITS:
        if ms and ms % length == 0:
            return f"{ms // length}{unit}"
    return f"{ms}ms"


def choice(*words: str) -> Parser:
    """One of the words; upper or lower case does not matter."""
    known = {word.lower(): word for word in words}

    def parse(found: str) -> str:
        word = found.strip().lower()
        if word not in known:
            raise _refusal(found, "one of " + ", ".join(words))
        return known[word]

    return parse


def instant(found: str) -> int:
    """An RFC 3339 instant with a zone, as milliseconds since 1970 UTC."""
    return parse_instant(found.strip())


def address(found: str) -> tuple[str, int]:
    """HOST:PORT; port 0 lets the system choose. IPv6 in brackets, returned without them."""
    match = _ADDRESS.fullmatch(found.strip())
    if match is None or int(match[2]) > 65_535:
        raise _refusal(found, "HOST:PORT such as 127.0.0.1:8085")
    return match[1].strip("[]"), int(match[2])


def servers(found: str) -> str:
    """Bootstrap servers, HOST:PORT separated by commas; returned without spaces."""
    parts = [part.strip() for part in found.split(",")]
    for part in parts:
        match = _ADDRESS.fullmatch(part)
        if match is None or not 0 < int(match[2]) <= 65_535:
            raise _refusal(found, "HOST:PORT, several separated by commas, such as kafka-1:9092,kafka-2:9092")
    return ",".join(parts)
