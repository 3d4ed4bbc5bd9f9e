"""The JSON Schema of policy files, made from the model: `python -m sla_stream.formats.policy_file.schema` prints it.

For editors and other tools. It knows the shape of the file; what needs a calendar, a list of time zones or a look at
other parts of the file is for `sla-stream policy lint` to say.
"""

from __future__ import annotations

import json
from typing import Any, Final

from sla_stream.core.events import ACTORS, KINDS, STATUSES
from sla_stream.core.metrics import DUE_DATE
from sla_stream.formats.policy_file.conditions import MATCHED, NAMED
from sla_stream.formats.policy_file.model import DEFINED, PolicyFile

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
IDENTITY: Final = "urn:sla-stream:schema:policies.v1"
TITLE: Final = "sla-stream policy file, version 1"


Schema = dict[str, Any]


def policy_schema() -> Schema:
    """JSON Schema 2020-12 of the file format."""
    tidy: Schema = _tidy(PolicyFile.model_json_schema(by_alias=True))
    definitions = {**tidy.pop("$defs"), "Condition": _condition(), "Match": _match(), "Attributes": _attributes()}
    _need_targets(definitions["PolicyText"])
    definitions |= {"Values": _one_or_many({"type": ["string", "number", "boolean"]})}
    return {
        "$schema": DIALECT,
        "$id": IDENTITY,
        "title": TITLE,
        **tidy,
        "$defs": dict(sorted((_public(name), definition) for name, definition in definitions.items())),
    }


def _need_targets(policy: Schema) -> None:
    """Only `due_date` goes without a target."""
    targets = policy["properties"]["targets"]
    target = targets["additionalProperties"]
    targets["properties"] = {DUE_DATE: target}
    targets["additionalProperties"] = {**target, "required": ["target"]}


def render() -> str:
    return json.dumps(policy_schema(), indent=2, ensure_ascii=False) + "\n"


def _condition() -> Schema:
    return _mapping(
        "all keys must hold",
        {
            "kind": _one_or_many({"enum": [*KINDS]}),
            "status": _one_or_many({"enum": [*STATUSES]}),
            "left_status": _one_or_many({"enum": [*STATUSES]}),
            "actor": _one_or_many({"enum": [*ACTORS]}),
            "public": _one_or_many({"type": "boolean"}),
            "changed": _one_or_many(_names(NAMED)),
            "has": _one_or_many(_names(NAMED)),
            **dict.fromkeys(MATCHED, _TEXTS),
        },
    )


def _match() -> Schema:
    negated = {"$ref": "#/$defs/Attributes", "description": "tickets for which all of this holds do not match"}
    return _mapping("which tickets: all keys must hold", {**_attributes()["properties"], "not": negated})


def _attributes() -> Schema:
    modes = {"type": "object", "properties": {"any": _TEXTS, "all": _TEXTS}, "additionalProperties": False}
    tags = {"anyOf": [*_TEXTS["anyOf"], modes]}
    return _mapping("attributes of a ticket", {**dict.fromkeys(MATCHED, _TEXTS), "tags": tags})


def _mapping(description: str, properties: Schema) -> Schema:
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "patternProperties": {r"^custom\..+$": {"$ref": "#/$defs/Values"}},
        "additionalProperties": False,
    }


def _names(known: tuple[str, ...]) -> Schema:
    return {"anyOf": [{"enum": [*known]}, {"type": "string", "pattern": r"^custom\..+$"}]}


def _one_or_many(item: Schema) -> Schema:
    return {"anyOf": [item, {"type": "array", "items": item, "minItems": 1}]}


_TEXTS: Final = _one_or_many({"type": "string", "minLength": 1})


def _tidy(node: Any) -> Any:
    """References by their public names, and without what the model needs and a reader does not."""
    if isinstance(node, list):
        return [_tidy(item) for item in node]
    if not isinstance(node, dict):
        return node
    tidied = {key: _tidy(item) for key, item in node.items() if not _noise(key, item)}
    if "$ref" in tidied:
        tidied["$ref"] = _public(tidied["$ref"])
    if DEFINED in tidied:
        tidied["$ref"] = f"#/$defs/{tidied.pop(DEFINED)}"
    if "patternProperties" in tidied:
        tidied.setdefault("additionalProperties", False)
    choices = [item for item in tidied.get("anyOf", ()) if item != {"type": "null"}]
    if "anyOf" in tidied and len(choices) < len(tidied["anyOf"]):
        del tidied["anyOf"]
        tidied = {**(choices[0] if len(choices) == 1 else {"anyOf": choices}), **tidied}
    return tidied


def _public(name: str) -> str:
    """`TargetText` of the model is `Target` to the world."""
    return name.removesuffix("Text")


def _noise(key: str, item: Any) -> bool:
    return (key == "title" and isinstance(item, str)) or (key == "default" and item is None)


if __name__ == "__main__":
    print(render(), end="")
