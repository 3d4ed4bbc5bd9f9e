"""Three real brokers, controllers among them: replication 3, two in sync, any one of them may be killed."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

from sla_stream.broker.java import find_java
from sla_stream.broker.kafka_jars import kafka_distribution
from sla_stream.broker.kept_process import KeptProcess
from sla_stream.broker.prepare import class_archive, format_directory, java_command
from sla_stream.broker.server import answers, free_ports, server_properties

NODES = 3
PATIENCE = 90.0


class ThreeBrokers:
    """A KRaft cluster on loopback; every node is broker and controller. A context manager."""

    def __init__(self) -> None:
        self._java = find_java()
        self._distribution = kafka_distribution(self._java, print)
        self._archive = class_archive(self._distribution, self._java, print)
        self._directory = Path(tempfile.mkdtemp(prefix="sla-stream-kafka3-"))
        ports = free_ports(2 * NODES)
        self._clients, self._controllers = ports[:NODES], ports[NODES:]
        self._processes: list[KeptProcess | None] = [None] * NODES

    @property
    def bootstrap(self) -> str:
        return ",".join(f"127.0.0.1:{port}" for port in self._clients)

    def start(self, node: int) -> None:
        """Start one node (0, 1, 2); does not wait."""
        home = self._directory / str(node)
        command = java_command(self._java, self._distribution, self._archive)
        command += ["kafka.Kafka", str(home / "server.properties")]
        self._processes[node] = KeptProcess(command, home / "server.log", remove=home)

    def stop(self, node: int) -> None:
        """SIGTERM: the node hands over what it leads, then ends."""
        process, self._processes[node] = self._processes[node], None
        if process is not None:
            process.stop()

    def kill(self, node: int) -> None:
        """SIGKILL."""
        process, self._processes[node] = self._processes[node], None
        if process is not None:
            process.kill()

    def wait(self, node: int) -> None:
        """Until a node answers."""
        deadline = time.monotonic() + PATIENCE
        while not answers(self._clients[node]):
            if time.monotonic() > deadline:
                log = (self._directory / str(node) / "server.log").read_text(errors="replace")[-3_000:]
                raise TimeoutError(f"broker {node} does not answer:\n{log}")
            time.sleep(0.1)

    def __enter__(self) -> ThreeBrokers:
        for node in range(NODES):
            self._prepare(node)
            self.start(node)
        for node in range(NODES):
            self.wait(node)
        return self

    def __exit__(self, *_: object) -> None:
        for node in range(NODES):
            self.kill(node)
        shutil.rmtree(self._directory, ignore_errors=True)

    def _prepare(self, node: int) -> None:
        home = self._directory / str(node)
        home.mkdir()
        data = home / "data"
        format_directory(data, self._distribution, self._java)
        self._rename(data / "meta.properties", node)
        own = server_properties((self._clients[node], self._controllers[node]), data) | {
            "node.id": str(node + 1),
            "controller.quorum.voters": ",".join(
                f"{number + 1}@127.0.0.1:{port}" for number, port in enumerate(self._controllers)
            ),
            "default.replication.factor": "3",
            "min.insync.replicas": "2",
            "offsets.topic.replication.factor": "3",
            "transaction.state.log.replication.factor": "3",
            "transaction.state.log.min.isr": "2",
            "replica.lag.time.max.ms": "5000",
        }
        text = "".join(f"{name}={value}\n" for name, value in own.items())
        (home / "server.properties").write_text(text)

    def _rename(self, meta: Path, node: int) -> None:
        """One cluster's id for all, a number of its own for each."""
        lines = meta.read_text().splitlines()
        if node == 0:
            self._cluster = next(line for line in lines if line.startswith("cluster.id="))
        kept = [line for line in lines if not line.startswith(("cluster.id=", "node.id="))]
        meta.write_text("\n".join([*kept, self._cluster, f"node.id={node + 1}", ""]))
