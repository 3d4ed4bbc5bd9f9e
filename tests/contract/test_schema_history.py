"""The present schemas against every released version: readers and producers of then need no change today."""

from __future__ import annotations

import copy
import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from hypothesis import HealthCheck, given, settings

from sla_stream.formats.codec import decode_ticket_event
from sla_stream.formats.policy_file import load_policies
from tests.contract.example_files import EXAMPLES, ROOT
from tests.contract.schema_compat import reasons
from tests.contract.schema_documents import documents

SCHEMAS = ROOT / "schemas"
VERSIONS = sorted(path for path in (SCHEMAS / "history").iterdir() if path.is_dir())
WRITTEN = ("sla-event", "timer-state", "retry")
READ = ("ticket-event", "policies", "policy-set")
RELEASED = [pytest.param(path, name, id=f"{path.name}-{name}") for path in VERSIONS for name in (*WRITTEN, *READ)]


def schema(name: str, directory: Path = SCHEMAS) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((directory / f"{name}.v1.schema.json").read_text())
    return found


def valid(document: Any, under: dict[str, Any]) -> bool:
    return bool(jsonschema_rs.validator_for(under, validate_formats=True).is_valid(document))


def breaks(name: str, old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Why readers or producers of `old` would have to change."""
    if name in WRITTEN:
        return reasons(new, old, may_add=False)
    return reasons(old, new, may_add=True)


def kept_examples(name: str, directory: Path) -> list[Any]:
    return [json.loads(path.read_text()) for path in sorted((directory / name / "v1").glob("*.json"))]


def test_the_present_version_is_kept_and_complete() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert SCHEMAS / "history" / version in VERSIONS, "schemas/history/README.md says how"
    for directory in VERSIONS:
        assert {path.name for path in directory.iterdir()} >= {"asyncapi.yaml", "examples"}


@pytest.mark.parametrize("directory", VERSIONS, ids=lambda path: path.name)
def test_no_schema_is_gone_and_each_is_classed(directory: Path) -> None:
    now, then = ({path.name for path in where.glob("*.schema.json")} for where in (SCHEMAS, directory))
    assert then <= now
    assert {name.partition(".")[0] for name in now} == {*WRITTEN, *READ}


@pytest.mark.parametrize(("directory", "name"), RELEASED)
def test_nobody_has_to_change(directory: Path, name: str) -> None:
    if (directory / f"{name}.v1.schema.json").is_file():
        assert breaks(name, schema(name, directory), schema(name)) == []


@pytest.mark.parametrize("name", ["sla-event", "timer-state"])
@pytest.mark.parametrize("directory", VERSIONS, ids=lambda path: path.name)
def test_readers_of_then_take_what_is_written_today(directory: Path, name: str) -> None:
    examples = kept_examples(name, EXAMPLES)
    assert examples
    assert [one for one in examples if not valid(one, schema(name, directory))] == []


@pytest.mark.parametrize("directory", VERSIONS, ids=lambda path: path.name)
def test_what_was_written_then_is_read_today(directory: Path) -> None:
    for path in sorted((directory / "examples" / "ticket-event" / "v1").glob("*.json")):
        assert valid(json.loads(path.read_text()), schema("ticket-event")), path
        decode_ticket_event(path.read_bytes())
    for path in sorted((directory / "examples" / "policies" / "v1").glob("*.yaml")):
        load_policies(str(path))
    for one in kept_examples("policy-set", directory / "examples"):
        assert valid(one, schema("policy-set"))


FEW = settings(max_examples=40, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])


@pytest.mark.parametrize("directory", VERSIONS, ids=lambda path: path.name)
@pytest.mark.parametrize("name", ["sla-event", "timer-state", "retry"])
def test_made_up_documents_of_today_are_valid_then(directory: Path, name: str) -> None:
    made, old = documents(schema(name)), schema(name, directory)
    types = set()

    @FEW
    @given(made)
    def check(document: Any) -> None:
        types.add(document.get("type"))
        assert valid(document, old)

    check()
    assert len(types) >= (3 if name == "sla-event" else 1), "the documents differ"


@pytest.mark.parametrize("directory", VERSIONS, ids=lambda path: path.name)
def test_made_up_ticket_events_of_then_are_read_today(directory: Path) -> None:
    made, new = documents(schema("ticket-event", directory)), schema("ticket-event")

    @FEW
    @given(made)
    def check(document: Any) -> None:
        assert valid(document, new)
        decode_ticket_event(json.dumps(document).encode())

    check()


def change(*path: str, to: Any) -> Callable[[dict[str, Any]], None]:
    def apply(found: dict[str, Any]) -> None:
        inner: Any = found
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = to(inner.get(path[-1])) if callable(to) else to

    return apply


def drop(*path: str) -> Callable[[dict[str, Any]], None]:
    def apply(found: dict[str, Any]) -> None:
        inner: Any = found
        for step in path[:-1]:
            inner = inner[step]
        del inner[path[-1]]

    return apply


DATA = ("$defs", "data", "properties")
BREAKING = [
    ("ticket-event", change("required", to=lambda names: [*names, "channel"]), "/channel: required"),
    ("ticket-event", change("properties", "kind", "enum", to=lambda kinds: kinds[:-1]), "/kind: 'restored'"),
    ("ticket-event", change("$defs", "id", "maxLength", to=100), "maxLength is 100, was 200"),
    ("ticket-event", change("$defs", "attribute", "type", to="string"), "type null is not allowed"),
    ("ticket-event", change("properties", "url", "pattern", to="^https:"), "/url: pattern is '^https:'"),
    ("ticket-event", change("additionalProperties", to=False), "/*: nothing is allowed there any more"),
    ("ticket-event", change("if", "properties", "kind", "const", to="deleted"), "a condition that was not there"),
    ("ticket-event", change("properties", "tags", "items", "minLength", to=1), "/tags[]: minLength is 1"),
    ("ticket-event", change("properties", "custom", "additionalProperties", "type", to="string"), "/custom/*: type"),
    ("policies", drop("properties", "relaxations"), "/relaxations: nothing is allowed there any more"),
    ("policies", change("properties", "apiVersion", "const", to="sla-stream/v2"), "'sla-stream/v1' is not allowed"),
    ("policy-set", change("properties", "reason", "type", to="string"), "/reason: type null is not allowed"),
    ("sla-event", change("required", to=lambda names: names[:-1]), "/data: required"),
    ("sla-event", drop(*DATA[:1], "data", "required"), "/data/incident: required"),
    ("sla-event", change("properties", "type", "enum", to=lambda types: [*types, "sla.pause.v1"]), "'sla.pause.v1'"),
    ("sla-event", change(*DATA, "cycle", "minimum", to=0), "/data/cycle: minimum is 1, was 0"),
    ("sla-event", change(*DATA, "target_s", "type", to=["number", "string"]), "/data/target_s: type string"),
    ("sla-event", change(*DATA, "revision", "type", to="number"), "/data/revision: type number"),
    ("sla-event", change(*DATA, "outcome", "enum", to=["met", "failed", None]), "'failed' is not allowed"),
    ("sla-event", drop(*DATA, "summary"), "/data/summary: type"),
    ("sla-event", drop("$defs", "instant", "pattern"), "pattern is"),
    ("sla-event", change("allOf", to=lambda conditions: conditions[1:]), "a condition that was not there"),
    ("timer-state", change("$defs", "state", "properties", "stage", "enum", to=["running", "late"]), "alternatives"),
    ("retry", change("properties", "why", to={"type": "object"}), "/why: type object"),
]
HARMLESS = [
    ("ticket-event", change("properties", "language", to={"type": "string"})),
    ("ticket-event", change("properties", "kind", "enum", to=lambda kinds: [*kinds, "escalated"])),
    ("ticket-event", change("$defs", "id", "maxLength", to=400)),
    ("ticket-event", change("required", to=lambda names: names[:-1])),
    ("policies", change("properties", "owner", to={"type": "string"})),
    ("sla-event", change(*DATA, "language", to={"type": "string"})),
    ("sla-event", change(*DATA, "url", "type", to="string")),
    ("sla-event", change(*DATA, "cycle", "maximum", to=9)),
    ("sla-event", change("$defs", "data", "required", to=lambda names: [*names, "language"])),
    ("sla-event", change("description", to="Another text.")),
    ("timer-state", change("$defs", "record", "properties", "next", to={"type": "string"})),
]


@pytest.mark.parametrize(("name", "damage", "line"), BREAKING, ids=[f"{name}-{line}" for name, _, line in BREAKING])
def test_a_breaking_change_is_caught(name: str, damage: Callable[[dict[str, Any]], None], line: str) -> None:
    broken = copy.deepcopy(schema(name))
    damage(broken)
    found = breaks(name, schema(name), broken)
    assert any(line in reason for reason in found), found


@pytest.mark.parametrize(("name", "addition"), HARMLESS)
def test_an_addition_is_let_through(name: str, addition: Callable[[dict[str, Any]], None]) -> None:
    more = copy.deepcopy(schema(name))
    addition(more)
    assert breaks(name, schema(name), more) == []


def test_a_keyword_that_the_comparison_does_not_know_is_no_silent_yes() -> None:
    with pytest.raises(AssertionError, match="does not know dependentRequired"):
        breaks("ticket-event", schema("ticket-event"), schema("ticket-event") | {"dependentRequired": {}})


def promises(document: dict[str, Any]) -> dict[str, Any]:
    """What readers and producers of a topic rely on: address, key, cleanup, whose time, who writes."""
    found = {}
    for name, channel in document["channels"].items():
        if {"name": "private"} in channel.get("tags", []):
            continue
        config = channel["bindings"]["kafka"]["topicConfiguration"]
        operations = document["operations"].values()
        actions = [one["action"] for one in operations if one["channel"]["$ref"].endswith(f"/{name}")]
        messages = [document["components"]["messages"][one] for one in channel["messages"]]
        keys = {json.dumps([one.get("traits"), one.get("bindings")], sort_keys=True) for one in messages}
        found[name] = (channel["address"], config["cleanup.policy"], config["message.timestamp.type"], actions, keys)
    return found


@pytest.mark.parametrize("directory", VERSIONS, ids=lambda path: path.name)
def test_topics_keep_what_they_promised(directory: Path) -> None:
    now, then = (promises(yaml.safe_load((where / "asyncapi.yaml").read_text())) for where in (SCHEMAS, directory))
    assert {name: now.get(name) for name in then} == then
