"""A first mapping, guessed."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla_stream.formats.codec import decode_ticket_event
from sla_stream.sources.compiler import compile_mapping
from sla_stream.sources.suggest import suggest
from tests.source_samples import SOURCES, source

HELPDESK = {
    "event_id": "e-1",
    "event": "ticket_created",
    "occurred_at": "2026-03-02T09:00:00Z",
    "ticket": {
        "id": 42,
        "status": "In Progress",
        "priority": {"name": "High"},
        "createdAt": "2026-03-02T08:00:00Z",
        "assignee": None,
        "team": "first",
        "company": "acme",
    },
}


def mapped(body: Any, text: str) -> dict[str, Any]:
    (value,) = compile_mapping(text, "mine.yaml").map(orjson.dumps(body), (), b"key", 1772442000000)
    decode_ticket_event(value)
    event: dict[str, Any] = orjson.loads(value)
    return event


def test_a_plain_helpdesk_is_guessed_whole() -> None:
    assert mapped(HELPDESK, suggest(HELPDESK)) == {
        "event_id": "e-1",
        "ticket_id": "42",
        "kind": "created",
        "occurred_at": "2026-03-02T09:00:00.000Z",
        "status": "open",
        "priority": "High",
        "customer": "acme",
        "group": "first",
    }


@pytest.mark.parametrize("name", SOURCES)
def test_guesses_for_real_shapes_load_and_map_their_record(name: str) -> None:
    for sample in source(name).samples:
        if isinstance(sample.payload, dict):
            mapped(sample.payload, suggest(sample.payload, "guess"))


SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8)
KEYS = st.sampled_from(["id", "ticket", "status", "time", "type", "a b", 'q"', "x.y", "ünï", "", "null", "priority"])
BODIES = st.recursive(SCALARS, lambda inner: st.dictionaries(KEYS, inner, max_size=4) | st.lists(inner, max_size=2))


@given(st.dictionaries(KEYS, BODIES, max_size=5))
def test_any_object_gives_a_file_that_loads(body: dict[str, Any]) -> None:
    compile_mapping(suggest(body), "mine.yaml")
