"""Damaged records: each becomes a refusal with a reason or a correct ticket event; never a crash, never a wrong ticket.

A hundred damages a source. A value is taken out, or replaced by something else of any kind; or bytes are cut, changed,
doubled. A ticket id that comes out is the one of the sample, or was itself put there by the damage. And the function
that is generated for a mapping gives what its closures give, refusals to the letter.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sla_stream.errors import InvalidRecord
from sla_stream.formats.codec import decode_ticket_event
from tests.source_samples import SOURCES, Sample, mapping, source

MARK = "damaged-7f3a"
NUMBER = 987_654_321
DEEP: Any = "deep"
for _ in range(200):
    DEEP = [DEEP]
PUT = (
    None, True, False, 0, -1, 1.5, NUMBER, 2**63, 2**64 - 1, 1e300, "", " ", MARK, MARK * 40, "2026-13-45T99:00:00Z",
    "2026-03-02T09:00:00", "0001-01-01T00:00:00+14:00", [], {}, [None], {"id": {}}, [[], {}], DEEP, "\u0000", "🚒",
)  # fmt: skip
"""What may stand anywhere instead of what stood there. Put ids can be recognised."""
PUT_IDS = {str(value) for value in PUT if isinstance(value, str | int) and not isinstance(value, bool)}

Place = tuple[Any, ...]


def places(value: Any, at: Place = ()) -> Iterator[Place]:
    """Every place inside a JSON value."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        yield (*at, step)
        yield from places(inner, (*at, step))


def damage_value(payload: Any, data: st.DataObject) -> Any:
    damaged = copy.deepcopy(payload)
    for _ in range(data.draw(st.integers(1, 3), label="how many damages")):
        found = list(places(damaged))
        if not found:
            return damaged
        *way, last = data.draw(st.sampled_from(found), label="where")
        holder = damaged
        for step in way:
            holder = holder[step]
        if data.draw(st.booleans(), label="take it out"):
            del holder[last]
        else:
            holder[last] = copy.deepcopy(data.draw(st.sampled_from(PUT), label="put"))
    return damaged


def damage_bytes(text: bytes, data: st.DataObject) -> bytes:
    start = data.draw(st.integers(0, len(text)), label="start")
    end = data.draw(st.integers(start, min(len(text), start + 40)), label="end")
    put = data.draw(st.one_of(st.binary(max_size=4), st.just(text[start:end] * 2)), label="put")
    return text[:start] + put + text[end:]


def ids_of(name: str) -> set[str]:
    return {event["ticket_id"] for sample in source(name).samples for event in sample.events}


def both_ways(name: str, *record: Any) -> list[bytes]:
    """What the generated function says of a record; the closures must say the same."""
    try:
        step_by_step: Any = mapping(name).interpret(*record)
    except InvalidRecord as refused:
        step_by_step = str(refused)
    try:
        values = mapping(name).map(*record)
    except InvalidRecord as refused:
        assert str(refused) == step_by_step
        raise
    assert values == step_by_step
    return values


def check(name: str, sample: Sample, payload: bytes) -> list[str]:
    """Map, and check what comes out; the ticket ids."""
    _, headers, key, recorded_at = sample.arguments()
    try:
        values = both_ways(name, payload, headers, key, recorded_at)
    except InvalidRecord as refused:
        assert refused.reason in ("json", "schema")
        assert len(refused.detail) > 10
        return []
    return [decode_ticket_event(value).ticket_id for value in values]


@pytest.mark.parametrize("name", SOURCES)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_damaged_values(name: str, data: st.DataObject) -> None:
    sample = data.draw(
        st.sampled_from([one for one in source(name).samples if one.payload is not None]), label="record"
    )
    payload = damage_value(sample.payload, data)
    for ticket_id in check(name, sample, json.dumps(payload, ensure_ascii=False).encode()):
        own = ids_of(name)
        parts = {part for known in own for part in (known, *known.split("#"))}
        assert all(part in parts | PUT_IDS for part in (ticket_id, *ticket_id.split("#"))[ticket_id.count("#") > 0 :])


@pytest.mark.parametrize("name", SOURCES)
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_damaged_bytes(name: str, data: st.DataObject) -> None:
    sample = data.draw(
        st.sampled_from([one for one in source(name).samples if one.payload is not None]), label="record"
    )
    check(name, sample, damage_bytes(orjson.dumps(sample.payload), data))


@pytest.mark.parametrize("name", SOURCES)
@settings(max_examples=30, deadline=None)
@given(
    headers=st.lists(
        st.tuples(st.sampled_from(["id", "action", "ce_type", "content-type", "x"]), st.binary(max_size=12))
    ),
    key=st.none() | st.binary(max_size=12),
    recorded_at=st.none() | st.integers(0, 2**45),
    data=st.data(),
)
def test_damaged_headers_and_keys(
    name: str, headers: list[tuple[str, bytes]], key: bytes | None, recorded_at: int | None, data: st.DataObject
) -> None:
    sample = data.draw(st.sampled_from(source(name).samples), label="record")
    payload, known, _, _ = sample.arguments()
    kept = [header for header in known if data.draw(st.booleans())]
    try:
        for value in both_ways(name, payload, [*headers, *kept], key, recorded_at):
            decode_ticket_event(value)
    except InvalidRecord as refused:
        assert refused.reason in ("json", "schema")
