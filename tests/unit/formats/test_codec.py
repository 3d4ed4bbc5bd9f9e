"""Ticket events from bytes."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla_stream.core.events import ACTORS, KINDS, STATUSES, TicketEvent
from sla_stream.errors import InvalidRecord
from sla_stream.formats.codec import check_not_future, decode_ticket_event, decode_wire, recorded_at
from sla_stream.formats.wire import FIELDS, Actor, Kind, Status, UnknownFields

T0 = 1_772_438_400_000  # 2026-03-02T08:00:00Z


def record(**fields: Any) -> bytes:
    base = {"event_id": "e1", "ticket_id": "t1", "kind": "updated", "occurred_at": "2026-03-02T08:00:00Z"}
    return json.dumps(base | fields).encode()


def refused(value: bytes | None, *args: Any, **kwargs: Any) -> tuple[str, str]:
    with pytest.raises(InvalidRecord) as error:
        decode_ticket_event(value, *args, **kwargs)
    return error.value.reason, error.value.detail


def test_enumerations_are_those_of_the_core() -> None:
    assert Kind.__args__ == KINDS  # type: ignore[attr-defined]
    assert Status.__args__ == STATUSES  # type: ignore[attr-defined]
    assert Actor.__args__ == ACTORS  # type: ignore[attr-defined]


def test_a_small_event() -> None:
    assert decode_ticket_event(record()) == TicketEvent(T0, 0, "e1", "t1", "updated", "system", False, {})


def test_every_field() -> None:
    event = decode_ticket_event(
        record(
            kind="merged", sequence=7, status="on_hold", status_label="Vendor", priority="high", type="incident",
            channel="chat", customer="acme", plan="gold", service="mail", department="it", group="g", assignee="kim",
            tags=["b", "a", "b"], due_at="2026-03-02T08:00:01Z", created_at="2026-03-02T07:59:59.5Z", url="u",
            actor="bot", public=True, merged_into="t2", reason="dup", custom={"b": 5.0, "a": 0.5, "c": None, "d": True},
        )
    )  # fmt: skip
    assert event == TicketEvent(
        at=T0, sequence=7, event_id="e1", ticket_id="t1", kind="merged", actor="bot", public=True,
        attributes={
            "status": "on_hold", "status_label": "Vendor", "priority": "high", "type": "incident", "channel": "chat",
            "customer": "acme", "plan": "gold", "service": "mail", "department": "it", "group": "g", "assignee": "kim",
            "tags": ["a", "b"], "due_at": T0 + 1000, "url": "u",
            "custom.a": 0.5, "custom.b": 5, "custom.c": None, "custom.d": True,
        },
        created_at=T0 - 500, merged_into="t2", reason="dup",
    )  # fmt: skip
    assert isinstance(event.attributes["custom.b"], int)


def test_null_clears_and_absent_leaves() -> None:
    event = decode_ticket_event(record(assignee=None, tags=None, due_at=None, url=None, custom={"x": None}))
    assert event.attributes == {"assignee": None, "tags": None, "due_at": None, "url": None, "custom.x": None}


def test_null_counts_as_absent_where_there_is_nothing_to_clear() -> None:
    nothing = dict.fromkeys(["sequence", "actor", "public", "created_at", "merged_into", "reason"])
    assert decode_ticket_event(record(**nothing)) == decode_ticket_event(record())


@pytest.mark.parametrize(
    ("kind", "actor", "public"),
    [
        ("created", "system", False),
        ("customer_replied", "customer", True),
        ("agent_replied", "agent", True),
        ("note_added", "system", False),
        ("answered", "system", False),
        ("resolved", "system", False),
    ],
)
def test_defaults_by_kind(kind: str, actor: str, public: bool) -> None:
    event = decode_ticket_event(record(kind=kind))
    assert (event.actor, event.public) == (actor, public)


def test_what_is_given_beats_the_default() -> None:
    event = decode_ticket_event(record(kind="agent_replied", actor="bot", public=False))
    assert (event.actor, event.public) == ("bot", False)


@pytest.mark.parametrize(
    ("kind", "status", "is_then"),
    [
        ("resolved", None, "resolved"),
        ("resolved", "closed", "resolved"),
        ("closed", "open", "closed"),
        ("reopened", "pending", "open"),
        ("reopened", None, "open"),
        ("created", "resolved", "resolved"),
        ("updated", "closed", "closed"),
        ("updated", None, None),
    ],
)
def test_kind_wins_over_status(kind: str, status: str | None, is_then: str | None) -> None:
    event = decode_ticket_event(record(kind=kind, **({"status": status} if status else {})))
    assert event.attributes.get("status") == is_then


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2026-03-02T08:00:00Z", 0),
        ("2026-03-02T08:00:00.001Z", 1),
        ("2026-03-02t08:00:00z", 0),
        ("2026-03-02T09:30:00+01:30", 0),
        ("2026-03-02T08:00:00.0004Z", 0),
        ("2026-03-02T08:00:00.0005Z", 1),
        ("2026-03-02T08:00:00.000499999Z", 0),
        ("2026-03-02T08:00:00.9999Z", 1000),
        ("2026-03-02T08:00:00.12Z", 120),
        ("2026-03-02T08:00:09.05-00:00", 9050),
    ],
)
def test_instants(text: str, ms: int) -> None:
    assert decode_ticket_event(record(occurred_at=text)).at == T0 + ms


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02T08:00:00", "2026-03-02T08:00:00.000", "2026-03-02T08:00:00.123+", "2026-03-02T08:00:00.ABCZ",
        "2026-03-02T08:00:99Z", "2026-03-02T08:60:00Z", "2026-13-02T08:00:00Z", "2026-02-29T08:00:00Z",
        "2026-03-02T08:00:00.123Z ", " 2026-03-02T08:00:00Z", "2026-03-02T08:00:5.1234Z", "２０26-03-02T08:00:00Z",
        "9999-12-31T23:59:59.9999Z", "1969-12-31T23:59:59.999Z", "0001-01-01T00:00:00Z", "",
    ],
)  # fmt: skip
@pytest.mark.parametrize("field", ["occurred_at", "created_at", "due_at"])
def test_no_instants(field: str, text: str) -> None:
    reason, detail = refused(record(**{field: text}))
    assert reason == "schema"
    assert detail.startswith(f"{field}: ")


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        (record(kind="Created"), "kind: found \"Created\"; expected one of created, updated, customer_replied, "
         "agent_replied, note_added, answered, resolved, closed, reopened, merged, unmerged, deleted, restored "
         "(did you mean 'created'?)"),
        (record(status=None), "status: found null; expected one of new, open, pending, on_hold, resolved, closed"),
        (record(event_id=""), 'event_id: found ""; expected text of 1 to 200 characters'),
        (record(priority=3), "priority: found 3; expected text or null"),
        (record(tags=["a", 1]), "tags[1]: found 1; expected an array of text, or null"),
        (record(custom={"a": 1, "b": {}}), "custom.b: found an object; expected an object of scalars (text, number, "
         "true, false, null)"),
        (record(reason=["x"]), "reason: found an array; expected text or null"),
        (b'{"ticket_id": "t1", "occurred_at": "x", "kind": "updated"}',
         "event_id: missing; required in every ticket event"),
        (b"{}", "kind: missing; expected one of created, updated, customer_replied, agent_replied, note_added, "
         "answered, resolved, closed, reopened, merged, unmerged, deleted, restored"),
        (b"[]", "found an array; expected one JSON object"),
        (b'"x"', 'found "x"; expected one JSON object'),
        (b"null", "found null; expected one JSON object"),
        (record(kind="x" * 100), 'kind: found "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx... (102 characters); '
         "expected one of created, updated, customer_replied, agent_replied, note_added, answered, resolved, closed, "
         "reopened, merged, unmerged, deleted, restored"),
    ],
)  # fmt: skip
def test_refusals_name_field_finding_and_expectation(value: bytes, detail: str) -> None:
    assert refused(value) == ("schema", detail)


@pytest.mark.parametrize(
    "value",
    [
        b"", b" ", b"{", b"{]", b"hello", record() + b"x", record()[:-1], b"\xff", b'{"event_id": "\xff"}',
        b'{"kind": NaN}', record()[:-1] + b', "custom": {"a": NaN}}', record()[:-1] + b', "x": Infinity}',
        record()[:-1] + b', "event_id": "\\ud800"}', record()[:-1] + b', "unknown": "\\udc00"}',
        record()[:-1] + b', "unknown": "\xff"}', record()[:-1] + b', "x": ' + b"[" * 99_999 + b"]" * 99_999 + b"}",
        b"\xef\xbb\xbf" + record(),
    ],
)  # fmt: skip
def test_no_json(value: bytes) -> None:
    reason, detail = refused(value)
    assert reason == "json"
    assert detail.startswith("not JSON: ")


def test_a_null_record() -> None:
    assert refused(None) == ("json", "no value: found a null record; expected a ticket event")


def test_of_two_equal_keys_the_last_wins() -> None:
    assert decode_ticket_event(record()[:-1] + b', "priority": "a", "priority": "b"}').attributes == {"priority": "b"}


def test_surrogate_pairs_are_text() -> None:
    assert decode_ticket_event(record()[:-1] + b', "reason": "\\ud83c\\udfab"}').reason == "🎫"


def test_unknown_fields_are_ignored_and_counted() -> None:
    unknown = UnknownFields()
    assert decode_ticket_event(record(a=1, b={"c": 2}), unknown=unknown) == decode_ticket_event(record())
    decode_ticket_event(record(a=[]), unknown=unknown)
    decode_ticket_event(record(recorded_at="2026-03-02T08:00:00Z"), unknown=unknown)
    assert unknown.total == 3
    assert unknown.by_name == {"a": 2, "b": 1}


def test_names_of_unknown_fields_do_not_pile_up() -> None:
    unknown = UnknownFields()
    unknown.add(str(i) for i in range(1000))
    unknown.add(["5", "999"])
    assert unknown.total == 1002
    assert len(unknown.by_name) == 100
    assert unknown.by_name["5"] == 2


def test_the_key_must_be_the_ticket_id() -> None:
    assert decode_ticket_event(record(ticket_id="工单"), key="工单".encode()).ticket_id == "工单"
    assert refused(record(), key=b"t2") == ("key", "record key: found 't2'; expected the ticket id 't1'")
    assert refused(record(), key=b"\xff") == ("key", "record key: found '\\\\xff'; expected the ticket id 't1'")
    assert refused(record(), key=None) == ("key", "record key: none; expected the ticket id 't1'")


def test_recorded_at_is_read_only_when_asked_for() -> None:
    assert decode_ticket_event(record(recorded_at=5)).at == T0
    assert recorded_at(decode_wire(record(recorded_at="2026-03-02T08:00:01Z"))) == T0 + 1000
    assert recorded_at(decode_wire(record())) is None
    assert recorded_at(decode_wire(record(recorded_at=None))) is None
    for wrong in (5, "yesterday"):
        with pytest.raises(InvalidRecord, match="schema: recorded_at: "):
            recorded_at(decode_wire(record(recorded_at=wrong)))


def test_the_future() -> None:
    event = decode_ticket_event(record())
    check_not_future(event, T0 - 300_000, 300_000)
    with pytest.raises(InvalidRecord) as error:
        check_not_future(event, T0 - 300_001, 300_000)
    assert error.value.reason == "future"
    assert error.value.detail == "occurred_at: 300.001 s ahead of the record's own time; expected at most 300 s"


class TestCloudEvents:
    data = {"kind": "created", "priority": "high"}
    context = {
        "specversion": "1.0", "id": "e9", "source": "/desk", "type": "ticket", "subject": "t9",
        "time": "2026-03-02T08:00:00Z",
    }  # fmt: skip
    wanted = TicketEvent(T0, 0, "e9", "t9", "created", "system", False, {"priority": "high"})
    structured = [("content-type", b"application/cloudevents+json; charset=UTF-8")]

    def binary(self, **changed: str | None) -> list[tuple[str, bytes]]:
        context = {**self.context, **changed}
        return [(f"ce_{name}", value.encode()) for name, value in context.items() if value is not None]

    def test_structured(self) -> None:
        value = json.dumps(self.context | {"datacontenttype": "application/json", "data": self.data}).encode()
        assert decode_ticket_event(value, self.structured, key=b"t9") == self.wanted

    def test_structured_is_known_by_its_look_where_there_are_no_headers(self) -> None:
        value = json.dumps(self.context | {"data": self.data}).encode()
        assert decode_ticket_event(value) == self.wanted

    def test_structured_base64(self) -> None:
        text = base64.b64encode(json.dumps(self.data).encode()).decode()
        value = json.dumps(self.context | {"data_base64": text}).encode()
        assert decode_ticket_event(value, self.structured) == self.wanted

    def test_binary(self) -> None:
        headers = [*self.binary(), ("content-type", b"application/json"), ("traceparent", b"\xff")]
        assert decode_ticket_event(json.dumps(self.data).encode(), headers) == self.wanted

    def test_the_data_comes_first(self) -> None:
        event = decode_ticket_event(record(kind="created", priority="high"), self.binary())
        assert (event.event_id, event.ticket_id) == ("e1", "t1")

    def test_other_headers_mean_nothing(self) -> None:
        headers = [("content-type", b"application/json"), ("ce_note", b"x")]
        assert decode_ticket_event(record(), headers) == decode_ticket_event(record())

    def test_extensions_are_not_unknown_fields(self) -> None:
        unknown = UnknownFields()
        value = json.dumps(self.context | {"traceparent": "x", "data": self.data | {"more": 1}}).encode()
        decode_ticket_event(value, self.structured, unknown=unknown)
        assert unknown.by_name == {"more": 1}

    @pytest.mark.parametrize(
        ("changed", "reason", "detail"),
        [
            ({"specversion": "0.3"}, "schema", 'specversion: found "0.3"; expected 1.0'),
            ({"specversion": 1}, "schema", "specversion: found 1; expected 1.0"),
            ({"datacontenttype": "text/xml"}, "schema", 'datacontenttype: found "text/xml"; expected application/json'),
            ({"data": None}, "schema", "found null; expected one JSON object"),
            ({"data_base64": "?"}, "schema", "data_base64: expected Base64 text"),
            ({"data_base64": 5}, "schema", "data_base64: expected Base64 text"),
            ({}, "schema", "data: missing; expected the ticket event"),
            ({"id": 5, "data": data}, "schema", "id: found 5; expected what event_id may hold (text of 1 to 200 "
             "characters)"),
            ({"subject": "", "data": data}, "schema", 'subject: found ""; expected what ticket_id may hold (text of 1 '
             "to 200 characters)"),
            ({"id": None, "data": data}, "schema", "event_id: missing; required in every ticket event"),
            ({"time": "2026-03-02", "data": data}, "schema", "occurred_at: '2026-03-02' is not an instant: expected "
             "RFC 3339 with a zone, as in 2026-01-02T03:04:05Z"),
        ],
    )  # fmt: skip
    def test_wrong_structured(self, changed: dict[str, Any], reason: str, detail: str) -> None:
        value = json.dumps(self.context | changed).encode()
        assert refused(value, self.structured) == (reason, detail)

    def test_structured_that_is_no_json_or_no_object(self) -> None:
        assert refused(b"{", self.structured)[0] == "json"
        assert refused(b"[]", self.structured) == ("schema", "found no object; expected a CloudEvent")

    def test_batches_are_refused(self) -> None:
        headers = [("content-type", b"application/cloudevents-batch+json")]
        assert refused(b"[]", headers)[1].endswith("expected application/cloudevents+json")

    def test_wrong_binary(self) -> None:
        value = json.dumps(self.data).encode()
        assert refused(value, self.binary(specversion="2.0"))[1] == 'specversion: found "2.0"; expected 1.0'
        avro = [*self.binary(), ("content-type", b"application/avro")]
        assert refused(value, avro)[1] == 'datacontenttype: found "application/avro"; expected application/json'
        assert "no UTF-8" in refused(value, [*self.binary(), ("ce_subject", b"\xff")])[1]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.binary(max_size=60))
def test_any_bytes_are_an_event_or_an_invalid_record(value: bytes) -> None:
    for headers in ([], TestCloudEvents.structured, [("ce_specversion", b"1.0")]):
        with pytest.raises(InvalidRecord):
            decode_ticket_event(value, headers)


@given(st.dictionaries(st.sampled_from(sorted([*"abc", *FIELDS])), json_values))
def test_any_object_is_an_event_or_an_invalid_record(fields: dict[str, Any]) -> None:
    try:
        event = decode_ticket_event(record(**fields))
    except InvalidRecord as error:
        assert error.reason in ("json", "schema")
        assert error.detail
    else:
        assert event.kind in KINDS
