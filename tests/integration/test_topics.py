"""Topics on a real cluster: made with their settings, compared, changed, deleted."""

from __future__ import annotations

import pytest

from sla_stream.errors import ConfigError
from sla_stream.formats.settings import Settings
from sla_stream.kafka.admin import Admin, differences
from sla_stream.kafka.topics import WantedTopic, wanted_topics

pytestmark = pytest.mark.kafka


async def test_made_once_with_all_their_settings_and_led(kafka: str, prefix: str) -> None:
    settings = Settings(kafka=kafka, topic_prefix=prefix, partitions=3)
    wanted = wanted_topics(settings)
    async with Admin(settings) as admin:
        assert sorted(await admin.create(wanted)) == sorted(topic.name for topic in wanted)
        await admin.wait_for_leaders({topic.name: topic.partitions for topic in wanted})
        assert await admin.create(wanted) == []
        found = await admin.describe([topic.name for topic in wanted])
        default = await admin.default_replication()
    assert {name: differences(topic, found[topic.name], default) for topic in wanted for name in [topic.name]} == {
        topic.name: [] for topic in wanted
    }
    events = found[settings.topic("ticket_events")]
    assert events.config["message.timestamp.type"] == "LogAppendTime"
    assert events.config["retention.ms"] == "34560000000"
    assert events.leaders.keys() == {0, 1, 2}
    assert -1 not in events.leaders.values()
    assert found[settings.topic("changelog")].config["cleanup.policy"] == "compact"


async def test_a_virtual_clock_needs_topics_that_keep_the_past(kafka: str, prefix: str) -> None:
    settings = Settings(kafka=kafka, topic_prefix=prefix, partitions=1, timers_topic=False)
    wanted = wanted_topics(settings, virtual_clock=True)
    assert "timers" not in [topic.role for topic in wanted]
    async with Admin(settings) as admin:
        await admin.create(wanted)
        found = await admin.describe([topic.name for topic in wanted if topic.role != "clock"])
    for topic in found.values():
        assert topic.config["message.timestamp.type"] == "CreateTime"
        assert topic.config["retention.ms"] == "-1"


async def test_every_difference_is_named_and_configs_can_be_put_right(kafka: str, prefix: str) -> None:
    settings = Settings(kafka=kafka, topic_prefix=prefix)
    name = settings.topic("outcomes")
    odd = {"retention.ms": "1000", "max.message.bytes": "2000000"}
    wanted = next(topic for topic in wanted_topics(settings) if topic.role == "outcomes")
    async with Admin(settings) as admin:
        await admin.create([WantedTopic("outcomes", name, 2, 1, odd)])
        await admin.wait_for_leaders({name: 2})
        assert differences(wanted, (await admin.describe([name]))[name], 1) == [
            "partitions: found 2, expected 8",
            "retention.ms: found 1000, expected 34560000000",
        ]
        await admin.set_config(name, wanted.config)
        found = (await admin.describe([name]))[name]
    assert differences(wanted, found, 1) == ["partitions: found 2, expected 8"]
    assert found.config["max.message.bytes"] == "2000000"  # set by somebody else, and kept


async def test_asking_about_a_topic_does_not_make_it_and_deleting_waits(kafka: str, prefix: str) -> None:
    settings = Settings(kafka=kafka, topic_prefix=prefix)
    name = f"{prefix}a"
    async with Admin(settings) as admin:
        assert await admin.describe([name]) == {}
        await admin.create([WantedTopic("late", name, 1, 1)])
        assert name in await admin.topic_names()
        await admin.delete([name, f"{prefix}never-there"])
        assert name not in await admin.topic_names()


async def test_the_brokers_reasons_are_passed_on(kafka: str, prefix: str) -> None:
    settings = Settings(kafka=kafka, topic_prefix=prefix)
    async with Admin(settings) as admin:
        with pytest.raises(ConfigError) as caught:
            await admin.create(
                [
                    WantedTopic("late", f"{prefix}a", 1, 3),
                    WantedTopic("late", f"{prefix}b", 1, 1, {"retention.ms": "soon"}),
                ]
            )
    first, second = str(caught.value).splitlines()
    assert first.startswith(f"topic {prefix}a: the broker refuses to make it: ")
    assert "soon" in second


async def test_nobody_there(unused_tcp_port: int) -> None:
    with pytest.raises(
        ConfigError, match=f"kafka: cannot use the cluster: 127.0.0.1:{unused_tcp_port}: connection refused"
    ):
        async with Admin(Settings(kafka=f"127.0.0.1:{unused_tcp_port}")):
            raise AssertionError("reached what is not there")
