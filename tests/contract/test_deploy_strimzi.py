"""deploy/strimzi agrees with what `sla-stream topics` makes and with the rights that each command needs."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from sla_stream.formats.settings import Settings
from sla_stream.gateway.topic_check import gateway_rights
from sla_stream.ingest.topic_check import ingest_rights
from sla_stream.kafka.admin import FoundTopic
from sla_stream.kafka.rights import pusher_rights, worker_rights
from sla_stream.kafka.topics import wanted_topics
from tests.contract.deploy_files import DEPLOY, generate

SETTINGS = Settings(replication=3)


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DEPLOY / "strimzi" / name).read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", ["topics", "users"])
def test_files_are_what_the_generator_makes(name: str) -> None:
    assert (DEPLOY / "strimzi" / f"{name}.yaml").read_text(encoding="utf-8") == generate().main([name]), (
        f"run `python deploy/generate.py {name} > deploy/strimzi/{name}.yaml`"
    )


def test_topics_are_those_that_the_command_makes() -> None:
    found = {one["spec"].get("topicName", one["metadata"]["name"]): one["spec"] for one in documents("topics.yaml")}
    wanted = {topic.name: topic.on(3) for topic in wanted_topics(SETTINGS)}
    assert set(found) == set(wanted)
    for name, topic in wanted.items():
        spec = found[name]
        assert (spec["partitions"], spec["replicas"]) == (topic.partitions, topic.replication), name
        assert {key: str(value) for key, value in spec["config"].items()} == topic.config, name
    assert found["sla.breaches.v1"]["config"]["retention.ms"] == 400 * 86_400_000
    assert found["sla-stream-changelog"]["config"]["cleanup.policy"] == "compact"


def test_names_that_kubernetes_does_not_take_are_given_as_topic_names() -> None:
    made = list(yaml.safe_load_all(generate().main(["topics", "--topic-prefix", "EU_", "--partitions", "3"])))
    one = next(one for one in made if one["metadata"]["name"] == "eu-sla.timers.v1")
    assert one["spec"]["topicName"] == "EU_sla.timers.v1" and one["spec"]["partitions"] == 3


def test_users_have_the_rights_of_their_commands_and_no_other() -> None:
    found = {one["metadata"]["name"]: granted(one) for one in documents("users.yaml")}
    assert found["sla-stream-worker"] == meant(worker_rights(SETTINGS, SETTINGS.partitions))
    assert found["sla-stream-policies"] == meant(pusher_rights(SETTINGS))
    topics = {one["metadata"]["name"]: one["spec"]["partitions"] for one in documents("source-topics.yaml")}
    described = {name: FoundTopic(name, dict.fromkeys(range(count), 0), 3, {}) for name, count in topics.items()}
    assert found["sla-stream-gateway"] == meant(gateway_rights(topics))
    assert found["sla-stream-ingest"] == meant(ingest_rights(SETTINGS, topics, described))
    writes = {
        name for operation, kind, name, _ in found["sla-stream-worker"] if (operation, kind) == ("Write", "topic")
    }
    assert "sla.policies.v1" not in writes and "sla.ticket-events.v1" not in writes
    assert not any(operation == "Write" for operation, *_ in found["sla-stream-consumer"])


def test_users_of_other_source_topics() -> None:
    made = {
        one["metadata"]["name"]: one for one in yaml.safe_load_all(generate().main(["users", "--source-topic", "crm"]))
    }
    assert granted(made["sla-stream-gateway"]) == {("Write", "topic", "crm", "literal")}
    assert ("Read", "topic", "crm", "literal") in granted(made["sla-stream-ingest"])


def granted(user: dict[str, Any]) -> set[tuple[str, str, str, str]]:
    assert user["spec"]["authentication"] == {"type": "tls"} and user["spec"]["authorization"]["type"] == "simple"
    return {
        (operation, acl["resource"]["type"], acl["resource"]["name"], acl["resource"]["patternType"])
        for acl in user["spec"]["authorization"]["acls"]
        for operation in acl["operations"]
    }


def meant(rights: list[Any]) -> set[tuple[str, str, str, str]]:
    kinds = {"transactional-id": "transactionalId"}
    return {
        (
            right.operation,
            kinds.get(right.kind, right.kind),
            right.name,
            "prefix" if right.prefixed else "literal",
        )
        for right in rights
    }


def test_all_are_of_one_cluster() -> None:
    resources = documents("topics.yaml") + documents("source-topics.yaml") + documents("users.yaml")
    assert {one["metadata"]["labels"]["strimzi.io/cluster"] for one in resources} == {"kafka"}
    assert {one["apiVersion"] for one in resources} == {"kafka.strimzi.io/v1"}
