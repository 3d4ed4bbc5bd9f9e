"""What a letter says of itself, and which letters a filter means."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from sla_stream.errors import ConfigError
from sla_stream.formats.settings import Settings
from sla_stream.kafka.dead_letters import with_reason
from sla_stream.kafka.retry_log import Mark
from sla_stream.letters.forecast import refusal
from sla_stream.letters.letter import Letter, Place, ids_of, letter_of, row
from sla_stream.letters.selection import Selection, places_of
from sla_stream.letters.showing import lines, table

INPUT = "sla.ticket-events.v1"
NOON = 1_772_452_800_000
DAY = 86_400_000
EVENT = {"event_id": "e1", "ticket_id": "T-1", "kind": "created", "occurred_at": "2026-03-02T12:00:00Z"}


def record(value: Any = EVENT, key: bytes | None = b"T-1", headers: Any = (), offset: int = 7) -> SimpleNamespace:
    data = value if isinstance(value, bytes | None) else orjson.dumps(value)
    return SimpleNamespace(offset=offset, timestamp=NOON, key=key, value=data, headers=tuple(headers))


def letter(reason: str = "schema", value: Any = EVENT, key: bytes | None = b"T-1", source: str = INPUT) -> Letter:
    headers = with_reason([("trace", b"1")], reason, "because", source, 3, 90)  # type: ignore[arg-type]
    return letter_of("dead", 2, record(value, key, headers))


def test_a_letter_is_the_record_as_it_was_and_why_it_is_here() -> None:
    found = letter()
    assert (found.id, found.place) == ("2/7", Place("dead", 2, 7))
    assert (found.reason, found.detail, str(found.source)) == ("schema", "because", f"{INPUT}/3/90")
    assert (found.key, found.value, found.headers) == (b"T-1", orjson.dumps(EVENT), (("trace", b"1"),))


def test_of_two_reasons_the_last_counts_and_the_first_stays_with_the_record() -> None:
    first = with_reason([], "json", "once", "old", 0, 1)
    found = letter_of("dead", 0, record(headers=with_reason(first, "key", "twice", INPUT, 1, 2)))
    assert (found.reason, found.detail, str(found.source)) == ("key", "twice", f"{INPUT}/1/2")
    assert list(found.headers) == first


@pytest.mark.parametrize("missing", ["sla-reason", "sla-topic", "sla-partition", "sla-offset"])
def test_a_record_that_no_worker_set_aside_keeps_all_its_headers(missing: str) -> None:
    headers = [header for header in with_reason([], "json", "x", INPUT, 0, 1) if header[0] != missing]
    found = letter_of("dead", 0, record(headers=headers))
    assert (found.reason, found.source, found.detail) == (None, None, "")
    assert list(found.headers) == headers
    assert row(found, None)["topic"] is None


def test_a_place_that_is_none_makes_it_foreign() -> None:
    headers = [("sla-reason", b"json"), ("sla-topic", b"t"), ("sla-partition", b"x"), ("sla-offset", b"1")]
    assert letter_of("dead", 0, record(headers=headers)).source is None


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        (EVENT, ("T-1", "e1")),
        ({"specversion": "1.0", "id": "e2", "subject": "T-2", "data": {"kind": "created"}}, ("T-2", "e2")),
        ({"specversion": "1.0", "id": "e2", "subject": "T-2", "data": EVENT}, ("T-1", "e1")),
        ({"id": 5, "ticket_id": 7}, (None, None)),
        (b"no json", (None, None)),
        (b"[1]", (None, None)),
        (None, (None, None)),
    ],
)
def test_ids_as_far_as_the_value_tells(value: Any, ids: tuple[str | None, str | None]) -> None:
    assert ids_of(letter(value=value)) == ids


@pytest.mark.parametrize(
    ("takes", "leaves"),
    [
        ({"reasons": frozenset({"schema", "json"})}, {"reasons": frozenset({"json"})}),
        ({"source": INPUT}, {"source": "other"}),
        ({"partition": 3}, {"partition": 2}),
        ({"since": NOON}, {"since": NOON + 1}),
        ({"until": NOON + 1}, {"until": NOON}),
        ({"ticket": "T-1"}, {"ticket": "T-2"}),
        ({"event": "e1"}, {"event": "e2"}),
        ({"contains": b'"created"'}, {"contains": b"resolved"}),
        ({"places": frozenset({(2, 7)})}, {"places": frozenset({(2, 8), (7, 2)})}),
    ],
)
def test_every_condition_must_hold(takes: dict[str, Any], leaves: dict[str, Any]) -> None:
    found = letter()
    assert Selection().takes(found)
    assert Selection(**takes).takes(found)
    assert not Selection(**leaves).takes(found)
    assert not Selection(**({"contains": b"resolved"} if "contains" not in leaves else {"event": "x"}), **takes).takes(
        found
    )


def test_a_ticket_is_found_by_key_where_the_value_says_nothing() -> None:
    assert Selection(ticket="T-1").takes(letter(value=b"no json"))
    assert Selection(ticket="T-1").takes(letter(key=None))
    assert not Selection(ticket="T-1").takes(letter(value=b"no json", key=None))


def test_places_are_typed_as_shown() -> None:
    assert places_of(["3/1042", "0/0"]) == {(3, 1042), (0, 0)}
    for wrong in ("3", "3/", "/3", "3/x", "dead/3/4", "-1/2", "3/4 "):
        with pytest.raises(ConfigError, match=r"expected a letter as `list` shows it, PARTITION/OFFSET"):
            places_of([wrong])


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (letter(), None),
        (letter("future"), None),
        (letter("engine_error"), None),
        (letter("json", b"no json"), "json"),
        (letter("schema", EVENT | {"kind": "solved"}), "schema"),
        (letter("key", key=None), "key"),
        (letter("too_large", EVENT | {"reason": "x" * 300_000}), "too_large"),
        (letter("future", EVENT | {"occurred_at": "2026-03-02T12:10:00Z"}), "future"),
        (letter("conflict"), "conflict"),
        (letter("too_late"), None),
        (letter("too_late", EVENT | {"occurred_at": "2026-02-23T11:59:59Z"}), "too_late"),
        (letter("engine_error", EVENT | {"occurred_at": "2026-02-23T11:59:59Z"}), None),
        (letter("json", b"no json", source="vendor"), None),
    ],
)
def test_what_would_become_of_it(found: Letter, reason: str | None) -> None:
    refused = refusal(found, Settings(), NOON)
    assert (refused[0] if refused else None) == reason


def test_a_raised_lateness_lets_a_late_event_in() -> None:
    late = letter("too_late", EVENT | {"occurred_at": "2026-02-20T12:00:00Z"})
    assert refusal(late, Settings(allowed_lateness=9 * DAY, retain_closed=30 * DAY), NOON) == (
        "too_late",
        "its place is 2026-02-20T12:00:00.000Z; allowed_lateness (9d) does not reach back so far",
    )
    assert refusal(late, Settings(allowed_lateness=10 * DAY, retain_closed=30 * DAY), NOON) is None


def test_nothing_reaches_a_terminal_as_it_is() -> None:
    evil = letter(value=b"\x1b[2J{", key=b"\x1b]0;x\x07")
    mark = Mark("dead/2/7", f"{INPUT}/3/90", "schema", f"{INPUT}/3", "2026-03-02T13:00:00.000Z", "o\x1bps", None)
    shown = [*lines(evil, mark), *table([row(evil, mark.retried_at)])]
    assert not any("\x1b" in line or "\x07" in line for line in shown)
    assert "sent      again at 2026-03-02T13:00:00.000Z to sla.ticket-events.v1/3, by o\\x1bps" in shown


def test_a_letter_is_shown_whole() -> None:
    shown = list(lines(letter(), None))
    assert shown[:7] == [
        "letter    2/7 on dead",
        "reason    schema",
        "detail    because",
        f"from      {INPUT}/3/90",
        "at        2026-03-02T12:00:00.000Z",
        "key       T-1",
        "header    trace: 1",
    ]
    assert shown[7].startswith("value     ")
    assert '  "ticket_id": "T-1",' in shown
    assert list(lines(letter(value=None), None))[-1] == "value     none (a null record)"
