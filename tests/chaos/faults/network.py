"""The network between worker and broker: cut, silent, slow. Source and readers are on another one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from sla_stream.broker.local_kafka import LocalKafka
from sla_stream.broker.server import Listener
from tests.chaos.arena import Arena, Fault
from tests.chaos.proxy import Proxy
from tests.worker_support import WorkerProcess, free_port


@dataclass
class TwoNetworks:
    """A broker with a second address that leads through a proxy."""

    broker: LocalKafka
    proxied: int

    @property
    def bootstrap(self) -> str:
        return self.broker.bootstrap


@contextlib.contextmanager
def two_networks() -> Iterator[TwoNetworks]:
    client, proxied = free_port(), free_port()
    advertised = f"PLAINTEXT://127.0.0.1:{client},FAR://127.0.0.1:{proxied}"
    with LocalKafka(client, {"advertised.listeners": advertised}, listeners=[Listener("FAR", "PLAINTEXT")]) as broker:
        yield TwoNetworks(broker, proxied)


@contextlib.asynccontextmanager
async def _far_away(arena: Arena) -> AsyncIterator[tuple[Proxy, WorkerProcess]]:
    networks: TwoNetworks = arena.broker
    target = int(networks.broker.address("FAR").rpartition(":")[2])
    proxy = await Proxy(networks.proxied, target).start()
    try:
        worker = arena.worker("--workers=1", "--instance-id=only", f"--kafka=127.0.0.1:{networks.proxied}")
        yield proxy, await worker.ready()
        await arena.settle(worker, 120)
        worker.kill()
    finally:
        await proxy.close()
    await arena.worker("--instance-id=only").ready()  # on the near side, for the deadlines that are still to come


async def _progress(arena: Arena, worker: WorkerProcess, patience: float = 120) -> None:
    seen = len(arena.watch.arrivals)
    await worker.until(lambda: len(arena.watch.arrivals) > seen + 20, "new SLA events", patience)


async def cuts(arena: Arena) -> None:
    """Connections are reset and refused for a while, or nothing goes through at all for longer than the session."""
    async with _far_away(arena) as (proxy, worker), arena.load():
        for number in range(arena.rounds):
            await _progress(arena, worker)
            arena.strike()
            silent = number % 2 == 1
            (proxy.silence if silent else proxy.cut)()
            await asyncio.sleep(10 if silent else arena.chance.uniform(1, 4))  # how long the fault lasts
            if silent:
                proxy.cut()  # what was under way is lost; it must not arrive as if nothing had been
            proxy.mend()
            await _progress(arena, worker)


async def slow(arena: Arena) -> None:
    """100 ms more in each direction and 3 Mbit/s: transactions take long, heartbeats still come."""
    async with _far_away(arena) as (proxy, worker), arena.load():
        for _ in range(arena.rounds):
            await _progress(arena, worker)
            arena.strike()
            proxy.delay, proxy.bytes_per_second = 0.1, 3_000_000 / 8
            await _progress(arena, worker)
            await asyncio.sleep(5)  # how long the fault lasts
            proxy.mend()
            await _progress(arena, worker)


FAULTS = (
    Fault("network cut and silent", cuts, short=2, long=10, broker=two_networks, patience=120),
    Fault("network slow (100 ms, 3 Mbit/s)", slow, short=1, long=5, broker=two_networks, patience=120),
)
