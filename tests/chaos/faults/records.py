"""What comes in: aborted and open transactions, poison, a change of policies in the middle of it all."""

from __future__ import annotations

import asyncio

from tests.chaos.arena import Arena, Fault
from tests.worker_support import created, traffic

STREAMED = """\
apiVersion: sla-stream/v1
policies:
  - name: quick
    schedule: 24x7
    ON_CHANGEtargets:
      first_response: {target: FIRST}
      resolution: {target: 2s, warn: ["50%"], escalate: [{at: "+1s", notify: [lead]}]}
"""


def _streamed(first: str, on_change: str) -> str:
    return STREAMED.replace("FIRST", first).replace("ON_CHANGE", f"on_change: {on_change}\n    " if on_change else "")


async def open_and_aborted(arena: Arena) -> None:
    """A source that writes in transactions, aborts a third of them and leaves one open now and then; kills between."""
    worker = await arena.worker("--instance-id=only").ready()
    async with arena.load(per_second=40), traffic(arena.cluster, f"{arena.cluster.prefix}source") as source:
        producer = source._producer
        for number in range(arena.rounds):
            await producer.begin_transaction()
            tickets = [f"X{number}-{each}" for each in range(10)]
            await source.send(*created(source, tickets))
            if number % 4 == 3:
                await asyncio.sleep(arena.chance.uniform(1.5, 3.0))  # longer than an alarm waits for it
            await source.send(*[source.event(each, "2", "resolved") for each in tickets[:5]])
            if number % 3 == 2:
                await producer.abort_transaction()
            else:
                await producer.commit_transaction()
            if number % 5 == 4:
                arena.strike()
                worker.kill()
                worker = await arena.worker("--instance-id=only").ready()
        await arena.settle(worker)


async def poison(arena: Arena) -> None:
    """Rubbish of seven kinds at one per cent and more, oversized records among it, while workers are killed."""
    async with arena.load(bad=0.03) as load:
        for _ in range(arena.rounds):
            worker = await arena.worker("--instance-id=only").ready()
            sent = load.sent
            await worker.until(lambda: load.sent > sent + 300, "some traffic")  # noqa: B023
            arena.strike()
            worker.kill()
        last = await arena.worker("--instance-id=only").ready()
        await arena.settle(last)


async def new_policies(arena: Arena) -> None:
    """`policy push` while two workers run, one of which is killed each time; pinned and migrated by turns."""
    stays = await arena.worker().ready()
    async with arena.load():
        for number in range(arena.rounds):
            guest = await arena.worker().ready()
            first = f"{1 + (number + 1) % 3}s"
            await arena.cluster.push(_streamed(first, "migrate" if number % 2 else ""))
            arena.strike()
            guest.kill()
            await stays.until(lambda: stays.metric("sla_partitions_ready") == 4, "all partitions back", 40)
            seen = len(arena.watch.arrivals)
            await stays.until(lambda: len(arena.watch.arrivals) > seen + 100, "SLA events under the new set")  # noqa: B023
    await arena.settle(stays)


FAULTS = (
    Fault("transactional sources, open and aborted", open_and_aborted, short=10, long=60),
    Fault("poison and oversized records at 3 %", poison, short=2, long=10),
    Fault(
        "policy change in the middle", new_policies, short=2, long=10,
        cluster={"publishes": True, "policies": _streamed("1s", "")}, patience=90,
    ),
)  # fmt: skip
