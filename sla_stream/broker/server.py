"""The server's side of a local broker: its properties, its ports, and whether it answers."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

_API_VERSIONS_REQUEST: Final = struct.pack(">ihhih5s", 15, 18, 0, 1, 5, b"probe")

_PROPERTIES: Final = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "offsets.topic.num.partitions": "4",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    # a lone node that was killed waits for its own old registration to end: 4 s with these instead of 11 s
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "500",
}


@dataclass(frozen=True, slots=True)
class Listener:
    """A further port for clients: its name, Kafka's word for its security, and properties of its own.

    `host` is what the broker tells clients to connect to; it listens on loopback in any case.
    """

    name: str
    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
    properties: Mapping[str, str] = field(default_factory=dict)
    host: str = "127.0.0.1"


def server_properties(
    ports: tuple[int, int], data: Path, listeners: Sequence[tuple[Listener, int]] = ()
) -> dict[str, str]:
    """The usual properties for (client port, controller port), a data directory, and further listeners with ports."""
    client, controller = ports
    clients = [f"PLAINTEXT://127.0.0.1:{client}", *(f"{one.name}://127.0.0.1:{port}" for one, port in listeners)]
    advertised = [clients[0], *(f"{one.name}://{one.host}:{port}" for one, port in listeners)]
    protocols = [_PROPERTIES["listener.security.protocol.map"], *(f"{one.name}:{one.protocol}" for one, _ in listeners)]
    own = {
        f"listener.name.{one.name.lower()}.{name}": value
        for one, _ in listeners
        for name, value in one.properties.items()
    }
    return (
        _PROPERTIES
        | {
            "listeners": ",".join([*clients, f"CONTROLLER://127.0.0.1:{controller}"]),
            "advertised.listeners": ",".join(advertised),
            "listener.security.protocol.map": ",".join(protocols),
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "log.dirs": str(data),
        }
        | own
    )


def answers(port: int) -> bool:
    """Whether a Kafka broker on loopback answers an ApiVersions request."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as connection:
        connection.settimeout(5)
        connection.sendall(_API_VERSIONS_REQUEST)
        head = connection.recv(8)
        return len(head) == 8 and head[4:] == struct.pack(">i", 1)
    return False


def is_free(port: int) -> bool:
    """Whether a server could listen on the port of loopback."""
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that linger are no obstacle
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on right now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
