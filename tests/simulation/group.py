"""The group's coordinator: who is a member, in which generation, with which partitions.

Members learn of a rebalance by their heartbeats. It is over when all that are known have joined, or when those that
have not are put out. Any assignment is legal, so any may come.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tests.simulation.loop import SimulatedLoop
from tests.simulation.wire import OUTSIDE

if TYPE_CHECKING:
    from tests.simulation.worker import Process

SESSION = 3.0
HEARTBEAT = 0.5
REBALANCE_TIMEOUT = 10.0
CHECK = 0.25

Joined = tuple[int, list[int]]
"""Generation and partitions."""


class FencedInstance(Exception):
    """Another process has our instance id."""


class Group:
    def __init__(self, loop: SimulatedLoop, chance: random.Random, partitions: int) -> None:
        self.generation = 0
        self.owners: list[dict[int, Process]] = [{}]
        """Owner of each partition, by generation."""
        self._loop = loop
        self._chance = chance
        self._partitions = partitions
        self._seen: dict[Process, float] = {}
        """Members, and when each was last heard of."""
        self._joining: dict[Process, asyncio.Future[Joined]] = {}
        self._rebalancing_since: float | None = None
        self._loop.call_later(CHECK, self._check, context=OUTSIDE)

    @property
    def stable(self) -> bool:
        return self._rebalancing_since is None

    def owner(self, partition: int) -> Process | None:
        """By the newest generation."""
        return self.owners[-1].get(partition)

    def join(self, process: Process) -> asyncio.Future[Joined]:
        answer: asyncio.Future[Joined] = self._loop.create_future()
        before = self._same_instance(process)
        if before is not None:
            del self._seen[before]
            self._joining.pop(before, None)
            before.instance_taken = True
            if self.stable and any(one is before for one in self.owners[-1].values()):
                self._seen[process] = self._loop.instant
                mine = [number for number, one in self.owners[-1].items() if one is before]
                self.owners[-1].update(dict.fromkeys(mine, process))
                answer.set_result((self.generation, mine))
                return answer
        self._seen[process] = self._loop.instant
        self._joining[process] = answer
        self.rebalance()
        self._complete_if_all()
        return answer

    def heartbeat(self, process: Process) -> bool:
        """True: go on; False: join again."""
        if process.instance_taken:
            raise FencedInstance
        if process not in self._seen:
            return False
        self._seen[process] = self._loop.instant
        return self.stable

    def leave(self, process: Process) -> None:
        if self._seen.pop(process, None) is not None:
            self._joining.pop(process, None)
            self.rebalance()
            self._complete_if_all()

    def rebalance(self) -> None:
        """Begin one, if none is under way."""
        if self.stable:
            self._rebalancing_since = self._loop.instant

    def _same_instance(self, process: Process) -> Process | None:
        if process.instance_id is None:
            return None
        return next((one for one in self._seen if one is not process and one.instance_id == process.instance_id), None)

    def _check(self) -> None:
        now = self._loop.instant
        for process, seen in list(self._seen.items()):
            if process not in self._joining and now - seen > SESSION:
                self.leave(process)
        if self._rebalancing_since is not None and now - self._rebalancing_since > REBALANCE_TIMEOUT:
            for process in list(self._seen):
                if process not in self._joining:
                    del self._seen[process]
            self._complete_if_all()
        self._loop.call_later(CHECK, self._check, context=OUTSIDE)

    def _complete_if_all(self) -> None:
        if self.stable or not self._joining or self._seen.keys() != self._joining.keys():
            return
        self.generation += 1
        self._rebalancing_since = None
        owners = self._assign(list(self._joining))
        self.owners.append(owners)
        joining, self._joining = self._joining, {}
        for process, answer in joining.items():
            self._seen[process] = self._loop.instant
            answer.set_result((self.generation, [number for number, one in owners.items() if one is process]))

    def _assign(self, members: list[Process]) -> dict[int, Process]:
        before: Mapping[int, Process] = self.owners[-1]
        owners = {}
        for number in range(self._partitions):
            stays = before.get(number)
            if stays in members and self._chance.random() < 0.6:
                owners[number] = stays
            else:
                owners[number] = self._chance.choice(members)
        return owners
