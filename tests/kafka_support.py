"""The real broker that tests run against, and topics of a test's own on it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from sla_stream.broker.local_kafka import LocalKafka
from sla_stream.formats.settings import Settings
from sla_stream.kafka.admin import Admin

TEST_KAFKA = "SLA_STREAM_TEST_KAFKA"


@contextmanager
def broker() -> Iterator[str]:
    """HOST:PORT of the broker that SLA_STREAM_TEST_KAFKA names, else of one started for the occasion."""
    if existing := os.environ.get(TEST_KAFKA):
        yield existing
        return
    with LocalKafka(progress=lambda line: print(line, flush=True)) as started:
        yield started.bootstrap


def fresh_prefix() -> str:
    return f"test-{secrets.token_hex(5)}-"


async def delete_topics(kafka: str, prefix: str) -> None:
    """The topics with the prefix, and no others."""
    assert prefix
    async with Admin(Settings(kafka=kafka)) as admin:
        await admin.delete([name for name in await admin.topic_names() if name.startswith(prefix)])
