"""The JSON Schema of policy files: it is the model's, and it agrees with the loader about the examples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from sla_stream.errors import ConfigError
from sla_stream.formats.policy_file import load_policies, parse_policies
from sla_stream.formats.policy_file.findings import Findings
from sla_stream.formats.policy_file.located import read
from sla_stream.formats.policy_file.schema import render

ROOT = Path(__file__).parents[3]
SCHEMA = ROOT / "schemas" / "policies.v1.schema.json"
EXAMPLES = sorted((ROOT / "schemas" / "examples" / "policies" / "v1").glob("*.[yj]*"))
GOOD = [*EXAMPLES, ROOT / "sla_stream" / "demo" / "policies.yaml"]


def plain(text: str, name: str = "p.yaml") -> Any:
    return read(text, name, Findings())


@pytest.fixture(scope="module")
def validator() -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(json.loads(SCHEMA.read_text()))


def test_the_file_is_what_the_model_says() -> None:
    assert SCHEMA.read_text() == render(), (
        "run: python -m sla_stream.formats.policy_file.schema > schemas/policies.v1.schema.json"
    )


def test_the_schema_is_plain_2020_12() -> None:
    schema = json.loads(SCHEMA.read_text())
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == "urn:sla-stream:schema:policies.v1"
    assert "yaml-language-server: $schema=" in schema["description"]
    jsonschema_rs.meta.validate(schema)
    text = SCHEMA.read_text()
    assert not [word for word in ("unevaluatedProperties", "$dynamicRef", "x-defined") if word in text]


def test_there_are_examples() -> None:
    assert {path.suffix for path in EXAMPLES} == {".yaml", ".json"}


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.name)
def test_good_files_pass_both(path: Path, validator: jsonschema_rs.Draft202012Validator) -> None:
    load_policies(path)
    assert [error.message for error in validator.iter_errors(plain(path.read_text(), path.name))] == []


@pytest.mark.parametrize(
    "text",
    [
        "policies: []",
        "apiVersion: sla-stream/v2",
        "apiVersion: sla-stream/v1\npolices: []",
        "apiVersion: sla-stream/v1\nschedules: {s: {hours: {mon: '08:00-12:00'}}}",
        "apiVersion: sla-stream/v1\nschedules: {s: {timezone: UTC, hours: {monday: '08:00-12:00'}}}",
        "apiVersion: sla-stream/v1\nschedules: {s: {timezone: UTC, hours: {mon: '8-12'}}}",
        "apiVersion: sla-stream/v1\npolicies: [{name: a, targets: {resolution: {target: 4}}}]",
        "apiVersion: sla-stream/v1\npolicies: [{name: a, targets: {resolution: {target: 1d}}}]",
        "apiVersion: sla-stream/v1\npolicies: [{name: a, match: {plann: x}, targets: {resolution: {target: 1h}}}]",
        "apiVersion: sla-stream/v1\npolicies: [{name: a, "
        "match: {not: {not: {}}}, targets: {resolution: {target: 1h}}}]",
        "apiVersion: sla-stream/v1\npolicies: [{name: a, targets: {resolution: {target: 1h, stop: [{kind: gone}]}}}]",
        "apiVersion: sla-stream/v1\npolicies: [{name: a, targets: {resolution: {target: 1h, escalate: [{at: 1h}]}}}]",
    ],
)
def test_mistakes_of_shape_are_refused_by_both(text: str, validator: jsonschema_rs.Draft202012Validator) -> None:
    with pytest.raises(ConfigError):
        parse_policies(text, "p.yaml")
    assert not validator.is_valid(plain(text))
