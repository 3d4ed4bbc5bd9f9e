"""What the gateway was told: where it listens, and its hooks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from sla_stream.gateway.verify import Check

MIB: Final = 1024 * 1024
MAX_BODY: Final = 900_000
"""Below what a topic takes by default (max.message.bytes 1,048,588), headers included."""
IN_FLIGHT: Final = 500


@dataclass(frozen=True, slots=True)
class Hook:
    """One route, `/hooks/NAME`. `keys` are secret: they are in no repr.

    `max_body` in bytes; `rate` in requests a second, None: no limit; `in_flight` requests at once.
    """

    name: str
    topic: str
    vendor: str
    mapping: str | None
    check: Check
    keys: tuple[bytes, ...] = field(repr=False)
    delivery: tuple[str, ...]
    ticket: tuple[str, ...]
    keep: tuple[str, ...]
    ping: tuple[str, str] | None = None
    cloudevents: bool = False
    max_body: int = MAX_BODY
    rate: float | None = None
    in_flight: int = IN_FLIGHT


@dataclass(frozen=True, slots=True)
class Gateway:
    """Everything. `answer_within_ms`: after this long without Kafka's acknowledgement the sender is told to come again;
    `buffer`: bytes of bodies held at once.
    """

    hooks: tuple[Hook, ...]
    host: str = "127.0.0.1"
    port: int = 8080
    tls_cert_file: str | None = None
    tls_key_file: str | None = None
    answer_within_ms: int = 4_000
    buffer: int = 64 * MIB
