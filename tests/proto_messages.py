"""Protobuf schemas as a registry holds them, with values: made with protoc, as any producer would."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from tests.ingest_support import SmallRegistry, confluent

PEOPLE = """\
syntax = "proto3";
package crm.people;
message Person { string name = 1; }
"""
TICKETS = """\
syntax = "proto3";
package crm;
import "google/protobuf/timestamp.proto";
import "crm/people.proto";
message Note { string text = 1; }
message Outer {
  enum What { NOTHING = 0; OPENED = 1; CLOSED = 2; }
  message Inner { string unused = 1; }
  message Ticket {
    int64 id = 1;
    What what = 2;
    google.protobuf.Timestamp at = 3;
    string prio = 4;
    crm.people.Person customer = 5;
  }
}
"""


@dataclass
class Proto:
    """Values of the topic, and how the refusals of the bad ones begin."""

    good: list[bytes]
    bad: list[bytes]
    refusals: list[str]


def message_class(name: str) -> Any:
    """A class of TICKETS or PEOPLE."""
    with tempfile.TemporaryDirectory() as folder:
        for path, text in (("crm/people.proto", PEOPLE), ("tickets.proto", TICKETS)):
            target = Path(folder) / path
            target.parent.mkdir(exist_ok=True)
            target.write_text(text)
        command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{folder}", "--include_imports"]
        subprocess.run([*command, f"--descriptor_set_out={folder}/out", "tickets.proto"], check=True)
        files = descriptor_pb2.FileDescriptorSet.FromString((Path(folder) / "out").read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


def ticket_changed(registry: SmallRegistry, number: int) -> Proto:
    """Registers the schemas, the tickets' under `number`."""
    registry.subjects["people", "1"] = {"schemaType": "PROTOBUF", "schema": PEOPLE}
    registry.register(number, "PROTOBUF", TICKETS, [{"name": "crm/people.proto", "subject": "people", "version": 1}])
    registry.register(number + 1, "PROTOBUF", "message Broken {")
    ticket = message_class("crm.Outer.Ticket")(id=700, what=1)
    ticket.at.seconds, ticket.at.nanos = 1_772_442_000, 250_000_000
    ticket.customer.name = "Grace"
    nested = bytes([4, 2, 2])  # two indexes, 1 and 1, zigzag
    payload = ticket.SerializeToString()
    return Proto(
        good=[confluent(number, payload, nested)],
        bad=[
            confluent(number, payload[:-2], nested),
            confluent(number, payload, bytes([4, 2, 18])),
            confluent(number, b"", bytes([255])),
            confluent(number + 1, payload, bytes([0])),
        ],
        refusals=[
            f"value: protobuf schema {number}: not a crm.Outer.Ticket of it: ",
            f"value: protobuf schema {number}: it has no message at [1, 9]",
            "value: the message indexes after the schema's number end too soon",
            f"value: protobuf schema {number + 1}: it is no Protobuf schema: ",
        ],
    )
