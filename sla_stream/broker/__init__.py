"""A Kafka on this machine for the demo, the tests and the benches; production brings its own."""

from __future__ import annotations

from sla_stream.broker.choice import Broker, choose_broker
from sla_stream.broker.local_kafka import LocalKafka
from sla_stream.broker.server import Listener

__all__ = ["Broker", "Listener", "LocalKafka", "choose_broker"]
