"""Golden ids: the recipe of core/ids.py against the uuid module and against literals that must never change."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from sla_stream.core.ids import NAMESPACE, event_id, retraction_id, uuid5
from tests.builders import Run
from tests.stories import single, tell

GOLDEN: list[tuple[tuple[Any, ...], str, str]] = [
    (
        ("T-1", "resolution", 1, "sla.breach.v1", None, 1767607200000, 0),
        "3e7d38f8-0ea8-5450-9cdc-c09a21c70d9b",
        "ff85e691-80cd-5f90-afa3-45b272612cbb",
    ),
    (
        ("INC0000045", "first_response", 2, "sla.warning.v1", "80%", 1767606480000, 3),
        "e401fdd6-925c-564b-a54b-014664465d97",
        "e9a3d3d1-1a3e-550e-9c6c-69e3687dc041",
    ),
    (
        ("Störung-7", "resolution", 1, "sla.outcome.v1", None, None, 0),
        "802d75d7-c548-5fcc-b4da-eb19e5fb9b97",
        "147370b4-2113-5d72-beed-5b481fcba7cc",
    ),
]


def test_namespace() -> None:
    assert str(NAMESPACE) == "ac34a358-2f2c-5dba-8f27-3c957569b54f"
    assert uuid.uuid5(uuid.NAMESPACE_URL, "urn:sla-stream:v1") == NAMESPACE


@pytest.mark.parametrize(("parts", "id_", "retraction"), GOLDEN)
def test_golden(parts: tuple[Any, ...], id_: str, retraction: str) -> None:
    assert event_id(*parts) == id_
    assert retraction_id(id_) == retraction


@pytest.mark.parametrize(("parts", "id_", "retraction"), GOLDEN)
def test_recipe_with_other_tools(parts: tuple[Any, ...], id_: str, retraction: str) -> None:
    name = json.dumps(parts, separators=(",", ":"), ensure_ascii=False)
    assert str(uuid.uuid5(NAMESPACE, name)) == id_
    assert str(uuid.uuid5(NAMESPACE, id_)) == retraction


@pytest.mark.parametrize("text", ["", "a", 'quote " and \\ backslash', "\x00", "né", "票" * 200])
def test_ticket_ids_of_every_kind(text: str) -> None:
    name = json.dumps([text, "m", 1, "t", None, 0, 0], separators=(",", ":"), ensure_ascii=False)
    assert event_id(text, "m", 1, "t", None, 0, 0) == str(uuid.uuid5(NAMESPACE, name))


@pytest.mark.parametrize("number", range(50))
def test_uuid5_equals_the_uuid_module(number: int) -> None:
    found = uuid.UUID(uuid5(f"name {number}".encode()))
    assert found == uuid.uuid5(NAMESPACE, f"name {number}")
    assert (found.version, found.variant) == (5, uuid.RFC_4122)


def test_every_part_counts() -> None:
    base: tuple[Any, ...] = ("T", "m", 1, "t", "80%", 5, 0)
    others: tuple[Any, ...] = ("U", "n", 2, "u", None, 6, 1)
    found = {event_id(*base[:i], others[i], *base[i + 1 :]) for i in range(7)} | {event_id(*base)}
    assert len(found) == 8


def test_golden_ids_of_a_life() -> None:
    """What an engine says of a breached, resolved and reopened ticket."""
    run = tell(Run(single()), "Mon 09:00 created\nMon 10:30 resolved\nMon 11:00 reopened")
    assert [fact.id for fact in run.said] == [
        "3e7d38f8-0ea8-5450-9cdc-c09a21c70d9b",
        event_id("T-1", "resolution", 1, "sla.outcome.v1", None, 1767607200000, 0),
        retraction_id(event_id("T-1", "resolution", 1, "sla.outcome.v1", None, 1767607200000, 0)),
    ]
