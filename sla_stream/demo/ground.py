"""The ground that the demo stands on: a broker, topics of its own under a random prefix, a temporary directory."""

from __future__ import annotations

import asyncio
import secrets
import socket
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from sla_stream.broker import Broker, choose_broker
from sla_stream.broker.choice import ExistingKafka
from sla_stream.demo.options import Options
from sla_stream.formats.settings import Settings, load_settings
from sla_stream.kafka.admin import Admin
from sla_stream.kafka.feed import delete_group
from sla_stream.kafka.topics import wanted_topics

PARTITIONS: Final = 4

LIVE_HOLD: Final = "500ms"
"""The history knows minutes, so deadlines and what meets them fall on the same one; the feeder is a little later."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Ground:
    """`config` is the settings as a file, for the worker process."""

    settings: Settings
    directory: Path
    config: Path


@asynccontextmanager
async def lay_ground(options: Options, say: Say) -> AsyncIterator[Ground]:
    """Broker up and topics made; both gone afterwards, whatever happened in between."""
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sla-stream-demo-")))
        broker = await _start_broker(stack, say)
        config = write_config(directory, broker.bootstrap, options)
        settings = load_settings(str(config), {}, {})
        if isinstance(broker, ExistingKafka):  # one of our own takes everything with it
            stack.push_async_callback(_remove, settings)
        await _make_topics(settings)
        yield Ground(settings, directory, config)


async def _start_broker(stack: AsyncExitStack, say: Say) -> Broker:
    """A broker that answers."""
    broker = choose_broker(progress=say)
    stack.push_async_callback(asyncio.to_thread, broker.close)
    await asyncio.to_thread(broker.start)
    meaning = broker.limits or "a real one: transactions, fencing and compaction are as in production"
    say(f"broker: {broker.name} at {broker.bootstrap} ({meaning})")
    return broker


async def _make_topics(settings: Settings) -> None:
    """Topics that keep the timestamps of the history and lose nothing to retention."""
    topics = wanted_topics(settings, virtual_clock=True)
    async with Admin(settings) as admin:
        await admin.create(topics)
        await admin.wait_for_leaders({topic.name: topic.partitions for topic in topics})


async def _remove(settings: Settings) -> None:
    async with Admin(settings) as admin:
        await admin.delete([topic.name for topic in wanted_topics(settings)])
    await delete_group(settings, settings.group_id)


def write_config(directory: Path, bootstrap: str, options: Options) -> Path:
    """The worker's settings file (JSON is YAML too)."""
    config = directory / "worker.yaml"
    chosen: dict[str, str | int] = {
        "kafka": bootstrap,
        "app_id": "worker",
        "topic_prefix": f"sla-demo-{secrets.token_hex(4)}-",
        "partitions": PARTITIONS,
        "policies": str(options.policies.resolve()),
        "listen": f"127.0.0.1:{free_port()}",
        "data_dir": str(directory),
        "session_timeout": "6s",
    }
    if options.live:
        chosen["hold_for"] = LIVE_HOLD
    config.write_bytes(orjson.dumps(chosen, option=orjson.OPT_INDENT_2))
    return config


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
