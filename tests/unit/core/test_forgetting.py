"""Closed tickets are forgotten once, in slices, and not while they live on (rules 11 and 12)."""

from __future__ import annotations

from tests.builders import DAY, HOUR, Run, at, event, policies, policy, target

RULES = policies(policy(target("resolution", HOUR)))


def run(*events: tuple[str, str], **settings: int) -> Run:
    found = Run(RULES, **{"retain_closed": 30 * DAY, "allowed_lateness": 7 * DAY, **settings})
    return found.read(*(event(when, kind) for when, kind in events))


def known(found: Run) -> list[str]:
    return list(found.engine.ticket_ids())


def test_forgotten_after_the_time_it_is_kept() -> None:
    found = run(("Mon 09:00", "created"), ("Mon 09:30", "closed"))
    assert known(found.until(at("Mon 09:30") + 30 * DAY)) == ["T-1"]
    assert known(found.until(at("Mon 09:30") + 30 * DAY + 1)) == []
    assert found.engine.flush() == [("T-1", None)]


def test_reopened_and_closed_again_it_waits_anew() -> None:
    found = run(("Mon 09:00", "created"), ("Mon 09:30", "closed"), ("Tue 09:00", "reopened"), ("Tue 09:10", "closed"))
    assert known(found.until(at("Mon 09:30") + 30 * DAY + 1)) == ["T-1"]
    assert known(found.crash().until(at("Tue 09:10") + 30 * DAY + 1)) == []


def test_deleted_after_it_was_closed_it_goes_earlier_and_once() -> None:
    found = run(("Mon 09:00", "created"), ("Mon 09:30", "closed"), ("Tue 09:00", "deleted"))
    assert known(found.until(at("Tue 09:00") + 7 * DAY + 1)) == []
    assert known(found.until(at("Mon 09:30") + 31 * DAY)) == []
    assert found.engine.next_due() is None


def test_forgetting_is_cut_in_slices() -> None:
    found = run()
    for i in range(3):
        found.read(event("Mon 09:00", "created", ticket=f"T-{i}"), event("Mon 09:00", "closed", ticket=f"T-{i}"))
    now = at("Mon 09:00") + 31 * DAY
    left = []
    while found.engine.advance(now, limit=1):
        left.append(len(known(found)))
    assert sorted(set(left), reverse=True) == [3, 2, 1]
    assert known(found) == []


def test_waiting_to_be_forgotten_is_no_open_timer() -> None:
    found = run(("Mon 09:00", "created"))
    assert found.engine.open_timers == 1
    found.read(event("Mon 09:30", "closed")).until("Mon 12:00")
    assert found.engine.open_timers == 0
