"""Reading a range of a topic's offsets once, without a group: for replay, for checks, for tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from types import TracebackType
from typing import Any, Final, Literal, Self

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from sla_stream.errors import ConfigError, RetryableError
from sla_stream.formats.settings import Settings
from sla_stream.kafka.admin import Admin
from sla_stream.kafka.clients import REQUEST_TIMEOUT_MS, connection
from sla_stream.kafka.rights import reader_rights

Isolation = Literal["read_committed", "read_uncommitted"]

PATIENCE_S: Final = 30.0
_POLL_MS: Final = 200


class TopicReader:
    """`async with TopicReader(settings, topic) as reader`, then ask for offsets and `read` between them.

    `read_committed` never shows records of aborted transactions and ends before open ones.
    ConfigError when the cluster cannot be reached, has no such topic, or does not let us read it.
    """

    def __init__(self, settings: Settings, topic: str, isolation: Isolation = "read_committed") -> None:
        self._settings = settings
        self._topic = topic
        self._isolation = isolation

    async def __aenter__(self) -> Self:
        async with Admin(self._settings) as admin:
            await admin.require(reader_rights(self._topic))
            found = await admin.describe([self._topic], configs=False)
        if self._topic not in found:
            raise ConfigError(
                f"kafka: {self._settings.kafka} has no topic {self._topic}; is it the right cluster, and the right "
                "--topic-prefix?"
            )
        self.partitions: list[int] = sorted(found[self._topic].leaders)
        self._consumer = AIOKafkaConsumer(
            **connection(self._settings, "reader"),
            group_id=None,
            enable_auto_commit=False,
            isolation_level=self._isolation,
            fetch_max_wait_ms=_POLL_MS,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
        )
        try:
            await self._consumer.start()
            self._consumer.assign([TopicPartition(self._topic, number) for number in self.partitions])
        except BaseException:
            await self._consumer.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._consumer.stop()

    async def beginning(self) -> dict[int, int]:
        """The first offset still there, by partition."""
        return _by_number(await self._consumer.beginning_offsets(self._all()))

    async def end(self) -> dict[int, int]:
        """The offset after the last record that this isolation shows, by partition."""
        return _by_number(await self._consumer.end_offsets(self._all()))

    async def offsets_at(self, instant: int) -> dict[int, int]:
        """The first offset with a timestamp (ms) at or after the instant, by partition; the end where there is none.

        A commit marker has an offset and a timestamp too (when it was written), so the answer may be a marker's.
        """
        found = await self._consumer.offsets_for_times(dict.fromkeys(self._all(), instant))
        ends = await self.end()
        return {one.partition: answer.offset if answer else ends[one.partition] for one, answer in found.items()}

    async def read(
        self,
        start: Mapping[int, int] | None = None,
        end: Mapping[int, int] | None = None,
        patience_s: float = PATIENCE_S,
    ) -> AsyncIterator[tuple[int, list[Any]]]:
        """Yields (partition, records): the records of one partition in offset order, of several in turn.

        From `start` (default: the beginning) up to but without `end` (default: the end as it is now). Records are
        aiokafka's (`offset`, `timestamp`, `key`, `value`, `headers`). Memory is bounded by what a fetch brings.
        RetryableError when nothing comes for `patience_s`.
        """
        loop = asyncio.get_running_loop()
        goals = await self.end() | dict(end or {})
        starts = await self.beginning() | dict(start or {})
        open_ = {TopicPartition(self._topic, number) for number in goals if starts[number] < goals[number]}
        for one in self._all():
            self._consumer.seek(one, starts[one.partition])
        self._consumer.pause(*(one for one in self._all() if one not in open_))
        moved = loop.time()
        try:
            while open_:
                for one, records in (await self._consumer.getmany(*open_, timeout_ms=_POLL_MS)).items():
                    moved = loop.time()
                    if wanted := [record for record in records if record.offset < goals[one.partition]]:
                        yield one.partition, wanted
                open_ = await self._still_open(open_, goals)
                if loop.time() - moved > patience_s:
                    raise RetryableError(f"topic {self._topic}: nothing came for {patience_s:g} s")
        except KafkaError as error:
            raise RetryableError(f"topic {self._topic}: {error}") from error
        finally:
            self._consumer.resume(*self._all())

    async def _still_open(self, open_: Collection[TopicPartition], goals: Mapping[int, int]) -> set[TopicPartition]:
        """By position, not by records: the last offsets may be commit markers, which nobody gets to see."""
        done = {one for one in open_ if await self._consumer.position(one) >= goals[one.partition]}
        if done:
            self._consumer.pause(*done)
        return set(open_) - done

    def _all(self) -> list[TopicPartition]:
        return [TopicPartition(self._topic, number) for number in self.partitions]


def _by_number(offsets: Mapping[TopicPartition, int]) -> dict[int, int]:
    return {one.partition: offset for one, offset in offsets.items()}
