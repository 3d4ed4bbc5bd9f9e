"""The records of the policies topic: schema, example and code say the same.

`python tests/contract/test_policy_set.py` writes the example anew after an intended change.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import jsonschema_rs
import pytest

from sla_stream.formats.policy_file import parse_policies
from sla_stream.formats.policy_set_record import decode_policy_set, encode_policy_set, pushed_set
from tests.contract.example_files import EXAMPLES, ROOT

EXAMPLE = EXAMPLES / "policy-set" / "v1" / "second.json"
TEXT = """\
apiVersion: sla-stream/v1
schedules:
  berlin: {timezone: Europe/Berlin, hours: {mon-fri: "08:00-18:00"}, holidays: ["2026-12-24"]}
policies:
  - {name: desk, schedule: berlin, targets: {resolution: {target: 8h, warn: ["80%"]}}}
"""


def produced() -> dict[str, Any]:
    """The example as the code makes it now."""
    pushed = pushed_set(2, parse_policies(TEXT, "policies.yaml"), TEXT, "policies.yaml")
    _, value = encode_policy_set(replace(pushed, pushed_by="ops", reason="change 4711"))
    record: dict[str, Any] = json.loads(value)
    return record


def test_the_example_is_what_the_code_writes_and_reads() -> None:
    """A difference means that sets published by earlier releases would be read differently or not at all."""
    content = EXAMPLE.read_bytes()
    assert json.loads(content) == produced()
    assert decode_policy_set(b"2", content).policies.digest == parse_policies(TEXT, "policies.yaml").digest


@pytest.mark.parametrize(
    ("change", "fits"),
    [
        ({}, True),
        ({"later": "field"}, True),
        ({"form": 2}, False),
        ({"number": 0}, False),
        ({"digest": "short"}, False),
        ({"set": 1}, False),
    ],
)
def test_schema_and_code_take_the_same(change: dict[str, Any], fits: bool) -> None:
    schema = json.loads((ROOT / "schemas" / "policy-set.v1.schema.json").read_text())
    record = produced() | change
    assert jsonschema_rs.validator_for(schema).is_valid(record) is fits
    try:
        decode_policy_set(b"2", json.dumps(record).encode())
    except Exception:
        assert not fits
    else:
        assert fits


if __name__ == "__main__":
    EXAMPLE.write_text(json.dumps(produced(), indent=2) + "\n", encoding="utf-8")
