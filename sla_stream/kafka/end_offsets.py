"""The proof that everything is applied: where a partition's log ended at a moment of our choosing.

A fetch tells what was there when the broker answered it, which may be long ago. To know that no record appended
before t is still on its way one has to ask for the log end after t, and to have applied everything up to the answer.
Asked with isolation read_uncommitted, since a record inside an open transaction counts too.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Final

from aiokafka.errors import KafkaError, TopicAuthorizationFailedError, for_code
from aiokafka.protocol.offset import OffsetRequest
from aiokafka.structs import TopicPartition

from sla_stream.errors import ConfigError
from sla_stream.formats.settings import Settings
from sla_stream.kafka.clients import raw_client

log = logging.getLogger(__name__)

_REQUEST_TIMEOUT_MS: Final = 5_000
_FIRST_BACK_OFF_S: Final = 0.02
_LONGEST_BACK_OFF_S: Final = 1.0
_SAY_EVERY_S: Final = 5.0
_FAILURES_IN_SILENCE: Final = 3
"""A new topic, or a leader that has just moved, is nothing to speak of."""
_LATEST: Final = -1
_NO_REPLICA: Final = -1
_READ_UNCOMMITTED: Final = 0

_Waiting = dict[TopicPartition, list[asyncio.Future[int]]]


class EndOffsets:
    """Log ends on demand. Callers of the same moment share a request; none gets an answer asked for before it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._waiting: _Waiting = {}
        self._rounds: set[asyncio.Task[None]] = set()
        self._failures = 0
        self._said_at = float("-inf")

    async def start(self) -> None:
        """KafkaConnectionError when no bootstrap server answers."""
        self._client = raw_client(self._settings, "end-offsets", _REQUEST_TIMEOUT_MS)
        try:
            await self._client.bootstrap()
        except BaseException:
            await self._client.close()
            raise

    async def stop(self) -> None:
        """Whoever still waits is cancelled."""
        for task in self._rounds:
            task.cancel()
        await asyncio.gather(*self._rounds, return_exceptions=True)
        self._abandon(self._waiting)
        await self._client.close()

    async def latest(self, topic: str, partitions: Collection[int]) -> dict[int, int]:
        """The offset after the last record of each partition, as of some moment after this call.

        Asks again, with back-off and fresh metadata, until every partition has answered; ConfigError when the
        cluster refuses us. A caller that has no use for the answer any more cancels.
        """
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._ask)
        asked: dict[int, asyncio.Future[int]] = {}
        for partition in partitions:
            asked[partition] = loop.create_future()
            self._waiting.setdefault(TopicPartition(topic, partition), []).append(asked[partition])
        await asyncio.gather(*asked.values())
        return {partition: future.result() for partition, future in asked.items()}

    def _ask(self) -> None:
        """One round for all who wait now; later ones start another, since this answer may be older than they."""
        waiting, self._waiting = self._waiting, {}
        task = asyncio.get_running_loop().create_task(self._answer(waiting))
        self._rounds.add(task)
        task.add_done_callback(self._rounds.discard)

    async def _answer(self, waiting: _Waiting) -> None:
        back_off = _FIRST_BACK_OFF_S
        try:
            if any(self._client.cluster.leader_for_partition(partition) is None for partition in waiting):
                await self._refresh_metadata(waiting)  # seen for the first time
            while waiting:
                for partition, end in (await self._ends(waiting)).items():
                    for future in waiting.pop(partition):
                        if not future.done():
                            future.set_result(end)
                waiting = {
                    partition: still
                    for partition, futures in waiting.items()
                    if (still := [future for future in futures if not future.done()])
                }
                if waiting:
                    await asyncio.sleep(back_off)
                    back_off = min(2 * back_off, _LONGEST_BACK_OFF_S)
                    await self._refresh_metadata(waiting)
        except ConfigError as error:
            for future in _futures(waiting):
                if not future.done():
                    future.set_exception(error)
        finally:
            self._abandon(waiting)

    async def _ends(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The ends that could be had at once, each from its leader."""
        by_leader: dict[int, list[TopicPartition]] = defaultdict(list)
        for partition in partitions:
            leader = self._client.cluster.leader_for_partition(partition)
            if leader is None or leader < 0:
                self._failed(f"{partition.topic}-{partition.partition} has no leader that we know")
            else:
                by_leader[leader].append(partition)
        answers = await asyncio.gather(*(self._ask_leader(*each) for each in by_leader.items()))
        return {partition: end for answer in answers for partition, end in answer.items()}

    async def _ask_leader(self, leader: int, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        topics: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for partition in partitions:
            topics[partition.topic].append((partition.partition, _LATEST))
        request = OffsetRequest(_NO_REPLICA, _READ_UNCOMMITTED, list(topics.items()))
        try:
            response = await self._client.send(leader, request)
        except (KafkaError, OSError) as error:
            self._failed(f"broker {leader} did not answer: {error!r}")
            return {}
        ends: dict[TopicPartition, int] = {}
        for topic, answers in response.topics:
            for number, code, _, end in answers:
                if code == 0:
                    ends[TopicPartition(topic, number)] = end
                    continue
                error_type = for_code(code)
                if error_type is TopicAuthorizationFailedError:
                    raise ConfigError(f"topic {topic}: not allowed to ask for its end; grant Describe")
                self._failed(f"{topic}-{number}: {error_type.__name__}")
        self._failures = 0 if len(ends) == len(partitions) else self._failures
        return ends

    async def _refresh_metadata(self, partitions: Iterable[TopicPartition]) -> None:
        for topic in {partition.topic for partition in partitions}:
            self._client.add_topic(topic)
        await self._client.force_metadata_update()

    def _failed(self, reason: str) -> None:
        self._failures += 1
        now = asyncio.get_running_loop().time()
        if self._failures > _FAILURES_IN_SILENCE and now - self._said_at >= _SAY_EVERY_S:
            self._said_at = now
            log.warning("log end not known yet, asking again (failures in a row: %d): %s", self._failures, reason)

    def _abandon(self, waiting: _Waiting) -> None:
        for future in _futures(waiting):
            future.cancel()


def _futures(waiting: _Waiting) -> list[asyncio.Future[int]]:
    return [future for futures in waiting.values() for future in futures]
