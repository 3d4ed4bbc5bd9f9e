"""The language of mapping files, by small mappings of one idea each."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from sla_stream.errors import InvalidRecord
from sla_stream.sources.compiler import compile_mapping
from sla_stream.sources.mapping import Mapping

HEAD = """\
apiVersion: sla-stream/mapping/v1
mapping: test
ticket_id: id
event_id: {hash: "@body"}
occurred_at: at
"""
BODY = {"id": "T-1", "at": "2026-03-02T09:00:00Z"}


def make(text: str, head: str = HEAD) -> Mapping:
    return compile_mapping(head + text, "test.yaml")


def one(text: str, headers: Any = (), **body: Any) -> dict[str, Any]:
    """The single event of a record."""
    mapping, record = make(text), orjson.dumps({**BODY, **body})
    (value,) = mapping.map(record, headers)
    assert mapping.interpret(record, headers) == [value]
    found: dict[str, Any] = orjson.loads(value)
    return found


def attribute(expression: str, **body: Any) -> Any:
    """What an expression gives for the attribute `priority`; "absent" if it is not set."""
    return one(f"kind: updated\nattributes:\n  priority: {expression}\n", **body).get("priority", "absent")


def refused(text: str, **body: Any) -> str:
    with pytest.raises(InvalidRecord) as error:
        one(text, **body)
    assert error.value.reason == "schema"
    return error.value.detail


@pytest.mark.parametrize(
    ("expression", "body", "value"),
    [
        ("p", {"p": "high"}, "high"),
        ("p", {"p": 3}, "3"),
        ("p", {"p": None}, None),
        ("p", {}, "absent"),
        ("{path: p, absent: low}", {}, "low"),
        ("{path: p, absent: low}", {"p": None}, "low"),
        ("{path: p, absent: null}", {}, None),
        ("{path: p, as: lower}", {"p": "High"}, "high"),
        ("{path: p, map: {1: urgent, 2: high}}", {"p": 2}, "high"),
        ("{path: p, map: {1: urgent, 2: high}}", {"p": "1"}, "urgent"),
        ("{path: p, map: {1: urgent}}", {"p": None}, None),
        ("{path: p, map: {1: urgent}}", {}, "absent"),
        ("{path: p, map: {1: urgent}, default: normal}", {"p": 9}, "normal"),
        ("{path: p, map: {1: urgent}, default: normal}", {}, "absent"),
        ("{path: p, map: {1: null}}", {"p": 1}, None),
        ("{path: p, as: lower, map: {a: x}, otherwise: q}", {"p": "B", "q": "y"}, "y"),
        ("{path: p, as: lower, map: {a: x}, otherwise: {path: p, as: lower}}", {"p": "B"}, "b"),
        ("{first: [p, q]}", {"q": "y"}, "y"),
        ("{first: [p, q]}", {"p": None}, None),
        ("{first: [p, q]}", {}, "absent"),
        ("{first: [p, {path: q, as: lower}], map: {y: z}}", {"q": "Y"}, "z"),
        ("{text: '{p}-{q}'}", {"p": "x", "q": 5}, "x-5"),
        ("{text: '{p}-{q}'}", {"p": "x"}, "absent"),
        ("{text: '{p}-{q}'}", {"p": "{q}", "q": "y"}, "{q}-y"),
        ("{value: fixed}", {}, "fixed"),
        ("{find: items, where: {f: a}, take: to}", {"items": [{"f": "b", "to": 1}, {"f": "a", "to": 2}]}, "2"),
        ("{find: items, where: {f: a}, take: to}", {"items": [{"f": "b"}, None, 5]}, "absent"),
        ("{find: items, where: {f: a}, take: to}", {"items": "none"}, "absent"),
        ("{cases: [{when: {p: [1, 2]}, then: x}, {when: {p: 3}, use: q}], otherwise: r}", {"p": 2}, "x"),
        ("{cases: [{when: {p: [1, 2]}, then: x}, {when: {p: 3}, use: q}], otherwise: r}", {"p": 3, "q": "y"}, "y"),
        ("{cases: [{when: {p: [1, 2]}, then: x}, {when: {p: 3}, use: q}], otherwise: r}", {"p": 4, "r": "z"}, "z"),
        ("{jmespath: \"items[?f=='a'].to | [0]\"}", {"items": [{"f": "a", "to": "x"}]}, "x"),
        ("{jmespath: \"items[?f=='a'].to | [0]\"}", {}, "absent"),
    ],
)
def test_expressions(expression: str, body: dict[str, Any], value: Any) -> None:
    assert attribute(expression, **body) == value


@pytest.mark.parametrize(
    ("condition", "body", "holds"),
    [
        ("{p: 3}", {"p": "3"}, True),
        ("{p: '3'}", {"p": 3.0}, True),
        ("{p: true}", {"p": True}, True),
        ("{p: [a, b]}", {"p": "b"}, True),
        ("{p: a}", {"p": ["a"]}, False),
        ("{p: a}", {}, False),
        ("{p: null}", {}, True),
        ("{p: null}", {"p": None}, True),
        ("{p: null}", {"p": 0}, False),
        ("{p: {not: a}}", {"p": "b"}, True),
        ("{p: {not: [a, b]}}", {"p": "b"}, False),
        ("{p: {not: a}}", {}, True),
        ("{p: {present: true}}", {"p": False}, True),
        ("{p: {present: true}}", {"p": None}, False),
        ("{p: {present: false}}", {}, True),
        ("{p: {starts_with: ab}}", {"p": "abc"}, True),
        ("{p: {starts_with: [x, ab]}}", {"p": "abc"}, True),
        ("{p: {starts_with: ab}}", {"p": 5}, False),
        ("{p: {contains: b}}", {"p": "abc"}, True),
        ("{p: {contains: b}}", {"p": ["a", "b"]}, True),
        ("{p: {contains: b}}", {"p": ["abc"]}, False),
        ("{p: {same_as: q}}", {"p": 5, "q": "5"}, True),
        ("{p: {same_as: q}}", {}, False),
        ("{p: {same_as: q}}", {"p": {}, "q": {}}, False),
        ("{p: {not_same_as: q}}", {"p": 5, "q": 6}, True),
        ("{p: {near: q}}", {"p": "2026-03-02T09:00:00Z", "q": 1772442060}, True),
        ("{p: {near: q}}", {"p": "2026-03-02T09:00:00Z", "q": 1772442061}, False),
        ("{p: {near: q}}", {"p": "2026-03-02T09:00:00Z", "q": "soon"}, False),
        ("{p: {near: q}}", {}, False),
        ("{p: a, q: b}", {"p": "a", "q": "b"}, True),
        ("{p: a, q: b, r: c}", {"p": "a", "q": "b"}, False),
        ("[{p: a}, {q: b}]", {"q": "b"}, True),
        ("[{p: a}, {q: b}, {r: c}]", {"r": "c"}, True),
        ("[{p: a}, {q: b}]", {}, False),
        ("{jmespath: 'p > `3`'}", {"p": 4}, True),
        ("{jmespath: 'p > `3`'}", {"p": 3}, False),
    ],
)
def test_conditions(condition: str, body: dict[str, Any], holds: bool) -> None:
    text = f"events:\n  - {{when: {condition}, kind: answered}}\n  - {{kind: updated}}\n"
    assert one(text, **body)["kind"] == ("answered" if holds else "updated")


def test_all_fields_are_written_in_their_normal_form() -> None:
    text = """\
