"""What is kept of one ticket: packed forms, the tail of recent events, fingerprints."""

from __future__ import annotations

import pytest

from sla_stream.core import ticket as stored
from tests.builders import Run, event, warn
from tests.stories import single, tell


def lived() -> stored.Ticket:
    """A ticket with everything: said, held, revised, ended."""
    story = """
        Mon 09:00 created priority=high tags=a,b
        Mon 09:20 resolved
        Mon 09:30 reopened
        Mon 09:10 updated custom.site=x @ Mon 09:50
        Mon 10:30 note_added
    """
    run = tell(Run(single(warnings=warn("50%"))), story)
    found = run.engine._load("T-1")
    assert found is not None
    return found


def test_packed_and_back() -> None:
    found = lived()
    assert stored.unpack_ticket(stored.pack_ticket(found)) == found
    assert stored.unpack_fold(stored.pack_fold(found.fold)) == found.fold


def test_nothing_folded_is_an_empty_fold() -> None:
    assert stored.unpack_fold(b"") == stored.new_fold()
    assert stored.new_fold().clocks is not stored.new_fold().clocks


def test_head_is_the_beginning_of_the_packed_form() -> None:
    found = lived()
    head = stored.decode_head(stored.pack_ticket(found))
    assert (head.form, head.armed) == (stored.FORM, found.armed)


def test_packed_form_is_small() -> None:
    """A ticket of one event and one clock; it is written at every change and kept in memory."""
    run = tell(Run(single()), "Mon 09:00 created id=e1")
    ((_, packed),) = run.engine.flush()
    assert packed is not None
    assert len(packed) < 300


@pytest.mark.parametrize("count", [0, 1, 2, 30])
def test_tail_gives_back_its_events(count: int) -> None:
    events = [event(f"Mon 09:{i:02}", "updated", id=f"e{i}", group="g" * (i * 20)) for i in range(count)]
    tail = b""
    for each in events:
        tail = stored.append_event(tail, stored.pack_event(each))
    assert stored.tail_events(tail) == events
    assert len(list(stored.packed_events(tail))) == count


def test_fingerprint_tells_duplicate_from_conflict() -> None:
    first = event("Mon 09:00", "updated", id="a", group="x", priority="p")
    same = event("Mon 09:00", "updated", id="a", priority="p", group="x")
    other = event("Mon 09:00", "updated", id="a", group="y", priority="p")
    ids = b"".join(map(stored.fingerprint, (event("Mon 08:00", "created", id="z"), first)))
    assert stored.find_fingerprint(ids, stored.fingerprint(same)) == stored.fingerprint(same)
    known = stored.find_fingerprint(ids, stored.fingerprint(other))
    assert known is not None
    assert known != stored.fingerprint(other)
    assert stored.find_fingerprint(ids, stored.fingerprint(event("Mon 09:00", "updated", id="b"))) is None
    assert len(stored.fingerprint(first)) == stored.FINGERPRINT_BYTES


def test_ids_are_found_only_at_their_places() -> None:
    """A fingerprint that appears across the border of two others is not one."""
    one, two = (stored.fingerprint(event("Mon 09:00", "updated", id=name)) for name in ("a", "b"))
    across = (one + two)[6 : 6 + stored.FINGERPRINT_BYTES]
    assert stored.find_fingerprint(one + two, across) is None


def test_position_is_the_last_event_or_threshold() -> None:
    run = tell(Run(single()), "Mon 09:00 created\nMon 09:10 updated")
    found = run.engine._load("T-1")
    assert found is not None
    assert found.position == found.last[0]
    tell(run, "Mon 10:30")
    assert found.position == found.fired_at > found.last[0]
