"""Sending set-aside records again exactly once: the record and the mark that it was sent, in one transaction.

A mark is a record of the retries topic. Opening a log fences every earlier one (one transactional id for all), and
only then the marks are read: what has no mark by now was never sent and nobody else can send it any more.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidProducerEpoch, KafkaError, MessageSizeTooLargeError, ProducerFenced

from sla_stream.errors import ConfigError, RetryableError, SlaStreamError
from sla_stream.formats.settings import Settings
from sla_stream.kafka.admin import Admin
from sla_stream.kafka.clients import REQUEST_TIMEOUT_MS, connection
from sla_stream.kafka.reader import TopicReader
from sla_stream.kafka.rights import reader_rights, retrier_rights, retry_id

MAX_BYTES: Final = 8 << 20
_TRANSACTION_TIMEOUT_MS: Final = 15_000
"""How long a killed retry keeps `read_committed` readers waiting at most."""


class RetryOvertaken(SlaStreamError):
    """Another retry began after this one; the transaction under way wrote nothing."""


class Mark(msgspec.Struct, frozen=True):
    """That a record was sent again (`retry.v1.schema.json`). Places are `TOPIC/PARTITION/OFFSET`."""

    letter: str
    source: str
    reason: str
    sent_to: str
    retried_at: str
    by: str | None
    why: str | None


@dataclass(frozen=True, slots=True)
class Resend:
    """A record to be sent, and the mark that goes with it. `timestamp` in ms."""

    topic: str
    partition: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    mark: Mark


class Marks:
    """The marks that there are, by letter and source: a topic that was made anew counts its offsets from 0 again."""

    def __init__(self) -> None:
        self._marks: dict[tuple[str, str], Mark] = {}

    def add(self, mark: Mark) -> None:
        self._marks[mark.letter, mark.source] = mark

    def find(self, letter: str, source: str) -> Mark | None:
        """The newest mark of a letter."""
        return self._marks.get((letter, source))


async def read_marks(settings: Settings) -> Marks:
    """Every mark that is committed; none where the topic does not exist."""
    topic, marks = settings.topic("retries"), Marks()
    async with Admin(settings) as admin:
        await admin.require(reader_rights(topic))
        if topic not in await admin.describe([topic], configs=False):
            return marks
    decoder = msgspec.json.Decoder(Mark)
    async with TopicReader(settings, topic) as reader:
        async for partition, records in reader.read():
            for record in records:
                try:
                    marks.add(decoder.decode(record.value or b""))
                except msgspec.DecodeError as error:
                    raise ConfigError(
                        f"topic {topic}: the record at {partition}/{record.offset} is no mark of a retry ({error}); "
                        "expected only what `dlq retry` and `late retry` write"
                    ) from None
    return marks


class RetryLog:
    """`async with RetryLog(settings) as log`: look at `log.marks`, then `send`.

    ConfigError when the cluster cannot be reached or has no retries topic.
    """

    def __init__(self, settings: Settings) -> None:
        self.topic = settings.topic("retries")
        self.marks = Marks()
        self._settings = settings
        self._open = False

    async def __aenter__(self) -> Self:
        await self._check_topic()
        asyncio.get_running_loop().set_exception_handler(_leftover)
        self._producer = AIOKafkaProducer(
            **connection(self._settings, "retry"),
            transactional_id=retry_id(self._settings),
            transaction_timeout_ms=_TRANSACTION_TIMEOUT_MS,
            acks="all",
            max_request_size=MAX_BYTES,
            max_batch_size=MAX_BYTES,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
        )
        try:
            await self._producer.start()  # from here on no earlier retry can commit, so what is read next is final
            self.marks = await read_marks(self._settings)
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
        if self._open:  # nobody should have to wait for the time-out
            with contextlib.suppress(Exception):
                await self._producer.abort_transaction()
        with contextlib.suppress(KafkaError):
            await self._producer.stop()

    async def send(self, records: Sequence[Resend]) -> None:
        """Send all of them with their marks, or none.

        RetryOvertaken when another retry began meanwhile, ConfigError when a topic refuses a record for its size,
        RetryableError when it is not known whether they were sent: the marks tell the next run.
        """
        try:
            await self._producer.begin_transaction()
            self._open = True
            sent = [future for one in records for future in await self._send(one)]
            await asyncio.gather(*sent)  # a commit after a failed send would commit the rest
            await self._producer.commit_transaction()
            self._open = False
        except (ProducerFenced, InvalidProducerEpoch):
            self._open = False
            raise RetryOvertaken(
                f"topic {self.topic}: another retry began after this one and goes on instead"
            ) from None
        except MessageSizeTooLargeError as error:
            raise ConfigError(
                f"a record is too large for the topic it came from: {error}; nothing of it was sent"
            ) from None
        except KafkaError as error:
            raise RetryableError(f"{error!r}; run it again: what was sent is marked and not sent twice") from error
        for one in records:
            self.marks.add(one.mark)

    async def _send(self, one: Resend) -> list[Any]:
        mark = msgspec.json.encode(one.mark)
        return [
            await self._producer.send(
                one.topic, one.value, key=one.key, partition=one.partition, timestamp_ms=one.timestamp,
                headers=list(one.headers),
            ),
            await self._producer.send(self.topic, mark, key=one.mark.letter.encode(), partition=0),
        ]  # fmt: skip

    async def _check_topic(self) -> None:
        async with Admin(self._settings) as admin:
            await admin.require(retrier_rights(self._settings))
            if self.topic not in await admin.describe([self.topic], configs=False):
                raise ConfigError(
                    f"kafka: {self._settings.kafka} has no topic {self.topic}; expected it to exist: "
                    "`sla-stream topics create` makes it"
                )


def _leftover(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A fenced producer leaves futures with the same error behind, which nobody ever awaits: it was told already."""
    if not isinstance(context.get("exception"), KafkaError):
        loop.default_exception_handler(context)