kind: merged
sequence: {path: n, as: int}
created_at: {path: c, as: epoch_s}
actor: agent
public: {path: p, as: bool}
merged_into: into
reason: why
attributes:
  status: {path: s, map: {7: on_hold}}
  status_label: s
  tags: {path: t, as: split}
  due_at: {path: d, as: end_of_day, zone: Europe/Berlin}
  url: u
  custom: {n: n, flag: flag}
"""
    event = one(
        text, n="12", c=1772440000, p="yes", into=99, why="double", s=7, t="b,a,b", d="2026-03-05", u="x:y", flag=True
    )
    assert len(event.pop("event_id")) == 32
    assert event == {
        "ticket_id": "T-1",
        "kind": "merged",
        "occurred_at": "2026-03-02T09:00:00.000Z",
        "sequence": 12,
        "created_at": "2026-03-02T08:26:40.000Z",
        "actor": "agent",
        "public": True,
        "merged_into": "99",
        "reason": "double",
        "status": "on_hold",
        "status_label": "7",
        "tags": ["a", "b"],
        "due_at": "2026-03-05T22:59:59.999Z",
        "url": "x:y",
        "custom": {"n": "12", "flag": True},
    }


SEVERAL = """\
attributes: {priority: p}
events:
  - when: {comment: {present: true}}
    continue: true
    kind: agent_replied
    event_id: {text: "c:{comment}"}
    attributes: false
  - {when: {moved: true}, continue: true, kind: reopened}
  - {when: {gone: true}, kind: deleted, attributes: {priority: {value: none}, group: g}}
  - {kind: updated}
