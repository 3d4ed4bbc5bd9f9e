"""Every shipped mapping against records of its source: the ticket events it gives, and the life they make.

The records are our own, made after the sources' documentation; one file a source in `tests/contract/sources`.
"""

from __future__ import annotations

from importlib.resources import files

import orjson
import pytest

from sla_stream.formats.codec import decode_ticket_event
from sla_stream.formats.wire import FIELDS, UnknownFields
from sla_stream.sources import mapping_names
from tests.source_samples import SOURCES, Sample, live, mapping, source

SAMPLES = [(name, sample) for name in SOURCES for sample in source(name).samples]
EVERY_SAMPLE = pytest.mark.parametrize(
    ("name", "sample"), SAMPLES, ids=[f"{name}: {sample.name}" for name, sample in SAMPLES]
)
EVERY_SOURCE = pytest.mark.parametrize("name", SOURCES)
WITHOUT_DELETION = {"servicenow-record", "pagerduty", "webim", "zammad", "intercom-tickets"}
"""These never say that a ticket is gone (Zammad says that it was merged)."""
WITHOUT_REPLIES = {"servicenow-stream", "servicenow-record", "debezium-cdc"}
"""These never say who wrote."""


def test_every_mapping_has_records() -> None:
    assert tuple(SOURCES) == mapping_names()


@EVERY_SAMPLE
def test_record_gives_the_expected_ticket_events(name: str, sample: Sample) -> None:
    events = [orjson.loads(value) for value in mapping(name).map(*sample.arguments())]
    assert events == sample.events


@EVERY_SAMPLE
def test_same_record_gives_the_same_bytes(name: str, sample: Sample) -> None:
    assert mapping(name).map(*sample.arguments()) == mapping(name).map(*sample.arguments())


@EVERY_SAMPLE
def test_ticket_events_are_normalised_and_pass_the_codec(name: str, sample: Sample) -> None:
    for value in mapping(name).map(*sample.arguments()):
        unknown = UnknownFields()
        event = decode_ticket_event(value, unknown=unknown)
        written = orjson.loads(value)
        assert unknown.total == 0
        assert set(written) <= FIELDS
        for field in {"occurred_at", "created_at", "due_at"} & set(written):
            assert written[field] is None or (len(written[field]) == 24 and written[field].endswith("Z"))
        assert event.ticket_id == written["ticket_id"]


@EVERY_SOURCE
def test_life_ends_in_the_right_sla_events(name: str) -> None:
    found = source(name)
    assert live(found.samples, mapping(name), found.policies) == found.said


@EVERY_SOURCE
def test_life_told_twice_is_the_same_life(name: str) -> None:
    found = source(name)
    twice = [sample for sample in found.samples for _ in range(2)]
    assert live(twice, mapping(name), found.policies) == found.said


@EVERY_SOURCE
def test_records_show_a_whole_life(name: str) -> None:
    samples = source(name).samples
    events = [event for sample in samples for event in sample.events]
    kinds = {event["kind"] for event in events}
    statuses = [event["status"] for event in events if "status" in event]
    assert len(samples) >= 6
    assert "created" in kinds
    assert {"resolved", "closed"} & set(statuses)
    ended = next(index for index, status in enumerate(statuses) if status in ("resolved", "closed"))
    assert any(status not in ("resolved", "closed") for status in statuses[ended:]), "no reopening"
    assert name in WITHOUT_DELETION or "deleted" in kinds
    assert name in WITHOUT_REPLIES or "agent_replied" in kinds
    assert name in WITHOUT_REPLIES | {"pagerduty"} or "customer_replied" in kinds


def test_a_queue_of_your_own_takes_ten_lines() -> None:
    text = files("sla_stream.sources").joinpath("mappings", "own-queue.yaml").read_text(encoding="utf-8")
    rules = [line for line in text.splitlines() if line.strip() and not line.startswith(("#", "apiVersion", "mapping"))]
    assert len(rules) <= 10
