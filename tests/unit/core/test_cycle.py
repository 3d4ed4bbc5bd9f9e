"""One run of one clock, looked at from inside: thresholds, pausing, retargeting, the end, reviving."""

from __future__ import annotations

from typing import Any

import pytest

from sla_stream.core import cycle as clock
from sla_stream.core.cycle import MET, MISSED, PAUSED, RUNNING, Cycle
from sla_stream.core.policy import Target, Threshold
from sla_stream.core.schedule import FAR
from tests.builders import HOUR, MINUTE, NINE_TO_FIVE, after, target, warn
from tests.stories import at

ONE = target("resolution", HOUR, warnings=warn("80%", "30m"), escalations=after("2h", "1h"))
TWO = target("resolution", 2 * HOUR, warnings=warn("80%", "30m"))
OFFICE = target("resolution", 4 * HOUR, schedule=NINE_TO_FIVE)
START = at("Mon 09:00")


def begun(aim: Target = ONE, start: str = "Mon 09:00", **rest: Any) -> Cycle:
    return clock.begin(1, aim, at(start), **rest)


def fired(cycle: Cycle, aim: Target, times: int) -> list[tuple[str | None, int]]:
    found = []
    for _ in range(times):
        instant = cycle.next_at
        threshold = clock.fire(cycle, aim)
        found.append((threshold.name if threshold else None, instant))
    return found


def test_thresholds_come_in_the_order_of_their_instants() -> None:
    cycle = begun()
    assert fired(cycle, ONE, 5) == [
        ("-30m", at("Mon 09:30")),
        ("80%", at("Mon 09:48")),
        (None, at("Mon 10:00")),
        ("+1h", at("Mon 11:00")),
        ("+2h", at("Mon 12:00")),
    ]
    assert (cycle.next_at, cycle.breached, cycle.due) == (FAR, True, at("Mon 10:00"))


