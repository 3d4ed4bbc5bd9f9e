"""schemas/asyncapi.yaml is valid AsyncAPI 3.0 and says the same as the descriptors that make the topics."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any, get_args

import jsonschema_rs
import pytest
import yaml

from sla_stream.errors import Reason
from sla_stream.formats.settings import Settings
from sla_stream.kafka.topics import ROLES, topic_file, wanted_topic
from sla_stream.letters.letter import ADDED
from sla_stream.worker.processing import ROLE
from tests.contract.example_files import EXAMPLES, ROOT
from tests.npm_support import installed

SCHEMAS = ROOT / "schemas"
DOCUMENT: dict[str, Any] = yaml.safe_load((SCHEMAS / "asyncapi.yaml").read_text())
ACTION = {"in": "receive", "out": "send"}


@pytest.fixture(scope="module")
def official() -> Any:
    """The validator of AsyncAPI's own JSON Schema."""
    package = installed(ROOT / "tests" / "contract" / "asyncapi")
    text = (package / "node_modules" / "@asyncapi" / "specs" / "schemas" / "3.0.0-without-$id.json").read_text()
    return jsonschema_rs.validator_for(json.loads(text))


def lookup(reference: str) -> Any:
    """What a `$ref` of the document points to: in itself, or in a file beside it. KeyError or OSError if nothing."""
    file, _, pointer = reference.partition("#")
    found = DOCUMENT if not file else json.loads((SCHEMAS / file).read_text())
    for step in pointer.split("/")[1:]:
        found = found[step]
    return found


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def drift(document: dict[str, Any]) -> list[str]:
    """How the document differs from the descriptors, one sentence each."""
    channels = document["channels"]
    found = [f"channel {name}: there is no such topic" for name in sorted(channels.keys() - set(ROLES))]
    for role in ROLES:
        if role in channels:
            found += [f"channel {role}: {line}" for line in channel_drift(document, role, channels[role])]
        else:
            found.append(f"channel {role}: missing; describe the topic of sla_stream/kafka/topics/{role}.yaml")
    return found


def channel_drift(document: dict[str, Any], role: Any, channel: dict[str, Any]) -> Iterator[str]:
    file, wanted = topic_file(role), wanted_topic(Settings(), role)
    kafka = channel["bindings"]["kafka"]
    if channel["address"] != file["topic"] or kafka["topic"] != wanted.name:
        yield f"its topic is {channel['address']} ({kafka['topic']}), expected {file['topic']} ({wanted.name})"
    if kafka["partitions"] != wanted.partitions:
        yield f"partitions: {kafka['partitions']}, expected {wanted.partitions}"
    config = {name: as_text(value) for name, value in kafka["topicConfiguration"].items()}
    if config != wanted.config:
        yield f"topicConfiguration: {config}, expected {wanted.config}"
    actions = [one["action"] for one in document["operations"].values() if one["channel"]["$ref"].endswith(f"/{role}")]
    if file["flow"] == "private":
        if channel.get("tags") != [{"name": "private"}] or actions or "messages" in channel:
            yield "a private topic has the tag `private`, no messages and no operations"
    elif actions != [ACTION[file["flow"]]]:
        yield f"operations: {actions}, expected {ACTION[file['flow']]}"
    schemas = {payload_file(document, name) for name in channel.get("messages", {})}
    if "schema" in file and schemas != {f"./{file['schema'].replace('-v1', '.v1')}.schema.json"}:
        yield f"payloads: {schemas}, expected {file['schema']}"


def payload_file(document: dict[str, Any], message: str) -> str:
    payload = document["components"]["messages"][message]["payload"]
    return str(payload.get("schema", {}).get("$ref", "")).partition("#")[0]


def as_text(value: Any) -> str:
    return ",".join(value) if isinstance(value, list) else str(value)


def test_it_is_asyncapi(official: Any) -> None:
    assert [f"{error.instance_path}: {error.message}" for error in official.iter_errors(DOCUMENT)] == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda document: document.update(asyncapi="2.6.0"),
        lambda document: document["operations"]["sendBreaches"].update(action="publish"),
        lambda document: document["channels"]["breaches"]["bindings"]["kafka"].update(partitions="8"),
        lambda document: document["channels"]["breaches"].update(topic="x"),
    ],
)
def test_the_official_schema_notices(official: Any, damage: Callable[[dict[str, Any]], None]) -> None:
    broken = copy.deepcopy(DOCUMENT)
    damage(broken)
    assert not official.is_valid(broken)


def test_every_reference_leads_somewhere() -> None:
    found = list(references(DOCUMENT))
    assert len(found) > 20
    for reference in found:
        assert lookup(reference) is not None, reference


def test_it_says_what_the_topics_are() -> None:
    assert drift(DOCUMENT) == []


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (lambda document: document["channels"].pop("late"), "channel late: missing"),
        (lambda document: document["channels"].update(x={}), "channel x: there is no such topic"),
        (lambda document: document["channels"]["late"].update(address="sla.late"), "channel late: its topic is"),
        (
            lambda document: document["channels"]["late"]["bindings"]["kafka"].update(partitions=1),
            "late: partitions: 1",
        ),
        (
            lambda document: document["channels"]["late"]["bindings"]["kafka"]["topicConfiguration"].pop(
                "retention.ms"
            ),
            "channel late: topicConfiguration",
        ),
        (lambda document: document["operations"].pop("sendTimers"), "channel timers: operations: []"),
        (lambda document: document["channels"]["clock"].pop("tags"), "channel clock: a private topic"),
        (
            lambda document: document["components"]["messages"]["ticketEvent"]["payload"]["schema"].update(
                {"$ref": "./x"}
            ),
            "channel ticket_events: payloads",
        ),
    ],
)
def test_drift_is_noticed(damage: Callable[[dict[str, Any]], None], line: str) -> None:
    broken = copy.deepcopy(DOCUMENT)
    damage(broken)
    (found,) = drift(broken)
    assert line in found


def test_each_sla_event_is_on_the_channel_that_the_worker_writes_it_to() -> None:
    """And a retraction is on each of them, with what it withdraws."""
    wanted: dict[str, set[str]] = {role: {"retraction"} for role in ROLE.values()}
    for kind, role in ROLE.items():
        wanted[role].add(kind.split(".")[1])
    assert {role: set(DOCUMENT["channels"][role]["messages"]) for role in wanted} == wanted
    for name in set().union(*wanted.values()):
        assert f"(sla.{name}.v1)" in DOCUMENT["components"]["messages"][name]["title"]


def test_the_headers_of_what_is_set_aside() -> None:
    headers = DOCUMENT["components"]["messages"]["setAside"]["headers"]
    assert headers["required"] == list(headers["properties"]) == list(ADDED)
    assert headers["properties"]["sla-reason"]["enum"] == list(get_args(Reason))


@pytest.mark.parametrize(
    ("message", "folder"), [("ticketEvent", "ticket-event"), ("breach", "sla-event"), ("policySet", "policy-set")]
)
def test_payloads_take_the_kept_examples(message: str, folder: str) -> None:
    reference = DOCUMENT["components"]["messages"][message]["payload"]["schema"]["$ref"]
    examples = sorted((EXAMPLES / folder / "v1").glob("*.json"))
    assert examples
    for example in examples:
        jsonschema_rs.validator_for(lookup(reference)).validate(json.loads(example.read_text()))
