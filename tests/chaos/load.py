"""Traffic while a fault is on: tickets that live a little around their deadlines, duplicates, a little rubbish."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

from aiokafka.errors import KafkaError

from tests.worker_support import Traffic, created

OVERSIZED = b"[" + b"1," * 150_000 + b"1]"
"""A record of 300 KB: more than a ticket event may have (256 KiB), less than the topic takes."""


def rubbish(send: Traffic, ticket: str, chance: random.Random) -> tuple[bytes | None, bytes | None]:
    """(key, value) of a record that no engine can take, of a kind drawn at random."""
    future = send.event(ticket, "f", "updated", at=4_102_444_800_000)
    kinds: list[Callable[[], tuple[bytes | None, bytes | None]]] = [
        lambda: (ticket.encode(), b"rubbish"),
        lambda: (ticket.encode(), b'{"event_id": 7, "ticket_id": [], "kind": "created"}'),
        lambda: (ticket.encode(), None),
        lambda: (None, b"\x00\x01\xff"),
        lambda: (ticket.encode(), json.dumps(future).encode()),
        lambda: (b"another", json.dumps(send.event(ticket, "k", "updated")).encode()),
        lambda: (ticket.encode(), OVERSIZED),
    ]
    return chance.choice(kinds)()


class Load:
    """Sends in small groups, `per_second` tickets. What Kafka did not acknowledge may be sent again: same ids."""

    def __init__(self, send: Traffic, seed: int, per_second: int = 100, bad: float = 0.01) -> None:
        self.sent = 0
        self._send = send
        self._chance = random.Random(seed)
        self._per_second = per_second
        self._bad = bad
        self._number = 0
        self._later: list[tuple[int, str, str]] = []

    async def run(self) -> None:
        """Until cancelled."""
        group = max(1, self._per_second // 20)
        while True:
            await self._deliver(self._next(group))
            await asyncio.sleep(group / self._per_second)

    def _next(self, tickets: int) -> list[dict[str, Any]]:
        chance, events = self._chance, []
        for _ in range(tickets):
            self._number += 1
            ticket = f"T{self._number}"
            events += created(self._send, [ticket])
            if chance.random() < 0.5:
                self._later.append((self._number + chance.randint(1, 2 * self._per_second), ticket, "agent_replied"))
            if chance.random() < 0.5:
                self._later.append((self._number + chance.randint(1, 4 * self._per_second), ticket, "resolved"))
        for due in [each for each in self._later if each[0] <= self._number]:
            self._later.remove(due)
            events += [self._send.event(due[1], due[2], due[2])] * (2 if chance.random() < 0.1 else 1)
        return events

    async def _deliver(self, events: list[dict[str, Any]]) -> None:
        while True:
            with contextlib.suppress(KafkaError):
                await self._send.send(*events)
                break
            await asyncio.sleep(0.1)
        self.sent += len(events)
        for event in events:
            if self._chance.random() < self._bad:
                key, value = rubbish(self._send, event["ticket_id"], self._chance)
                with contextlib.suppress(KafkaError):
                    await self._send.send_raw(key, value)
                    self.sent += 1


@contextlib.asynccontextmanager
async def under(load: Load) -> AsyncIterator[Load]:
    """The load runs while the block does; an error of its own fails the block."""
    task = asyncio.create_task(load.run())
    try:
        yield load
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
