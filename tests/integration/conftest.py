"""A secured Kafka for the session, started by the first test that asks for it, and topics of a test's own on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sla_stream.kafka.admin import Admin
from sla_stream.kafka.topics import wanted_topics
from tests.kafka_support import fresh_prefix
from tests.worker_support import Cluster

if TYPE_CHECKING:
    from tests.secured_support import SecuredKafka


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    """Always one of our own: nobody else's cluster has these users and certificates."""
    from tests.secured_support import secured_kafka

    with secured_kafka(tmp_path_factory.mktemp("secured")) as kafka:
        yield kafka


@pytest.fixture
async def secured_cluster(secured: SecuredKafka, tmp_path: Path) -> AsyncIterator[Cluster]:
    """Topics with two partitions under a prefix of the test's own; nobody but root has rights to them."""
    made = Cluster(secured.address("SASL"), fresh_prefix(), tmp_path, partitions=2)
    wanted = wanted_topics(secured.root(made.settings))
    async with Admin(secured.root(made.settings)) as admin:
        await admin.create(wanted)
        await admin.wait_for_leaders({topic.name: topic.partitions for topic in wanted})
        yield made
        secured.revoke_all()
        await admin.delete([topic.name for topic in wanted])
