"""Fixtures for all tests: a real broker (never skipped: without one the tests that need it fail) and a prefix."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from sla_stream.errors import ConfigError
from tests.kafka_support import broker, delete_topics, fresh_prefix

# How long an example takes says more about the machine than about the code. A build server must give the same answer
# twice; a person's machine keeps looking for new examples.
settings.register_profile(
    "sla", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=bool(os.environ.get("CI"))
)
settings.load_profile("sla")


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """Bootstrap servers of a real Apache Kafka, the same for the whole session."""
    try:
        running = broker()
        bootstrap = running.__enter__()
    except ConfigError as error:
        pytest.fail(str(error), pytrace=False)
    try:
        yield bootstrap
    finally:
        running.__exit__(None, None, None)


@pytest.fixture
def prefix(kafka: str) -> Iterator[str]:
    """A topic prefix of the test's own; whatever topics carry it afterwards are deleted."""
    chosen = fresh_prefix()
    yield chosen
    asyncio.run(delete_topics(kafka, chosen))