"""


def test_several_events_of_one_record_have_ids_that_extend_each_other() -> None:
    values = make(SEVERAL).map(orjson.dumps({**BODY, "comment": 5, "moved": True, "p": "high"}))
    first, second, third = (orjson.loads(value) for value in values)
    assert (first["kind"], first["event_id"], "priority" in first) == ("agent_replied", "c:5", False)
    assert (second["kind"], third["kind"]) == ("reopened", "updated")
    assert third["event_id"] == f"{second['event_id']}/2"
    assert second["status"] == "open"
    assert third["priority"] == "high"


def test_an_event_may_set_attributes_of_its_own() -> None:
    event = one(SEVERAL, gone=True, p="high", g="x")
    assert (event["kind"], event["priority"], event["group"]) == ("deleted", "none", "x")


def test_kind_wins_over_status_and_created_needs_no_created_at() -> None:
    assert one("kind: closed\nattributes: {status: {value: open}}\n")["status"] == "closed"
    assert "created_at" not in one("kind: created\ncreated_at: at\n")


def test_each_element_is_a_record() -> None:
    mapping = make("kind: updated\neach: list\n")
    values = mapping.map(orjson.dumps({"list": [BODY, {**BODY, "id": 2}]}))
    events = [orjson.loads(value) for value in values]
    assert [event["ticket_id"] for event in events] == ["T-1", "2"]
    assert events[0]["event_id"] != events[1]["event_id"]
    assert mapping.map(b'{"list": []}') == []
    with pytest.raises(InvalidRecord, match="each: found an object; expected an array"):
        mapping.map(b'{"list": {}}')
    with pytest.raises(InvalidRecord, match="each: found nothing"):
        mapping.map(b"{}")


def test_let_names_values_for_later_ones() -> None:
    text = "kind: updated\nlet:\n  x: {path: j, as: json}\n  y: $x.deep\nattributes: {priority: $y.p, group: $y.g}\n"
    event = one(text, j='{"deep": {"p": "high"}}')
    assert event["priority"] == "high"
    assert "group" not in event


def test_accept_and_ignore() -> None:
    text = "kind: updated\naccept: {type: [a, b]}\nignore: {type: b}\n"
    assert one(text, type="a")["kind"] == "updated"
    assert make(text).map(orjson.dumps({**BODY, "type": "b"})) == []
    assert refused(text, type="c") == 'not a record for mapping test: type: found "c"'
    assert refused(text) == "not a record for mapping test: type: found nothing"


def test_a_record_that_fits_no_event_is_refused() -> None:
    text = "events:\n  - {when: {type: a}, kind: updated}\n"
    assert "none of `events` of mapping test holds" in refused(text, type="b")


@pytest.mark.parametrize(
    ("text", "body", "detail"),
    [
        (
            "kind: updated\nattributes:\n  status: {path: s.name, map: {a: open, b: closed}}\n",
            {"s": {"name": "zzz"}},
            "status: s.name: found 'zzz'; expected one of a, b (mapping test, line 8)",
        ),
        ("kind: updated\nattributes:\n  status: s\n", {"s": "x"}, "status: s: found \"x\"; expected one of new, open"),
        ("kind: updated\nattributes:\n  due_at: d\n", {"d": 5}, "due_at: d: found 5; expected an instant with a zone"),
        ("kind: updated\nattributes:\n  due_at: d\n", {"d": "2026-03-02T09:00:00"}, "has no zone"),
        ("kind: updated\nattributes:\n  priority: {path: p, required: true}\n", {}, "priority: p: found nothing"),
        ("kind: updated\nattributes:\n  priority: p\n", {"p": {}}, "priority: p: found an object; expected text"),
        ("kind: updated\nattributes:\n  priority: {text: '{p}'}\n", {"p": True}, "found true; expected text or whole"),
        ("kind: updated\nattributes:\n  custom: {x: p}\n", {"p": 2**63}, "custom.x: p: found 9223372036854775808"),
        ("kind: updated\nattributes:\n  custom: {x: p}\n", {"p": []}, "custom.x: p: found an array"),
        ("kind: updated\nattributes:\n  tags: p\n", {"p": "a,b"}, "expected an array of text (`as: split`"),
        ("kind: updated\nattributes:\n  tags: p\n", {"p": ["a", None]}, "expected an array of text"),
        ("kind: updated\nsequence: p\n", {"p": "5"}, "expected a whole number"),
        ("kind: updated\npublic: p\n", {"p": "yes"}, "expected true or false (`as: bool`)"),
        ("kind: merged\n", {}, "merged_into: missing"),
        ("kind: k\n", {"k": "x"}, "kind: k: found \"x\"; expected one of created"),
        ("kind: k\n", {}, "kind: k: found nothing; expected a value"),
        ("kind: updated\n", {"id": ""}, "ticket_id: id: found \"\""),
        ("kind: updated\n", {"id": True}, "ticket_id: id: found true"),
        ("kind: updated\n", {"id": 1.5}, "ticket_id: id: found 1.5"),
        ("kind: updated\n", {"id": "x" * 201}, "ticket_id: id: found"),
        ("kind: updated\n", {"id": None}, "ticket_id: id: found nothing"),
        ("kind: updated\n", {"at": -1}, "occurred_at: at: found -1"),
        ("kind: updated\n", {"at": None}, "occurred_at: at: found nothing"),
        ("kind: updated\nattributes: {priority: {jmespath: 'abs(p)'}}\n", {"p": "x"}, "jmespath abs(p):"),
        ("kind: updated\nattributes: {priority: {jmespath: \"join(',', p)\"}}\n", {"p": [1]}, "jmespath join"),
    ],
)  # fmt: skip
def test_refusals_say_field_path_finding_expectation_and_line(text: str, body: dict[str, Any], detail: str) -> None:
    assert detail in refused(text, **body)


@pytest.mark.parametrize(
    ("payload", "reason", "detail"),
    [
        (b"", "json", "not JSON"),
        (b"{", "json", "not JSON"),
        (b"\xff", "json", "not JSON"),
        (b"[]", "schema", "found an array; expected one JSON object"),
        (b'"text"', "schema", 'found "text"; expected one JSON object'),
        (b"null", "schema", "found null; expected one JSON object"),
        (b"[" * 5000, "json", "not JSON"),
        (None, "json", "no value"),
    ],
)
def test_payloads_that_are_none(payload: bytes | None, reason: str, detail: str) -> None:
    with pytest.raises(InvalidRecord) as error:
        make("kind: updated\n").map(payload)
    assert error.value.reason == reason
    assert detail in error.value.detail


def test_envelope_connect() -> None:
    mapping = make("kind: updated\nenvelope: connect\n")
    inner = orjson.dumps(BODY)
    plain = orjson.dumps({"schema": {}, "payload": BODY})
    nested = orjson.dumps({"schema": {}, "payload": inner.decode()})
    for payload in (inner, plain, nested, orjson.dumps(inner.decode())):
        (value,) = mapping.map(payload)
        assert orjson.loads(value)["ticket_id"] == "T-1"
    assert mapping.map(None) == []
    assert mapping.map(b"null") == []
    assert mapping.map(b'{"schema": null, "payload": null}') == []
    with pytest.raises(InvalidRecord, match="wrapped more than"):
        mapping.map(orjson.dumps({"payload": {"payload": {"payload": {"payload": {"payload": BODY}}}}}))
    with pytest.raises(InvalidRecord, match="not JSON"):
        mapping.map(b'"no json"')


def test_prefix_of_a_schema_registry_is_taken_off() -> None:
    (value,) = make("kind: updated\n").map(b"\x00\x00\x00\x00\x07" + orjson.dumps(BODY))
    assert orjson.loads(value)["ticket_id"] == "T-1"
    with pytest.raises(InvalidRecord, match="json"):
        make("kind: updated\n").map(b"\x00\x00")


def test_an_id_that_would_be_too_long_with_its_number_is_refused() -> None:
    head = HEAD.replace('{hash: "@body"}', "e")
    text = "events:\n  - {continue: true, kind: updated}\n  - {kind: answered}\n"
    with pytest.raises(InvalidRecord, match="event_id: found 201 characters"):
        make(text, head).map(orjson.dumps({**BODY, "e": "x" * 199}))


def test_hash_of_paths_depends_on_them_only() -> None:
    head = HEAD.replace('"@body"', "[id, n.x]")
    mapping = make("kind: updated\n", head)

    def event_id(**body: Any) -> str:
        (value,) = mapping.map(orjson.dumps({**BODY, **body}))
        return str(orjson.loads(value)["event_id"])

    assert event_id(n={"x": {"a": 1, "b": 2}}) == event_id(n={"x": {"b": 2, "a": 1}}, other=5)
    assert event_id(n={"x": 1}) != event_id(n={"x": 2})
    assert event_id() == event_id(n={"x": None})
