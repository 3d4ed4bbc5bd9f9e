"""Is a request from whom it says it is: signatures over the body, and secrets that are simply shown.

A check gets the request's headers, its raw body and the secrets that are valid at the moment (several, so that they
can be changed without a gap), and returns None or why not. The reason is for our own log; the sender is told nothing.
Every secret is compared, in constant time, whatever the others gave.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from sla_stream.formats.instants import parse_instant

Encoding = Literal["hex", "base64"]
Part = Literal["id", "timestamp", "body"]

ALGORITHMS: Final = ("sha1", "sha256", "sha384", "sha512")
_SECONDS_BELOW: Final = 100_000_000_000
"""A number of seconds stays below this until the year 5138; milliseconds have been above since 1973."""


class Check(Protocol):
    """How a source proves itself."""

    @property
    def challenge(self) -> str:
        """The word for WWW-Authenticate."""

    def refusal(self, headers: Mapping[str, str], body: bytes, keys: Sequence[bytes], now: int) -> str | None:
        """None, or why the request is not believed. `now` in ms."""


@dataclass(frozen=True, slots=True)
class Hmac:
    """A keyed hash of the body, in a header.

    `signed`: what is hashed, one after the other: text, or "id", "timestamp", "body" in braces, such as
    ("{timestamp}", ".", "{body}"). `separator`: between several signatures in the header. `tolerance_ms`: how far the
    signed timestamp may be from now, either way.
    """

    header: str
    algorithm: str = "sha256"
    encoding: Encoding = "hex"
    prefix: str = ""
    separator: str = ""
    timestamp_header: str | None = None
    id_header: str | None = None
    signed: tuple[str, ...] = ("{body}",)
    tolerance_ms: int = 300_000
    challenge: str = "Signature"

    def refusal(self, headers: Mapping[str, str], body: bytes, keys: Sequence[bytes], now: int) -> str | None:
        """Signature first, then time: whoever has no key learns nothing of clocks."""
        found = headers.get(self.header)
        if found is None:
            return f"no header {self.header}"
        offered = self._offered(found)
        if not offered:
            return f"header {self.header} holds no signature of the expected form"
        message = self._message(headers, body)
        if message is None:
            return f"no header {self.timestamp_header or self.id_header}"
        right = False
        for key in keys:
            expected = hmac.digest(key, message, self.algorithm)
            for one in offered:
                right |= hmac.compare_digest(expected, one)
        if not right:
            return "the signature does not fit (another secret, or a body that was changed on the way)"
        return self._stale(headers, now)

    def _offered(self, text: str) -> list[bytes]:
        parts = text.split(self.separator) if self.separator else [text]
        decoded = (_decoded(part.strip().removeprefix(self.prefix), self.encoding) for part in parts
                   if part.strip().startswith(self.prefix))  # fmt: skip
        return [one for one in decoded if one]

    def _message(self, headers: Mapping[str, str], body: bytes) -> bytes | None:
        if self.signed == ("{body}",):
            return body
        values: dict[str, bytes] = {"{body}": body}
        for name, header in (("{timestamp}", self.timestamp_header), ("{id}", self.id_header)):
            if header is not None:
                text = headers.get(header)
                if text is None:
                    return None
                values[name] = text.encode("utf-8", "surrogateescape")
        return b"".join([values.get(part, part.encode()) for part in self.signed])

    def _stale(self, headers: Mapping[str, str], now: int) -> str | None:
        if self.timestamp_header is None:
            return None
        at = _instant(headers.get(self.timestamp_header, ""))
        if at is None:
            return f"header {self.timestamp_header} holds no instant"
        if abs(now - at) > self.tolerance_ms:
            return f"signed {abs(now - at) / 1000:.0f} s {'ago' if at < now else 'ahead'}, more than the tolerance"
        return None


@dataclass(frozen=True, slots=True)
class Shown:
    """A secret that comes with the request: as a bearer token, as user and password, or in a header of one's own."""

    header: str = "Authorization"
    scheme: str = "Bearer"
    """Empty: the header holds the secret and nothing else."""

    @property
    def challenge(self) -> str:
        return f'{self.scheme or "Secret"} realm="webhooks"'

    def refusal(self, headers: Mapping[str, str], body: bytes, keys: Sequence[bytes], now: int) -> str | None:
        found = headers.get(self.header)
        if found is None:
            return f"no header {self.header}"
        scheme, _, rest = found.strip().partition(" ") if self.scheme else ("", "", found)
        if scheme.lower() != self.scheme.lower():
            return f"header {self.header} is not of the kind {self.scheme}"
        offered: bytes | None = rest.strip().encode("utf-8", "surrogateescape")
        if self.scheme == "Basic":
            offered = _decoded(rest.strip(), "base64")
        right = False
        for key in keys:
            right |= hmac.compare_digest(key, offered or b"")
        return None if right else "another secret than ours"


@dataclass(frozen=True, slots=True)
class Nothing:
    """Whoever reaches us is believed."""

    challenge: str = ""

    def refusal(self, headers: Mapping[str, str], body: bytes, keys: Sequence[bytes], now: int) -> str | None:
        return None


def _decoded(text: str, encoding: Encoding) -> bytes | None:
    try:
        return bytes.fromhex(text) if encoding == "hex" else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return None


def _instant(text: str) -> int | None:
    """Ms of seconds, milliseconds or an RFC 3339 instant."""
    try:
        if text.isascii() and text.isdigit():
            number = int(text[:20])
            return number * 1000 if number < _SECONDS_BELOW else number
        return parse_instant(text)
    except ValueError:
        return None


KeyForm = Literal["text", "base64", "hex"]


def key_of(text: str, form: KeyForm) -> bytes:
    """The key that a secret's text stands for. ValueError (without the text) if it is not of that form."""
    decoders: dict[KeyForm, Callable[[str], bytes | None]] = {
        "text": str.encode,
        "base64": lambda one: _decoded(one.removeprefix("whsec_"), "base64"),
        "hex": lambda one: _decoded(one, "hex"),
    }
    key = decoders[form](text)
    if not key:
        raise ValueError(f"it is not {form}")
    return key
