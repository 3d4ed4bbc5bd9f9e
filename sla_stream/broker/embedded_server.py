"""The embedded broker as a process: prints HOST:PORT, serves until its standard input closes.

It is librdkafka's mock cluster, which lives as long as the client object that it was made with.
"""

from __future__ import annotations

import os
import sys

from confluent_kafka import Producer


def main() -> None:
    client = Producer({"bootstrap.servers": "mock", "test.mock.num.brokers": 1, "log_level": 0})
    broker = next(iter(client.list_topics(timeout=10).brokers.values()))
    print(f"{broker.host}:{broker.port}", flush=True)
    while os.read(0, 512):
        pass


if __name__ == "__main__":
    main()
    sys.stdout.flush()
