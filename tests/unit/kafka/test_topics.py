"""The topic files against the settings and the documentation, and what they become on a cluster."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from sla_stream.formats.settings import OTHER_TOPIC_ROLES, Settings
from sla_stream.kafka.admin import FoundTopic, differences
from sla_stream.kafka.topics import ROLES, WantedTopic, topic_file, wanted_topic, wanted_topics

DAY = 86_400_000
ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("role", ROLES)
def test_a_file_names_the_topic_that_the_settings_name(role: str) -> None:
    file = topic_file(role)  # type: ignore[arg-type]
    settings = Settings()
    assert file["topic"].format(app_id=settings.app_id) == settings.topic(role)  # type: ignore[arg-type]
    assert file.keys() - {"schema"} == {"topic", "description", "flow", "key", "partitions", "config"}


def test_there_is_a_file_for_each_role_and_no_other() -> None:
    names = {path.name for path in files("sla_stream.kafka").joinpath("topics").iterdir()}
    assert names == {f"{role}.yaml" for role in ROLES}


def test_people_find_the_same_files_under_schemas() -> None:
    shown = {path.name: path.read_text() for path in (ROOT / "schemas" / "topics").glob("*.yaml")}
    assert shown == {
        path.name: path.read_text(encoding="utf-8") for path in files("sla_stream.kafka").joinpath("topics").iterdir()
    }


def test_what_is_promised_about_retention_compaction_and_time() -> None:
    config = {role: wanted_topic(Settings(), role).config for role in ROLES}
    for role in ("ticket_events", "warnings", "breaches", "outcomes", "retries"):
        assert config[role]["retention.ms"] == str(400 * DAY)
    for role in ("late", "dead_letters"):
        assert config[role]["retention.ms"] == str(30 * DAY)
    compacted = [role for role in ROLES if config[role]["cleanup.policy"] == "compact"]
    assert compacted == ["timers", "changelog", "policies"]
    stamped = [role for role in ROLES if config[role]["message.timestamp.type"] == "LogAppendTime"]
    assert stamped == ["ticket_events", "clock", "policies"]


def test_sizes_come_from_the_settings() -> None:
    wanted = {topic.role: topic for topic in wanted_topics(Settings(partitions=24, replication=3, topic_prefix="x."))}
    assert {topic.partitions for role, topic in wanted.items() if role not in OTHER_TOPIC_ROLES} == {24}
    assert {wanted[role].partitions for role in OTHER_TOPIC_ROLES} == {1}
    assert {topic.replication for topic in wanted.values()} == {3}
    assert all(topic.name.startswith("x.") for topic in wanted.values())
    assert "timers" not in {topic.role for topic in wanted_topics(Settings(timers_topic=False))}


@pytest.mark.parametrize(
    ("replication", "default", "copies", "quorum"),
    [(None, 1, 1, "1"), (None, 3, 3, "2"), (2, 3, 2, "1"), (3, 1, 3, "2"), (5, 3, 5, "2")],
)
def test_min_isr_is_two_from_three_copies_on(replication: int | None, default: int, copies: int, quorum: str) -> None:
    topic = WantedTopic("late", "t", 1, replication).on(default)
    assert (topic.replication, topic.config["min.insync.replicas"]) == (copies, quorum)


def test_differences_compare_numbers_by_value_and_lists_in_any_order() -> None:
    wanted = WantedTopic(
        "timers", "t", 2, None, {"cleanup.policy": "compact,delete", "min.cleanable.dirty.ratio": "0.1"}
    )
    right = {"cleanup.policy": "delete,compact", "min.cleanable.dirty.ratio": "0.10", "min.insync.replicas": "2"}
    assert differences(wanted, FoundTopic("t", {0: 1, 1: 2}, 3, right), 3) == []
    wrong = {"cleanup.policy": "delete", "min.insync.replicas": "1"}
    assert differences(wanted, FoundTopic("t", {0: 1, 1: -1, 2: 1}, 1, wrong), 3) == [
        "partitions: found 3, expected 2",
        "replication: found 1, expected 3",
        "cleanup.policy: found delete, expected compact,delete",
        "min.cleanable.dirty.ratio: found nothing, expected 0.1",
        "min.insync.replicas: found 1, expected 2",
        "partitions without a leader: 1",
    ]
