"""The group: two processes of one name, a storm of joins and leaves, a rolling restart that nobody notices."""

from __future__ import annotations

import asyncio
import time

from aiokafka.admin import AIOKafkaAdminClient

from tests.chaos.arena import Arena, Fault
from tests.worker_support import WorkerProcess, eventually


async def twins(arena: Arena) -> None:
    """One of two processes with one instance id has to go, and says why; the work goes on."""
    async with arena.load():
        first = await arena.worker("--instance-id=same").ready()
        for _ in range(arena.rounds):
            second = arena.worker("--instance-id=same")
            arena.strike()
            await eventually(lambda: 3 in (first.code, second.code), "one of the two has ended", 60)  # noqa: B023
            ended = first if first.code == 3 else second
            await eventually(lambda: bool(ended.said("worker.fault")), "the reason")  # noqa: B023
            why = ended.said("worker.fault")[0]["why"]
            arena.notes.append(f"ended with: {why[:150]}")
            assert "another process" in why, why
            first.kill()
            second.kill()
            first = await arena.worker("--instance-id=same").ready()
        await arena.settle(first)


async def storm(arena: Arena) -> None:
    """Workers join and leave, by SIGTERM or SIGKILL, faster than the group comes to rest."""
    async with arena.load():
        stays = await arena.worker().ready()
        guests: list[WorkerProcess] = []
        for _ in range(arena.rounds):
            arena.strike()
            if guests and (len(guests) == 3 or arena.chance.random() < 0.5):
                guest = guests.pop(arena.chance.randrange(len(guests)))
                if arena.chance.random() < 0.5:
                    guest.kill()
                else:
                    assert (await guest.stop(20))[0] == 0, guest.log()
            else:
                guests.append(arena.worker())
            await asyncio.sleep(arena.chance.uniform(0.0, 2.0))  # the moment is the point
        for guest in guests:
            guest.kill()
        await eventually(lambda: stays.metric("sla_partitions_ready") == 4, "all partitions back", 40)
        await arena.settle(stays)


async def rolling(arena: Arena) -> None:
    """Workers of fixed names are restarted one by one: nobody else loses a partition, even for a moment."""
    names = ("a", "b")
    async with arena.load():
        running = {name: await arena.worker(f"--instance-id={name}").ready() for name in names}
        await eventually(
            lambda: [one.metric("sla_partitions_ready") for one in running.values()] == [2, 2], "two partitions each"
        )
        generation = await _protocol_state(arena)
        for _ in range(arena.rounds):
            for name in names:
                others = [one for key, one in running.items() if key != name]
                before = [len(one.said("partition.ready")) for one in others]
                arena.strike()
                began = time.monotonic()
                assert (await running[name].stop())[0] == 0
                running[name] = await arena.worker(f"--instance-id={name}").ready()
                arena.notes.append(f"{name} back in {time.monotonic() - began:.1f} s")
                assert [len(one.said("partition.ready")) for one in others] == before, "a rebalance"
        assert await _protocol_state(arena) == generation, "the group's members have changed"
        for one in running.values():
            await arena.settle(one)


async def _protocol_state(arena: Arena) -> list[tuple[str, str]]:
    """(instance, assignment) of the group's members as the coordinator knows them."""
    admin = AIOKafkaAdminClient(bootstrap_servers=arena.cluster.kafka)
    await admin.start()
    try:
        answer = (await admin.describe_consumer_groups([arena.cluster.settings.group_id]))[0]
        state = answer.to_object()["groups"][0]
    finally:
        await admin.close()
    return sorted(
        (member["member_id"].rsplit("-", 5)[0], repr(member["member_assignment"])) for member in state["members"]
    )


FAULTS = (
    Fault("two processes of one name", twins, short=1, long=3),
    Fault("rebalance storm", storm, short=6, long=30, patience=120),
    Fault("rolling restart, fixed names", rolling, short=1, long=5),
)
