"""Commands with the rights that docs/security.md gives them: enough, and needed; and the page against the code."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from sla_stream.cli.main import main
from sla_stream.formats.settings import Settings
from sla_stream.kafka.admin import Admin
from sla_stream.kafka.clients import connection
from sla_stream.kafka.rights import (
    Right,
    consumer_rights,
    creator_rights,
    pusher_rights,
    reader_rights,
    retrier_rights,
    verifier_rights,
    worker_rights,
)
from sla_stream.kafka.topics import wanted_topics
from tests.kafka_support import fresh_prefix
from tests.secured_support import PASSWORDS, SecuredKafka
from tests.worker_support import ROOT, Cluster, Traffic

pytestmark = pytest.mark.kafka

PAGE = ROOT / "docs" / "security.md"


class Console:
    """Runs commands in this process as one user; `said` is what the last one wrote, on both outputs."""

    def __init__(self, secured: SecuredKafka, user: str, directory: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.secured = secured
        self.said = ""
        self._flags = secured.flags(user, directory)
        self._capfd = capfd

    async def run(self, *words: str) -> int:
        code = await asyncio.to_thread(main, [*words, *self._flags])
        self.said = "".join(reversed(self._capfd.readouterr()))
        assert not [secret for secret in PASSWORDS.values() if secret in self.said]
        return code


async def test_making_topics(secured: SecuredKafka, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    prefix = fresh_prefix()
    settings = Settings(topic_prefix=prefix)
    names = [topic.name for topic in wanted_topics(settings)]
    rights = creator_rights(settings, names)
    creator = Console(secured, "creator", tmp_path, capfd)
    create, check = (("topics", verb, "--partitions=1", f"--topic-prefix={prefix}") for verb in ("create", "check"))
    try:
        secured.grant("creator", [one for one in rights if one.kind != "cluster"])
        assert await creator.run(*create) == 2
        assert creator.said.startswith("kafka: User:creator lacks DescribeConfigs on the cluster; grant it: ")
        assert await creator.run(*create, "--replication=1") == 0, "who says how many copies needs not ask"
        secured.grant("creator", rights)
        assert await creator.run(*create) == 0
        assert await creator.run(*check) == 0
        for lost in (Right("Describe", "topic", names[0]), Right("DescribeConfigs", "topic", names[0])):
            secured.revoke("creator", lost)
            assert await creator.run(*check) == 2
            assert creator.said.startswith(f"kafka: User:creator lacks {lost}; grant it: ")
            secured.grant("creator", [lost])
            assert await creator.run(*check) == 0
        more = (*create, "--topic-late=other")
        assert await creator.run(*more) == 2
        assert creator.said.startswith(f"kafka: User:creator lacks Describe on topic {prefix}other; grant it: ")
        secured.grant("creator", [Right("Describe", "topic", f"{prefix}other")])
        assert await creator.run(*more) == 2
        assert creator.said.splitlines()[-1].startswith(f"kafka: User:creator lacks Create on topic {prefix}other; ")
    finally:
        secured.revoke_all()
        async with Admin(secured.root(settings)) as admin:
            await admin.delete(names)


async def enough_and_needed(console: Console, user: str, rights: list[Right], code: int, *words: str) -> None:
    """With the rights the command ends with `code`; without the first or the last with 2, and it says which."""
    for one in {rights[0], rights[-1]}:
        console.secured.revoke_all()
        console.secured.grant(user, [each for each in rights if each != one])
        assert await console.run(*words) == 2
        assert console.said.startswith(f"kafka: User:{user} lacks {one}; grant it: kafka-acls.sh --bootstrap-server ")
        assert console.said.count("\n") == 1
    console.secured.grant(user, rights)
    assert await console.run(*words) == code, console.said


async def test_looking_back(
    secured: SecuredKafka, secured_cluster: Cluster, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = secured_cluster.settings
    async with AIOKafkaProducer(**connection(secured.root(settings), "test")) as producer:
        traffic = Traffic(secured_cluster, producer)
        await traffic.send(traffic.event("T-1", "1", "created"))
    reader = Console(secured, "reader", tmp_path, capfd)
    prefix, policies = f"--topic-prefix={settings.topic_prefix}", f"--policies={settings.policies}"
    events, letters = settings.topic("ticket_events"), settings.topic("dead_letters")
    all_marks = reader_rights(letters, settings.topic("retries"))
    for rights, code, words in (
        (reader_rights(events), 0, ("replay", "--topic", policies, "--out=summary", prefix)),
        (reader_rights(settings.topic("timers")), 0, ("tickets", "list", prefix)),
        (reader_rights(events), 1, ("sources", "check", "--mapping=own-queue", f"--topic={events}")),
        (all_marks, 0, ("dlq", "list", prefix)),
        ([*reader_rights(letters), *retrier_rights(settings)], 0, ("dlq", "retry", "--all", prefix)),
        (verifier_rights(settings), 0, ("verify", "--topic", policies, prefix)),
    ):
        await enough_and_needed(reader, "reader", rights, code, *words)


async def test_publishing_policies(
    secured: SecuredKafka, secured_cluster: Cluster, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = secured_cluster.settings
    pusher = Console(secured, "pusher", tmp_path, capfd)
    words = ("policy", "push", "--yes", f"--policies={settings.policies}", f"--topic-prefix={settings.topic_prefix}")
    await enough_and_needed(pusher, "pusher", pusher_rights(settings), 0, *words)
    assert "published set 1 of" in pusher.said


async def test_a_consumer_of_ones_own(secured: SecuredKafka, secured_cluster: Cluster) -> None:
    settings = secured.by_password(secured_cluster.settings, "reader")
    topic, group = settings.topic("breaches"), f"{settings.topic_prefix}pager"
    secured.grant("reader", consumer_rights(topic, group))
    async with AIOKafkaProducer(**connection(secured.root(settings), "test")) as producer:
        await producer.send_and_wait(topic, b"{}", key=b"T-1", partition=0)
    consumer = AIOKafkaConsumer(
        topic, group_id=group, isolation_level="read_committed", auto_offset_reset="earliest", enable_auto_commit=False,
        **connection(settings, "pager"),
    )  # fmt: skip
    try:
        await consumer.start()
        assert (await asyncio.wait_for(consumer.getone(), 20)).key == b"T-1"
        await consumer.commit()
    finally:
        await consumer.stop()


def documented() -> dict[str, set[str]]:
    """Command to the rights that the page's table gives it, as `str(Right)` under default settings."""
    found: dict[str, set[str]] = {}
    command = ""
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("| ") or len(cells) != 3:
            continue
        command = cells[0] or command
        for operation in re.findall(r"[A-Z]\w+", cells[1]):
            for resource in re.findall(r"(topic|group|transactional-id) `([^`]+)`|(the cluster)", cells[2]):
                kind = f"{resource[0]} {resource[1]}" if resource[0] else resource[2]
                found.setdefault(command, set()).add(f"{operation} on {kind}")
    return found


def test_the_page_says_what_the_commands_ask_for() -> None:
    settings = Settings()
    topics = [topic.name for topic in wanted_topics(settings)]
    pages = documented()
    assert pages["`run`"] == {str(one) for one in worker_rights(settings, 2)}
    assert pages["`policy push`"] == {str(one) for one in pusher_rights(settings)}
    assert pages["`verify --topic`"] == {str(one) for one in verifier_rights(settings)}
    assert pages["`dlq retry`, `late retry`"] == {str(one) for one in retrier_rights(settings)}
    assert pages["a consumer of yours"] == {str(one) for one in consumer_rights("sla.breaches.v1", "pager")}
    operations = {one.operation for one in creator_rights(settings, topics) if one.kind == "topic"}
    assert pages["`topics create`, `topics check`"] == {
        "DescribeConfigs on the cluster",
        *(f"{operation} on topic {prefix}*" for operation in operations for prefix in ("sla.", "sla-stream-")),
    }
    assert all(topic.startswith(("sla.", "sla-stream-")) for topic in topics)
