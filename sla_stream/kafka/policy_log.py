"""The policies topic: reading all of it, following it, and publishing a set as its only writer.

Everything is in partition 0, so that there is one order of publication.
"""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import Any, Final, Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import InvalidProducerEpoch, KafkaError, ProducerFenced
from aiokafka.structs import TopicPartition

from sla_stream.errors import ConfigError, RetryableError, SlaStreamError
from sla_stream.formats.policy_history import PolicyHistory, PublishedSet
from sla_stream.formats.policy_set_record import MAX_BYTES, PushedSet, encode_policy_set
from sla_stream.formats.policy_trial import try_out
from sla_stream.formats.settings import Settings
from sla_stream.kafka.admin import Admin
from sla_stream.kafka.clients import REQUEST_TIMEOUT_MS, connection
from sla_stream.kafka.rights import push_id, pusher_rights, reader_rights

PATIENCE_S: Final = 30.0
_POLL_MS: Final = 200
_LONG_POLL_MS: Final = 1_000


class PushOvertaken(SlaStreamError):
    """Another push began after this one; nothing was written by this one."""


class PolicyLog:
    """`async with PolicyLog(settings) as log`: everything published so far is in `log.history`.

    ConfigError when the cluster cannot be reached or has no such topic, RetryableError when it does not answer.
    """

    def __init__(self, settings: Settings) -> None:
        self.topic = settings.topic("policies")
        self.history = PolicyHistory()
        self._settings = settings
        self._place = TopicPartition(self.topic, 0)

    async def __aenter__(self) -> Self:
        async with Admin(self._settings) as admin:
            await admin.require(reader_rights(self.topic))
            if self.topic not in await admin.describe([self.topic], configs=False):
                raise ConfigError(
                    f"kafka: {self._settings.kafka} has no topic {self.topic}; expected it to exist: "
                    "`sla-stream topics create` makes it"
                )
        self._consumer = AIOKafkaConsumer(
            **connection(self._settings, "policies"),
            group_id=None,
            enable_auto_commit=False,
            isolation_level="read_committed",
            fetch_max_wait_ms=_LONG_POLL_MS,
            max_partition_fetch_bytes=MAX_BYTES + (1 << 20),
            request_timeout_ms=REQUEST_TIMEOUT_MS,
        )
        try:
            await self._consumer.start()
            self._consumer.assign([self._place])
            begin = await self._consumer.beginning_offsets([self._place])
            self._consumer.seek(self._place, begin[self._place])
            await self.catch_up()
        except KafkaError as error:
            await self._consumer.stop()
            raise RetryableError(f"topic {self.topic}: {error}") from error
        except BaseException:
            await self._consumer.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._consumer.stop()
        except asyncio.CancelledError:  # while the cluster is away the client lets that of its own fetch out
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise

    async def catch_up(self) -> None:
        """Read to the end as it is now."""
        end = (await self._consumer.end_offsets([self._place]))[self._place]
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while await self._consumer.position(self._place) < end:  # the last offsets may be markers, which nobody sees
            await self._poll(_POLL_MS)
            if asyncio.get_running_loop().time() > deadline:
                raise RetryableError(f"topic {self.topic}: could not be read to its end in {PATIENCE_S:g} s")

    async def more(self) -> list[PublishedSet]:
        """Wait a little for further records; the sets that they add, which are in `history` now."""
        return await self._poll(_LONG_POLL_MS)

    async def _poll(self, timeout_ms: int) -> list[PublishedSet]:
        added: list[PublishedSet] = []
        for records in (await self._consumer.getmany(self._place, timeout_ms=timeout_ms)).values():
            for record in records:
                found = self.history.take(record.offset, record.timestamp, record.key, record.value)
                if found is not None:
                    added.append(found)
        return added


async def read_policy_history(settings: Settings) -> PolicyHistory:
    """Everything that the policies topic holds now."""
    async with PolicyLog(settings) as log:
        return log.history


def _leftover(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A fenced producer leaves futures with the same error behind, which nobody ever awaits: it was told already."""
    if not isinstance(context.get("exception"), KafkaError):
        loop.default_exception_handler(context)


class PolicyPusher:
    """`async with PolicyPusher(settings) as pusher`: look at `pusher.history`, then `push`.

    Of two that are open at once only the one opened later can write: both use one transactional id.
    """

    def __init__(self, settings: Settings) -> None:
        self.history = PolicyHistory()
        self.topic = settings.topic("policies")
        self._settings = settings

    async def __aenter__(self) -> Self:
        asyncio.get_running_loop().set_exception_handler(_leftover)
        async with Admin(self._settings) as admin:
            await admin.require(pusher_rights(self._settings))
        async with PolicyLog(self._settings):  # the topic is there, before a producer would wait for it in vain
            pass
        self._producer = AIOKafkaProducer(
            **connection(self._settings, "policy-push"),
            transactional_id=push_id(self._settings),
            acks="all",
            max_request_size=MAX_BYTES,
            max_batch_size=MAX_BYTES,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
        )
        try:
            await self._producer.start()  # from here on no earlier pusher can commit, so what is read next is final
            self.history = await read_policy_history(self._settings)
        except KafkaError as error:
            await self._producer.stop()
            raise RetryableError(f"topic {self.topic}: {error}") from error
        except BaseException:
            await self._producer.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._producer.stop()

    def _try_out(self, pushed: PushedSet) -> None:
        """What every reader does before the set is put in force."""
        newest = self.history.newest
        try:
            try_out(pushed.policies, int(time.time() * 1_000), newest.pushed.policies if newest else None)
        except Exception as error:
            raise ConfigError(
                f"policies: every worker would refuse this set: {type(error).__name__}: {error}; nothing was published "
                "(a fault of this program, please report it with the file)"
            ) from error

    async def push(self, pushed: PushedSet) -> int:
        """Publish a set; the instant of publication, ms.

        ConfigError when it is too large, PushOvertaken when another push began meanwhile, RetryableError when it is
        not known whether it was written.
        """
        assert pushed.number == self.history.next_number
        self._try_out(pushed)
        key, value = encode_policy_set(pushed)
        if len(value) > MAX_BYTES - (1 << 16):
            raise ConfigError(f"policies: {len(value)} bytes as a record; expected at most {MAX_BYTES - (1 << 16)}")
        try:
            await self._producer.begin_transaction()
            sent = await self._producer.send(self.topic, value, key=key, partition=0)
            published: int = (await sent).timestamp
            await self._producer.commit_transaction()
        except (ProducerFenced, InvalidProducerEpoch):
            raise PushOvertaken(
                f"topic {self.topic}: another push began after this one, so this one wrote nothing; run it again to "
                "see what is different now"
            ) from None
        except KafkaError as error:
            raise RetryableError(
                f"topic {self.topic}: {error!r}; run it again to see whether it was written"
            ) from error
        return published
