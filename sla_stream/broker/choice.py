"""The best broker that this machine has for the demo: one that runs, a real one of our own, the embedded one."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from typing import Final, Protocol, Self

from sla_stream.broker.embedded import EmbeddedKafka
from sla_stream.broker.kafka_jars import Progress
from sla_stream.broker.local_kafka import LocalKafka
from sla_stream.errors import ConfigError
from sla_stream.formats.setting_values import servers
from sla_stream.formats.settings import Settings
from sla_stream.kafka.admin import Admin

TEST_KAFKA: Final = "SLA_STREAM_TEST_KAFKA"


class Broker(Protocol):
    """What the demo knows of a broker. All verbs block. `limits` is empty where there are none."""

    @property
    def name(self) -> str: ...

    @property
    def limits(self) -> str: ...

    @property
    def bootstrap(self) -> str: ...

    def start(self) -> Self:
        """Returns when clients can connect; ConfigError says what to install."""

    def close(self) -> None:
        """Ends what `start` began, and leaves nothing behind."""


class ExistingKafka:
    """A cluster that runs already; it is none of ours to start or stop."""

    name = "the cluster that SLA_STREAM_TEST_KAFKA names"
    limits = ""

    def __init__(self, bootstrap: str) -> None:
        try:
            self.bootstrap = servers(bootstrap)
        except ValueError as error:
            raise ConfigError(f"{TEST_KAFKA}: {error}") from None

    def start(self) -> Self:
        """ConfigError when it does not answer within 10 s."""
        try:
            asyncio.run(self._greet())
        except ConfigError as error:
            raise ConfigError(f"{TEST_KAFKA}: {str(error).removeprefix('kafka: ')}") from None
        return self

    async def _greet(self) -> None:
        async with Admin(Settings(kafka=self.bootstrap)):
            return

    def close(self) -> None:
        return


class FirstThatStarts:
    """Tries brokers in turn and then is the one that started."""

    def __init__(self, candidates: Sequence[Broker], progress: Progress) -> None:
        self._candidates = candidates
        self._progress = progress
        self._broker: Broker = candidates[0]

    @property
    def name(self) -> str:
        return self._broker.name

    @property
    def limits(self) -> str:
        return self._broker.limits

    @property
    def bootstrap(self) -> str:
        return self._broker.bootstrap

    def start(self) -> Self:
        """ConfigError with the reason of each when none can be had."""
        reasons: list[str] = []
        for candidate in self._candidates:
            self._broker = candidate
            try:
                candidate.start()
            except ConfigError as error:
                reasons.append(str(error))
                self._progress(str(error).splitlines()[0])
            else:
                return self
        raise ConfigError("\n".join(reasons))

    def close(self) -> None:
        self._broker.close()


def choose_broker(progress: Progress = lambda line: None, environment: Mapping[str, str] = os.environ) -> Broker:
    """The broker to use, not started yet: SLA_STREAM_TEST_KAFKA's, else Apache Kafka, else the embedded one."""
    if existing := environment.get(TEST_KAFKA):
        return ExistingKafka(existing)
    return FirstThatStarts([LocalKafka(progress=progress), EmbeddedKafka()], progress)
