"""What a worker refuses to start with: exit 2 and a sentence that says what to do, before anything is consumed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from sla_stream.errors import ConfigError, RetryableError
from sla_stream.formats.settings import Settings
from sla_stream.kafka.admin import Admin
from sla_stream.kafka.topics import WantedTopic, wanted_topics
from sla_stream.worker.topic_check import check_topics
from tests.worker_support import Cluster, WorkerProcess, created, eventually, traffic, workers

pytestmark = pytest.mark.kafka


@pytest.fixture
async def cluster(kafka: str, prefix: str, tmp_path: Path) -> AsyncIterator[Cluster]:
    yield await Cluster(kafka, prefix, tmp_path, partitions=2).create()


async def made_anew(settings: Settings, topic: WantedTopic) -> None:
    async with Admin(settings) as admin:
        await admin.delete([topic.name])
        await admin.create([topic])
        await admin.wait_for_leaders({topic.name: topic.partitions})


def wanted(settings: Settings, role: str) -> WantedTopic:
    return next(topic for topic in wanted_topics(settings) if topic.role == role)


async def refusal(settings: Settings) -> str:
    with pytest.raises(ConfigError) as caught:
        await check_topics(settings)
    return str(caught.value)


async def test_the_right_cluster_is_accepted(cluster: Cluster) -> None:
    facts = await check_topics(cluster.settings)
    assert facts.partitions["ticket_events"] == facts.partitions["changelog"] == 2


async def test_a_process_ends_with_2_and_reads_nothing(cluster: Cluster) -> None:
    async with traffic(cluster) as send:
        await send.send(*created(send, ["T-1"]))
    process = WorkerProcess(cluster, "--kafka-cluster-id=abc")
    with workers(process):
        assert await process.ended() == 2
    (line,) = process.lines
    assert line["text"].startswith(f"kafka: cannot use the cluster: {cluster.kafka}: this is cluster ")
    assert line["text"].endswith(", expected abc; connect to the right one, or change kafka_cluster_id")
    assert await cluster.committed() == {}


async def test_a_cluster_with_none_of_our_topics(kafka: str) -> None:
    said = await refusal(Settings(kafka=kafka, topic_prefix="nobodys-"))
    assert "has no topic nobodys-sla.ticket-events.v1, " in said
    assert "(it has none of them: is it the right cluster, and the right topic_prefix?)" in said
    assert said.endswith("expected all topics to exist: `sla-stream topics create` makes them")


async def test_a_missing_topic(cluster: Cluster) -> None:
    name = cluster.settings.topic("late")
    async with Admin(cluster.settings) as admin:
        await admin.delete([name])
    said = await refusal(cluster.settings)
    assert said == (
        f"kafka: {cluster.kafka} has no topic {name}; expected all topics to exist: `sla-stream topics create` makes "
        "them"
    )


async def test_a_changelog_of_another_size(cluster: Cluster) -> None:
    changelog = wanted(cluster.settings, "changelog")
    await made_anew(cluster.settings, replace(changelog, partitions=3))
    said = await refusal(cluster.settings)
    assert (
        f"{cluster.settings.topic('ticket_events')} has 2 partitions and {changelog.name} has 3; expected the" in said
    )


@pytest.mark.parametrize(
    ("role", "found", "expected"),
    [
        ("changelog", "delete", "compact"),
        ("timers", "compact,delete", "compact"),
        ("ticket_events", "compact", "delete"),
    ],
)
async def test_a_cleanup_policy_that_would_lose_records(cluster: Cluster, role: str, found: str, expected: str) -> None:
    topic = wanted(cluster.settings, role)
    async with Admin(cluster.settings) as admin:
        await admin.set_config(topic.name, {"cleanup.policy": found})

    async def refused() -> bool:
        try:
            await check_topics(cluster.settings)
        except ConfigError as error:
            return str(error) == (
                f"topic {topic.name}: cleanup.policy: found {found}, expected {expected}: records would be lost "
                "(`sla-stream topics create --alter` puts it right)"
            )
        return False

    await eventually(refused, "the refusal")  # a broker hears of a changed config a moment later
    async with Admin(cluster.settings) as admin:
        await admin.set_config(topic.name, topic.config)

    async def accepted() -> bool:
        try:
            await check_topics(cluster.settings)
        except ConfigError:
            return False
        return True

    await eventually(accepted, "the topic to be right again")


async def test_two_applications_with_one_id(cluster: Cluster) -> None:
    """While the other runs, and after it has ended; its own second worker is welcome."""
    settings = cluster.settings
    second = replace(settings, topic_ticket_events="other-events")
    async with Admin(settings) as admin:
        await admin.create([wanted(second, "ticket_events")])
        await admin.wait_for_leaders({second.topic("ticket_events"): 2})
    process = WorkerProcess(cluster)
    with workers(process):
        await process.ready()
        said = await refusal(second)
        assert said.startswith(
            f"app_id: group {settings.group_id} belongs to topic {settings.topic('ticket_events')} "
            f"({settings.group_id}-worker at "
        )
        assert f"and not to {second.topic('ticket_events')}; two applications must not share an app_id" in said
        await check_topics(settings)
        async with traffic(cluster) as send:
            await send.send(*created(send, ["T-1"]))

        async def committed() -> bool:
            return bool(await cluster.committed())

        await eventually(committed, "a commit")
        code, _ = await process.stop()
        assert code == 0
    assert "(it has committed offsets there)" in await refusal(second)
    assert "--delete-offsets" in await refusal(second)
    await check_topics(settings)


async def test_no_answer_is_left_to_the_supervisor(unused_tcp_port: int) -> None:
    with pytest.raises(RetryableError, match="connection refused"):
        await check_topics(Settings(kafka=f"127.0.0.1:{unused_tcp_port}"))
