"""A real Apache Kafka on this machine: one KRaft node on loopback, for the demo, the tests and the benches."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from sla_stream.broker.java import Java, find_java
from sla_stream.broker.kafka_jars import Distribution, Progress, kafka_distribution
from sla_stream.broker.kept_process import KeptProcess
from sla_stream.broker.prepare import class_archive, format_directory, java_command
from sla_stream.broker.server import Listener, answers, free_ports, is_free, server_properties
from sla_stream.errors import ConfigError

_START_DEADLINE_S: Final = 60.0


class LocalKafka:
    """Starts, stops, kills and restarts one broker; its data is in a directory of its own and goes with `close`.

    `port`: a fixed one, else a free one is chosen at the first start and kept over restarts.
    `properties`: server properties that override or extend the usual ones. `listeners`: further ports for clients, a
    secured one say; `address(name)` tells where. `progress` takes lines for a person.
    Blocking; async code calls it through `asyncio.to_thread`. As a context manager it starts and closes.
    """

    limits = ""

    def __init__(
        self,
        port: int | None = None,
        properties: Mapping[str, str] | None = None,
        progress: Progress = lambda line: None,
        listeners: Sequence[Listener] = (),
    ) -> None:
        self._fixed_port = port
        self._listeners = tuple(listeners)
        self._listener_ports: list[int] = []
        self._ports: tuple[int, int] | None = None
        self._properties = dict(properties or {})
        self._progress = progress
        self._java: Java | None = None
        self._distribution: Distribution | None = None
        self._directory: Path | None = None
        self._process: KeptProcess | None = None

    @property
    def name(self) -> str:
        version = self._distribution.version if self._distribution else ""
        return f"Apache Kafka {version}".strip()

    @property
    def bootstrap(self) -> str:
        """HOST:PORT for clients; known from the first start on."""
        if self._ports is None:
            raise RuntimeError("the broker was never started")
        return f"127.0.0.1:{self._ports[0]}"

    def address(self, listener: str) -> str:
        """HOST:PORT of one of the further `listeners`, by its name; known from the first start on."""
        for one, port in zip(self._listeners, self._listener_ports, strict=True):
            if one.name == listener:
                return f"{one.host}:{port}"
        raise KeyError(listener)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.running

    @property
    def pid(self) -> int:
        """Process id of the broker itself."""
        if self._process is None:
            raise RuntimeError("the broker is not running")
        return self._process.pid

    @property
    def log(self) -> str:
        """What the broker wrote so far: warnings and errors."""
        path = self._directory / "server.log" if self._directory else None
        return path.read_text(errors="replace") if path and path.exists() else ""

    def start(self) -> Self:
        """Returns when the broker answers. ConfigError when it cannot be had or does not come up."""
        if self.running:
            return self
        self._java = self._java or find_java()
        self._distribution = self._distribution or kafka_distribution(self._java, self._progress)
        archive = class_archive(self._distribution, self._java, self._progress)
        directory = self._prepare_directory(self._java, self._distribution)
        command = java_command(self._java, self._distribution, archive)
        command += ["kafka.Kafka", str(directory / "server.properties")]
        self._process = KeptProcess(command, directory / "server.log", remove=directory)
        if self._wait_until_it_answers():
            return self
        words = [line for line in self.log.splitlines() if line.strip() and not line.startswith("\tat ")]
        lines = "\n".join(f"  {line[:300]}" for line in words[-6:])
        self.close()
        raise ConfigError(f"the local Apache Kafka did not start; its last words:\n{lines}")

    def stop(self) -> None:
        """An orderly end (SIGTERM); the data stays for a restart."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def kill(self) -> None:
        """kill -9; the data stays for a restart."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def restart(self) -> Self:
        """Stop if it runs, and start on the same port with the same data."""
        self.stop()
        return self.start()

    def close(self) -> None:
        """Stop and remove the data."""
        self.stop()
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _prepare_directory(self, java: Java, distribution: Distribution) -> Path:
        if self._ports is None:
            client, controller, *self._listener_ports = free_ports(2 + len(self._listeners))
            self._ports = (self._fixed_port or client, controller)
        for port in (*self._ports, *self._listener_ports):  # else whoever is there would answer in our place
            if not is_free(port):
                raise ConfigError(f"port {port} of 127.0.0.1 is in use; the local Apache Kafka needs it")
        if self._directory is None:
            self._directory = Path(tempfile.mkdtemp(prefix="sla-stream-kafka-"))
            format_directory(self._directory / "data", distribution, java)
        listeners = list(zip(self._listeners, self._listener_ports, strict=True))
        properties = server_properties(self._ports, self._directory / "data", listeners) | self._properties
        text = "".join(f"{name}={value}\n" for name, value in properties.items())
        path = self._directory / "server.properties"
        path.touch(mode=0o600)  # it may hold passwords
        path.write_text(text)
        return self._directory

    def _wait_until_it_answers(self) -> bool:
        assert self._ports is not None
        deadline = time.monotonic() + _START_DEADLINE_S
        while self.running and time.monotonic() < deadline:
            if answers(self._ports[0]):
                return True
            time.sleep(0.03)
        return False
