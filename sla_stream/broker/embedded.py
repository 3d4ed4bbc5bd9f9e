"""The broker for machines without Java: librdkafka's mock cluster, out of the `confluent-kafka` package.

Good enough to watch the pipeline at work; it proves nothing about exactly-once.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from importlib.util import find_spec
from types import TracebackType
from typing import Final, Self

from sla_stream.errors import ConfigError

PARTITIONS: Final = 4
"""The embedded broker makes every topic with so many partitions, at its first mention."""


class EmbeddedKafka:
    """Same verbs as `LocalKafka`, in a child process that ends with us. A restart forgets everything."""

    name = "the embedded broker (librdkafka's mock cluster)"
    limits = (
        "it keeps the last 5 MB of each partition in memory, compacts nothing and fences nobody: fine for a look, "
        "no evidence for exactly-once; with Java 17 and Maven, or SLA_STREAM_TEST_KAFKA, a real one is used"
    )

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._bootstrap: str | None = None

    @property
    def bootstrap(self) -> str:
        """HOST:PORT for clients, from the first start on."""
        if self._bootstrap is None:
            raise RuntimeError("the broker was never started")
        return self._bootstrap

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> Self:
        """Returns when clients can connect. ConfigError without the `confluent-kafka` package."""
        if self.running:
            return self
        if find_spec("confluent_kafka") is None:
            raise ConfigError("the embedded broker needs the confluent-kafka package: pip install 'sla-stream[demo]'")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sla_stream.broker.embedded_server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,  # a Ctrl-C on the terminal is for us alone
        )
        assert self._process.stdout is not None
        self._bootstrap = self._process.stdout.readline().strip()
        if not self._bootstrap:
            self.close()
            raise ConfigError("the embedded broker did not start (the confluent-kafka package has no mock cluster)")
        return self

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def restart(self) -> Self:
        self.stop()
        return self.start()

    def close(self) -> None:
        self.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process = None
