"""Ids of SLA events: UUIDv5 (RFC 9562), the same in every run, replay and retry.

Recipe. Namespace: `ac34a358-2f2c-5dba-8f27-3c957569b54f`, the UUIDv5 of `urn:sla-stream:v1` in RFC 9562's URL
namespace. Name: the UTF-8 bytes of the compact JSON array
`[ticket_id, metric, cycle, type, threshold, due_ms, revision]`, where `threshold` is null where there is none and
`due_ms` is the due instant in ms since 1970 (null where none is in force). A retraction's name is the id it withdraws,
as text.
"""

from __future__ import annotations

import uuid
from hashlib import sha1
from typing import Final

import msgspec

NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:sla-stream:v1")
_PREFIX: Final = sha1(NAMESPACE.bytes, usedforsecurity=False)
_VARIANT: Final = {f"{digit:x}": f"{digit & 3 | 8:x}" for digit in range(16)}
_encode = msgspec.json.Encoder().encode


def uuid5(name: bytes) -> str:
    """Text of the UUIDv5 of `name`; several times faster than the uuid module."""
    digest = _PREFIX.copy()
    digest.update(name)
    text = digest.hexdigest()
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{_VARIANT[text[16]]}{text[17:20]}-{text[20:32]}"


def event_id(
    ticket_id: str,
    metric: str,
    cycle: int,
    type_: str,
    threshold: str | None,
    due_at: int | None,
    revision: int,
) -> str:
    """Id of a warning, breach, escalation or outcome."""
    return uuid5(_encode((ticket_id, metric, cycle, type_, threshold, due_at, revision)))


def retraction_id(retracts: str) -> str:
    """Id of the retraction of `retracts`."""
    return uuid5(retracts.encode())
