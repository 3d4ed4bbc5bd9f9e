"""Schema, example, codec and contract say the same."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson
import pytest

from sla_stream.errors import InvalidRecord
from sla_stream.formats import sla_event, timer_state
from sla_stream.formats.codec import decode_ticket_event
from sla_stream.formats.wire import FIELDS, UnknownFields
from tests.contract.example_files import EXAMPLES, ROOT, produced

SCHEMAS = ROOT / "schemas"
TICKET_EVENT, SLA_EVENT, TIMER_STATE = "ticket-event", "sla-event", "timer-state"


def words(text: str) -> list[str]:
    return text.split()


CONTRACT_EVENT_FIELDS = words(
    """
    event_id ticket_id kind occurred_at sequence status status_label priority type channel customer plan
    service department group assignee tags due_at created_at url actor public merged_into reason custom
    recorded_at
    """
)
CONTRACT_ENVELOPE = words(
    """
    specversion id source type subject time datacontenttype dataschema partitionkey data
    """
)
CONTRACT_DATA = words(
    """
    ticket_id metric policy policy_version schedule cycle target_s started_at due_at at threshold
    elapsed_s remaining_s overrun_s paused_s wall_elapsed_s outcome revision supersedes retracts reason
    late_attach incident summary url decided_at late_s evidence ticket actions
    """
)
CONTRACT_STATE = words(
    """
    ticket_id metric policy policy_version schedule cycle stage breached breached_at started_at due_at
    ended_at target_s elapsed_s remaining_s paused_s wall_elapsed_s open_hours
    """
)


def schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SCHEMAS / f"{name}.v1.schema.json").read_text())
    return found


def validator(name: str) -> Any:
    return jsonschema_rs.Draft202012Validator(schema(name), validate_formats=True)


def examples(name: str) -> list[Path]:
    return sorted((EXAMPLES / name / "v1").glob("*.json"))


ALL = [(name, path) for name in (TICKET_EVENT, SLA_EVENT, TIMER_STATE) for path in examples(name)]


@pytest.mark.parametrize("name", [TICKET_EVENT, SLA_EVENT, TIMER_STATE])
def test_schema_is_one_and_names_itself(name: str) -> None:
    jsonschema_rs.meta.validate(schema(name))
    assert schema(name)["$id"] == f"urn:sla-stream:schema:{name}:v1"


@pytest.mark.parametrize(("name", "path"), ALL, ids=lambda value: getattr(value, "stem", value))
def test_examples_are_valid(name: str, path: Path) -> None:
    validator(name).validate(json.loads(path.read_text()))


@pytest.mark.parametrize("path", examples(TICKET_EVENT), ids=lambda path: path.stem)
def test_examples_of_ticket_events_decode(path: Path) -> None:
    value = path.read_bytes()
    unknown = UnknownFields()
    event = decode_ticket_event(value, unknown=unknown)
    fields = json.loads(value)
    assert (event.event_id, event.ticket_id, event.kind) == (fields["event_id"], fields["ticket_id"], fields["kind"])
    assert unknown.total == len(fields.keys() - set(CONTRACT_EVENT_FIELDS))


def test_examples_are_what_the_code_writes() -> None:
    made = produced()
    kept = {
        str(path.relative_to(EXAMPLES)): json.loads(path.read_text())
        for name in (SLA_EVENT, TIMER_STATE)
        for path in examples(name)
    }
    assert kept.keys() == made.keys()
    for path, example in made.items():
        assert kept[path] == example, path


def test_code_and_contract_name_the_same_fields() -> None:
    assert set(CONTRACT_EVENT_FIELDS) == FIELDS
    assert [*sla_event.ENVELOPE_FIELDS, "data"] == CONTRACT_ENVELOPE
    assert list(sla_event.DATA_FIELDS) == CONTRACT_DATA
    assert list(timer_state.FIELDS) == CONTRACT_STATE


def test_schema_and_contract_name_the_same_fields() -> None:
    assert set(schema(TICKET_EVENT)["properties"]) == set(CONTRACT_EVENT_FIELDS)
    assert schema(SLA_EVENT)["required"] == CONTRACT_ENVELOPE
    assert schema(SLA_EVENT)["$defs"]["data"]["required"] == CONTRACT_DATA
    assert schema(TIMER_STATE)["$defs"]["state"]["required"] == CONTRACT_STATE


@pytest.mark.parametrize("path", examples(SLA_EVENT), ids=lambda path: path.stem)
def test_every_field_of_an_sla_event_is_there_in_order(path: Path) -> None:
    example = json.loads(path.read_text())
    assert list(example) == CONTRACT_ENVELOPE
    assert list(example["data"]) == CONTRACT_DATA


@pytest.mark.parametrize("path", examples(SLA_EVENT), ids=lambda path: path.stem)
def test_no_field_of_an_sla_event_may_be_missing(path: Path) -> None:
    check = validator(SLA_EVENT)
    example = json.loads(path.read_text())
    for name in CONTRACT_ENVELOPE:
        assert not check.is_valid({key: value for key, value in example.items() if key != name}), name
    for name in CONTRACT_DATA:
        broken = copy.deepcopy(example)
        del broken["data"][name]
        assert not check.is_valid(broken), name


BASE = json.loads((EXAMPLES / TICKET_EVENT / "v1" / "created.json").read_text())
ABSENT = object()
WRONG: list[tuple[str, Any]] = [
    *((name, ABSENT) for name in ("event_id", "ticket_id", "kind", "occurred_at")),
    *((name, value) for name in ("event_id", "ticket_id") for value in ("", "x" * 201, 5, None, [])),
    *(("kind", value) for value in ("Created", "", None, 1, "reopen")),
    *(("occurred_at", value) for value in (None, 1772438400, "", "2026-03-02", "2026-03-02T08:00:00", "yesterday")),
    *(("occurred_at", value) for value in ("1969-12-31T23:59:59Z", "2026-02-30T08:00:00Z", "2026-03-02T25:00:00Z")),
    *(("sequence", value) for value in ("1", 1.5, 2**63, -(2**63) - 1, True)),
    *(("status", value) for value in ("Open", "", None, "solved", 3)),
    *((name, value) for name in ("priority", "assignee", "status_label", "url", "reason") for value in (1, True, [])),
    *(("tags", value) for value in ("vip", [1], [None], {}, [["vip"]])),
    *(("due_at", value) for value in ("", "2026-03-02T08:00:00", 5, "1950-01-01T00:00:00Z")),
    *(("created_at", value) for value in ("", "2026-03-02T08:00:00", 5, "1950-01-01T00:00:00Z")),
    *(("actor", value) for value in ("Agent", "", "robot", 1)),
    *(("public", value) for value in ("true", 1, 0)),
    *(("merged_into", value) for value in ("", "x" * 201, 1)),
    *(("custom", value) for value in (None, [], "x", {"a": []}, {"a": {}}, {"": 1})),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_schema_and_codec_refuse_the_same(field: str, value: Any) -> None:
    event = {key: known for key, known in BASE.items() if key != field}
    if value is not ABSENT:
        event[field] = value
    assert not validator(TICKET_EVENT).is_valid(event)
    with pytest.raises(InvalidRecord) as refused:
        decode_ticket_event(json.dumps(event).encode())
    assert refused.value.reason == "schema"
    assert refused.value.detail.startswith(field)


@pytest.mark.parametrize("merged_into", [ABSENT, None])
def test_a_merge_names_its_goal(merged_into: Any) -> None:
    event = BASE | {"kind": "merged"} | ({} if merged_into is ABSENT else {"merged_into": merged_into})
    assert not validator(TICKET_EVENT).is_valid(event)
    with pytest.raises(InvalidRecord, match="merged_into: missing"):
        decode_ticket_event(orjson.dumps(event))


RIGHT: list[tuple[str, Any]] = [
    *((name, None) for name in ("sequence", "actor", "public", "created_at", "merged_into", "reason", "url", "tags")),
    *((name, None) for name in ("priority", "assignee", "due_at")),
    ("priority", ""),
    ("reason", "x" * 5000),
    ("event_id", "x" * 200),
    ("ticket_id", "Ünï/çødé 工单 🎫"),
    ("sequence", 2**63 - 1),
    ("custom", {}),
    ("custom", {"a": None, "b": 0.5, "c": True, "d": "x", "e": 1}),
    ("tags", []),
    ("occurred_at", "2026-03-02T09:00:00.123456789+05:45"),
    ("recorded_at", "2026-03-02T09:00:00Z"),
    ("anything", {"nested": [1, 2]}),
]


@pytest.mark.parametrize(("field", "value"), RIGHT)
def test_schema_and_codec_accept_the_same(field: str, value: Any) -> None:
    event = BASE | {field: value}
    validator(TICKET_EVENT).validate(event)
    decode_ticket_event(json.dumps(event).encode())


def _set(*path: str, to: Any) -> Callable[[dict[str, Any]], None]:
    def change(example: dict[str, Any]) -> None:
        inner = example
        for name in path[:-1]:
            inner = inner[name]
        inner[path[-1]] = to

    return change


@pytest.mark.parametrize(
    ("example", "change"),
    [
        ("warning", _set("data", "threshold", to=None)),
        ("warning", _set("data", "threshold", to="+1h")),
        ("breach", _set("data", "due_at", to=None)),
        ("breach", _set("data", "outcome", to="missed")),
        ("breach", _set("time", to="2026-03-02T08:00:00Z")),
        ("breach", _set("id", to="4711")),
        ("breach", _set("type", to="sla.breach.v2")),
        ("breach", _set("data", "cycle", to=0)),
        ("breach", _set("data", "evidence", "offset", to=-1)),
        ("breach", _set("data", "ticket", "status", to="New")),
        ("breach", _set("data", "ticket", "priority", to=None)),
        ("escalation", _set("data", "threshold", to="80%")),
        ("outcome_met", _set("data", "outcome", to=None)),
        ("outcome_met", _set("data", "outcome", to="ok")),
        ("retraction", _set("data", "retracts", to=None)),
        ("retraction", _set("data", "reason", to=None)),
    ],
)
def test_wrong_sla_events_are_refused(example: str, change: Callable[[dict[str, Any]], None]) -> None:
    event = json.loads((EXAMPLES / SLA_EVENT / "v1" / f"{example}.json").read_text())
    change(event)
    assert not validator(SLA_EVENT).is_valid(event)


@pytest.mark.parametrize(
    ("example", "change"),
    [
        ("running", _set("stage", to="open")),
        ("running", _set("ended_at", to="2026-03-02T08:00:00.000Z")),
        ("running", _set("breached_at", to="2026-03-02T08:00:00.000Z")),
        ("missed", _set("ended_at", to=None)),
        ("missed", _set("due_at", to="2026-03-02T08:00:00.000Z")),
        ("missed", _set("breached_at", to=None)),
        ("ticket_record", _set("as_of", to=None)),
        ("ticket_record", _set("cycles", to={})),
    ],
)
def test_wrong_timer_states_are_refused(example: str, change: Callable[[dict[str, Any]], None]) -> None:
    state = json.loads((EXAMPLES / TIMER_STATE / "v1" / f"{example}.json").read_text())
    change(state)
    assert not validator(TIMER_STATE).is_valid(state)