@pytest.mark.parametrize(
    ("percent", "duration", "used"), [(50.0, HOUR, HOUR // 2), (33.3, 1_000, 333), (99.9, 10, 10), (0.1, 1_000, 1)]
)
def test_percentages_are_rounded_to_the_millisecond(percent: float, duration: int, used: int) -> None:
    aim = target("resolution", duration, warnings=(Threshold(f"{percent}%", percent=percent),))
    warnings, _ = clock.marks(aim, duration)
    assert [mark.used for mark in warnings] == [used]


def test_marks_at_or_before_the_start_are_none() -> None:
    aim = target("resolution", HOUR, warnings=warn("2h", "1h", "59m"))
    warnings, _ = clock.marks(aim, HOUR)
    assert [mark.threshold.name for mark in warnings] == ["-59m"]


def test_marks_are_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Promised dates make any number of durations."""
    monkeypatch.setattr(clock, "_MARKS_LIMIT", 3)
    monkeypatch.setattr(clock, "_marks", {})
    for minutes in range(40, 60):
        warnings, _ = clock.marks(ONE, minutes * MINUTE)
        assert {mark.threshold.name: mark.used for mark in warnings} == {
            "80%": minutes * 48_000,
            "-30m": (minutes - 30) * MINUTE,
        }
        assert len(clock._marks) <= 3


def test_pausing_keeps_what_remains() -> None:
    cycle = begun(OFFICE, "Mon 16:00")
    clock.pause(cycle, OFFICE, at("Mon 16:30"))
    assert (cycle.stage, cycle.next_at, clock.elapsed(cycle, OFFICE, at("Tue 12:00"))) == (PAUSED, FAR, HOUR // 2)
    assert clock.paused_for(cycle, OFFICE, at("Tue 10:00")) == HOUR + HOUR // 2
    clock.resume(cycle, OFFICE, at("Tue 10:00"))
    assert (cycle.stage, cycle.due, cycle.paused) == (RUNNING, at("Tue 13:30"), HOUR + HOUR // 2)


def test_begun_paused_has_no_deadline() -> None:
    cycle = begun(paused=True)
    assert (cycle.stage, cycle.due, cycle.next_at) == (PAUSED, FAR, FAR)
    clock.resume(cycle, ONE, at("Mon 12:00"))
    assert cycle.due == at("Mon 13:00")


def test_without_a_target_nothing_is_ever_due() -> None:
    cycle = clock.begin(3, None, START)
    assert (cycle.number, cycle.ref, cycle.next_at) == (3, 0, FAR)
    clock.end(cycle, None, at("Mon 12:00"), MET)
    clock.revive(cycle, None, at("Mon 13:00"), counts=False)
    assert (cycle.stage, cycle.next_at, cycle.since) == (RUNNING, FAR, at("Mon 13:00"))


def test_the_end_keeps_the_deadline_unless_paused() -> None:
    running, paused = begun(), begun()
    clock.end(running, ONE, at("Mon 09:40"), MET)
    clock.pause(paused, ONE, at("Mon 09:30"))
    clock.end(paused, ONE, at("Mon 12:00"), MET)
    assert (running.due, paused.due) == (at("Mon 10:00"), FAR)
    assert (running.base, paused.base, paused.paused) == (40 * MINUTE, 30 * MINUTE, 150 * MINUTE)


@pytest.mark.parametrize(("counts", "due", "paused"), [(True, "Mon 10:00", 0), (False, "Mon 10:05", 5 * MINUTE)])
def test_reviving(counts: bool, due: str, paused: int) -> None:
    cycle = begun()
    clock.end(cycle, ONE, at("Mon 09:40"), MET, "why")
    clock.revive(cycle, ONE, at("Mon 09:45"), counts)
    assert (cycle.stage, cycle.due, cycle.paused, cycle.reason) == (RUNNING, at(due), paused, None)


def test_revived_breach_stays() -> None:
    cycle = begun()
    fired(cycle, ONE, 3)
    clock.end(cycle, ONE, at("Mon 10:30"), MISSED)
    clock.revive(cycle, ONE, at("Mon 12:00"), counts=False)
    assert (cycle.breached, cycle.due, cycle.next_at) == (True, at("Mon 10:00"), at("Mon 12:30"))


@pytest.mark.parametrize(
    ("said", "again", "next_"),
    [(0, [], ("-30m", "Mon 10:30")), (1, ["-30m"], ("-30m", "Mon 10:30")), (2, ["-30m", "80%"], ("-30m", "Mon 10:30"))],
)
def test_longer_target_makes_thresholds_unreached(said: int, again: list[str], next_: tuple[str, str]) -> None:
    cycle = begun()
    fired(cycle, ONE, said)
    found = clock.retarget(cycle, ONE, TWO, at("Mon 09:50"), None)
    assert sorted(found) == sorted(again)
    assert fired(cycle, TWO, 1) == [(next_[0], at(next_[1]))]
    assert (cycle.due, cycle.ref) == (at("Mon 11:00"), TWO.ref)


def test_shorter_target_keeps_what_was_said() -> None:
    cycle = begun(TWO)
    fired(cycle, TWO, 1)
    assert clock.retarget(cycle, TWO, ONE, at("Mon 10:30"), None) == []
    assert fired(cycle, ONE, 2) == [("80%", at("Mon 10:30")), (None, at("Mon 10:30"))]


def test_retargeting_across_schedules_keeps_the_amount() -> None:
    cycle = begun(ONE, "Mon 16:45")
    clock.retarget(cycle, ONE, OFFICE, at("Mon 17:15"), None)
    assert clock.elapsed(cycle, OFFICE, at("Tue 10:00")) == 90 * MINUTE
    assert cycle.due == at("Tue 12:30")


def test_restarting_forgets_all_time() -> None:
    cycle = begun()
    fired(cycle, ONE, 2)
    assert sorted(clock.restart(cycle, ONE, at("Mon 09:50"), None)) == ["-30m", "80%"]
    assert (cycle.started, cycle.due, cycle.next_at) == (at("Mon 09:50"), at("Mon 10:50"), at("Mon 10:20"))


def test_restarting_while_paused() -> None:
    cycle = begun()
    clock.pause(cycle, ONE, at("Mon 09:30"))
    clock.restart(cycle, ONE, at("Mon 11:00"), None)
    assert (cycle.stage, cycle.base, cycle.next_at) == (PAUSED, 0, FAR)
    assert clock.paused_for(cycle, ONE, at("Mon 11:30")) == 30 * MINUTE
