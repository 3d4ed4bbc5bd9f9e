"""Appends single records and says of each whether the cluster has acknowledged it: for those who answer for a record.

An idempotent producer keeps what it was given until it is acknowledged, however long the cluster is away, and after
some errors it is beyond repair. So here an answer has a time limit, what is waiting can be counted, and a producer
that failed is replaced behind the scene. A record whose answer was "unavailable" may be in the topic all the same:
who sends it again makes it twice, so it needs an id.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from sla_stream.errors import InvalidRecord, RetryableError
from sla_stream.formats.settings import Settings
from sla_stream.kafka.clients import REQUEST_TIMEOUT_MS, connection
from sla_stream.kafka.dead_letters import Headers

log = logging.getLogger(__name__)

PATIENCE_S: Final = 4.0
_BATCH_BYTES: Final = 256 * 1024
_HEADROOM: Final = 64 * 1024
"""What key, headers and Kafka's own framing may add to a value."""
_PROBE_EVERY_S: Final = 1.0
_PROBE_ANSWER_S: Final = 3.0
_RETRY_EVERY_S: Final = 1.0
_FLUSH_S: Final = 5.0


class Unavailable(RetryableError):
    """No acknowledgement: send it again later. It may have been appended."""


class Appender:
    """`async with Appender(settings, "gateway", largest=N)`; `largest` in bytes is that of a record's value.

    Topics must exist. Starting waits for the cluster; find out before whether it lets us in.
    """

    def __init__(self, settings: Settings, purpose: str, *, largest: int, patience_s: float = PATIENCE_S) -> None:
        self._settings = settings
        self._purpose = purpose
        self._largest = largest
        self._patience_s = patience_s
        self._producer: AIOKafkaProducer | None = None
        self._pending: dict[asyncio.Future[Any], float] = {}
        self._heard = 0.0
        self._failure: str | None = "it was not started"
        self._unheard: str | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Appender:
        self._producer = await self._started()
        self._failure = None
        self._spawn(self._probe())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._failure = "it is stopping"
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        producer, self._producer = self._producer, None
        if producer is not None:
            await _end(producer)

    @property
    def away(self) -> str | None:
        """Why the next record would be refused, None when it would not."""
        if self._failure is not None:
            return self._failure
        waited = self._waited()
        if waited > self._patience_s:
            return f"no acknowledgement for {waited:.0f} s"
        return self._unheard

    @property
    def pending(self) -> int:
        """Records handed to the producer and not settled."""
        return len(self._pending)

    async def append(
        self, topic: str, value: bytes, *, key: bytes | None, headers: Headers, settled: Callable[[], None]
    ) -> None:
        """Returns when every in-sync copy has the record; Unavailable after the patience or at once while `away`.

        `settled` is called once, when the record's memory is free again, be that before or after this returns or
        raises. InvalidRecord (`too_large`) when the topic does not take a record of that size.
        """
        try:
            async with asyncio.timeout(self._patience_s):
                future = await self._handed_over(topic, value, key, headers, settled)
                await asyncio.shield(future)
        except TimeoutError:
            raise Unavailable(f"no acknowledgement within {self._patience_s:g} s") from None
        except MessageSizeTooLargeError as error:
            raise InvalidRecord("too_large", f"topic {topic} does not take a record of {len(value)} bytes") from error
        except KafkaError as error:
            raise Unavailable(f"not appended: {error}") from error

    async def _handed_over(
        self, topic: str, value: bytes, key: bytes | None, headers: Headers, settled: Callable[[], None]
    ) -> asyncio.Future[Any]:
        producer = self._producer
        try:
            if producer is None or (why := self.away) is not None:
                raise Unavailable(why if producer is not None else "the producer is being replaced")
            future: asyncio.Future[Any] = await producer.send(topic, value, key=key, headers=headers)
        except BaseException as error:
            settled()
            if isinstance(error, KafkaError) and not isinstance(error, MessageSizeTooLargeError):
                self._broken(producer, error)
            raise
        self._pending[future] = _now()
        future.add_done_callback(partial(self._settle, producer, settled))
        return future

    def _settle(self, producer: AIOKafkaProducer, settled: Callable[[], None], future: asyncio.Future[Any]) -> None:
        self._pending.pop(future, None)
        settled()
        error = None if future.cancelled() else future.exception()
        if error is None:
            self._heard, self._unheard = _now(), None
        else:
            self._broken(producer, error)

    def _waited(self) -> float:
        """Seconds that the oldest record has been waiting."""
        for since in self._pending.values():
            return _now() - since
        return 0.0

    def _broken(self, producer: AIOKafkaProducer | None, error: BaseException) -> None:
        """A failed batch leaves a hole in the producer's sequence: it will never append again."""
        if producer is None or producer is not self._producer:
            return
        log.warning("the producer failed and is replaced: %s", error)
        self._producer, self._failure = None, f"the producer failed ({error}) and is being replaced"
        self._spawn(self._replace(producer))

    async def _replace(self, old: AIOKafkaProducer) -> None:
        await _end(old)
        while True:
            try:
                self._producer = await self._started()
            except Exception as error:  # whatever it is: a gateway without a producer only refuses
                self._failure = f"no producer can be started: {error}"
                await asyncio.sleep(_RETRY_EVERY_S)
            else:
                self._failure = None
                return

    async def _started(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            **connection(self._settings, self._purpose),
            enable_idempotence=True,
            acks="all",
            max_batch_size=_BATCH_BYTES,
            max_request_size=self._largest + _HEADROOM,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
        )
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        return producer

    async def _probe(self) -> None:
        """While nothing else tells, ask the brokers for metadata: readiness must not need traffic."""
        while True:
            await asyncio.sleep(_PROBE_EVERY_S)
            producer = self._producer
            if producer is None or self._pending or _now() - self._heard < _PROBE_EVERY_S:
                continue
            answered = False
            with suppress(Exception):
                async with asyncio.timeout(_PROBE_ANSWER_S):
                    answered = bool(await asyncio.shield(producer.client.force_metadata_update()))
            self._unheard = None if answered else "no broker answers"

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _end(producer: AIOKafkaProducer) -> None:
    """Flush what can be flushed in a few seconds, fail the rest, close."""
    with suppress(TimeoutError, KafkaError):
        async with asyncio.timeout(_FLUSH_S):
            await producer.stop()
            return
    producer._message_accumulator.fail_all(KafkaError("the producer was closed before an acknowledgement"))
    with suppress(Exception):
        async with asyncio.timeout(_FLUSH_S):
            await producer._sender.close()
    with suppress(Exception):
        await producer.client.close()


def _now() -> float:
    return asyncio.get_running_loop().time()
