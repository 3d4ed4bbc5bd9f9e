"""What a mapping may look at while it maps one record: the body, its headers, its key, its time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import orjson
from msgspec import UNSET

from sla_stream.errors import InvalidRecord

Headers = Sequence[tuple[str, bytes]]

MISSING: Final = UNSET
"""No such value in the record; None stands for a null that is written there."""


class Scope:
    """One record, or one element of it, on its way through a mapping.

    `body` is the decoded JSON, `raw` its bytes, `context` the attributes of a CloudEvent, `recorded_at` the record's
    own time (ms), `named` the values of `let`, in their order.
    """

    __slots__ = ("_headers", "body", "context", "key", "named", "raw", "recorded_at")

    def __init__(
        self,
        body: Any,
        raw: bytes,
        headers: Headers = (),
        key: bytes | None = None,
        recorded_at: int | None = None,
        context: dict[str, Any] | None = None,
    ) -> None:
        self.body = body
        self.raw = raw
        self.key = key
        self.recorded_at = recorded_at
        self.context = context
        self.named: list[Any] = _NO_VALUES
        self._headers = headers

    def element(self, body: Any, raw: bytes) -> Scope:
        """The scope of one element of this record."""
        return Scope(body, raw, self._headers, self.key, self.recorded_at, self.context)

    def header(self, name: str) -> Any:
        """Text of a header, or None where it has none; `name` in small letters. The first of several stands."""
        for found, value in self._headers:
            if _small[found] == name:
                try:
                    return value.decode() if value is not None else None
                except UnicodeDecodeError:
                    raise no_text(f"header {name}") from None
        return MISSING

    def record_key(self) -> Any:
        """The record's key as text; also out of JSON and Connect's `{schema, payload}`, and of a single column."""
        if self.key is None:
            return MISSING
        try:
            text = self.key.decode()
        except UnicodeDecodeError:
            raise no_text("record key") from None
        return _unwrapped(text) if text[:1] in ('"', "{") else text


class _Small(dict[str, str]):
    """Names of headers in small letters."""

    def __missing__(self, name: str) -> str:
        if len(self) >= _MOST_NAMES:
            self.clear()
        self[name] = small = name.lower()
        return small


_MOST_NAMES: Final = 1_000
_small: Final = _Small()
_NO_VALUES: Final[list[Any]] = []

Read = Callable[[Scope], Any]
"""Reads one value: MISSING, None or a JSON value."""


def _unwrapped(text: str) -> Any:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    if isinstance(found, dict) and "payload" in found and found.keys() <= {"schema", "payload"}:
        found = found["payload"]
    if isinstance(found, dict) and len(found) == 1:
        (found,) = found.values()
    return MISSING if found is None or isinstance(found, dict | list) else found


def no_text(what: str) -> InvalidRecord:
    """The refusal of a header or key that is no text."""
    return InvalidRecord("schema", f"{what}: found bytes that are no UTF-8; expected text")
