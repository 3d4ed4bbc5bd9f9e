"""The calendar against a brute force that looks at every minute, around every odd thing zones have done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from sla_stream.core.schedule import FAR, Schedule, ScheduleRules, Windows
from sla_stream.core.zones import load_zone

MINUTE = 60_000
DAYS = 4
ODD_DAYS = [
    ("Europe/Berlin", "2026-03-28"),
    ("Europe/Berlin", "2026-10-24"),
    ("Europe/Berlin", "2019-12-31"),  # the fixed zero of the coordinates
    ("America/New_York", "2026-03-07"),
    ("America/New_York", "2026-10-31"),
    ("Australia/Lord_Howe", "2026-04-04"),  # half an hour back
    ("Australia/Lord_Howe", "2026-10-03"),
    ("Pacific/Apia", "2011-12-29"),  # the 30th was left out
    ("Pacific/Apia", "2011-09-23"),
    ("Africa/Casablanca", "2025-02-22"),  # Ramadan
    ("Africa/Casablanca", "2025-04-05"),
    ("Asia/Kolkata", "2026-01-01"),
    ("America/Sao_Paulo", "2018-11-03"),  # midnight left out
    ("America/Sao_Paulo", "2018-02-17"),  # midnight twice
    ("Asia/Tehran", "2022-03-21"),
    ("Asia/Tehran", "2022-09-20"),
]


@dataclass(frozen=True)
class Case:
    rules: ScheduleRules
    start: int


def day_windows() -> st.SearchStrategy[Windows]:
    window = st.tuples(st.integers(0, 1439), st.integers(1, 1440))
    seconds = window.map(lambda pair: (pair[0] * 60, (pair[0] + pair[1]) * 60))
    return st.lists(seconds, max_size=2).map(tuple)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    zone, text = draw(st.sampled_from(ODD_DAYS))
    day = date.fromisoformat(text)
    near = st.integers(-1, DAYS).map(lambda days: day + timedelta(days))
    moment = st.tuples(near, st.integers(0, 1439)).map(
        lambda pair: datetime.combine(pair[0], datetime.min.time()) + timedelta(minutes=pair[1])
    )
    closure = st.tuples(moment, st.integers(0, 2880)).map(lambda pair: (pair[0], pair[0] + timedelta(minutes=pair[1])))
    rules = ScheduleRules(
        "any",
        zone,
        draw(st.tuples(*[day_windows()] * 7)),
        draw(st.frozensets(near, max_size=2)),
        draw(st.dictionaries(near, day_windows(), max_size=2)),
        tuple(draw(st.lists(closure, max_size=2))),
    )
    start = int(datetime.combine(day, datetime.min.time(), UTC).timestamp()) * 1000
    return Case(rules, start - draw(st.integers(0, 1440)) * MINUTE)


def minutes(case: Case) -> list[list[date]]:
    """For each minute the dates whose windows are open in it."""
    zone = load_zone(case.rules.timezone)
    found = []
    for at in range(case.start, case.start + DAYS * 1440 * MINUTE, MINUTE):
        local = datetime.fromtimestamp(at // 1000, zone).replace(tzinfo=None)
        found.append([] if _closed(case.rules, local) else _open_dates(case.rules, local))
    return found


def _closed(rules: ScheduleRules, local: datetime) -> bool:
    return any(start <= local < end for start, end in rules.closed)


def _open_dates(rules: ScheduleRules, local: datetime) -> list[date]:
    dates = []
    for day in (local.date() - timedelta(1), local.date()):
        second = (local - datetime.combine(day, datetime.min.time())).total_seconds()
        if any(start <= second < end for start, end in rules.windows(day)):
            dates.append(day)
    return dates


@settings(max_examples=120, deadline=None)
@given(cases())
def test_every_minute(case: Case) -> None:
    schedule = Schedule(case.rules)
    first, used = schedule.used(case.start), 0
    for minute, dates in enumerate(minutes(case)):
        at = case.start + minute * MINUTE
        assert schedule.used(at) - first == used
        assert schedule.is_open(at) == bool(dates)
        if dates:
            # Earliest: the coordinate of an open minute is reached at its start or, at an opening, long before.
            assert schedule.instant(first + used) <= at
            assert schedule.instant(first + used + 1) == at + 1
            assert schedule.instant(first + used + MINUTE) == at + MINUTE
            used += MINUTE


@settings(max_examples=60, deadline=None)
@given(cases())
def test_next_open_is_the_next_open_minute(case: Case) -> None:
    schedule = Schedule(case.rules)
    following: int | None = None
    for minute, dates in reversed(list(enumerate(minutes(case)))):
        at = case.start + minute * MINUTE
        following = at if dates else following
        if following is not None:
            assert schedule.next_open(at) == following


@settings(max_examples=60, deadline=None)
@given(cases(), st.integers(0, 1439))
def test_the_next_working_day_is_the_next_date_with_an_open_minute(case: Case, minute: int) -> None:
    zone = load_zone(case.rules.timezone)
    start = case.start + minute * MINUTE
    today = datetime.fromtimestamp(start // 1000, zone).date()
    working = {day for dates in minutes(case) for day in dates if day > today}
    later = Schedule(case.rules).business_days_later(start, 1)
    end = datetime.fromtimestamp(case.start // 1000, zone).date() + timedelta(DAYS)
    if not working or min(working) + timedelta(2) > end:
        # Nothing seen, or so late that an earlier date's shift could be open after the last minute looked at.
        assert later > start
        return
    found = datetime.fromtimestamp(later // 1000, zone).date()
    # A local time that does not exist moves to the jump, which may be the start of the following date.
    skipped = _skipped(min(working), start, case)
    assert found == min(working) or (skipped and found == min(working) + timedelta(1))


def _skipped(day: date, start: int, case: Case) -> bool:
    zone = load_zone(case.rules.timezone)
    local = datetime.combine(day, datetime.fromtimestamp(start // 1000, zone).time())
    back = datetime.fromtimestamp(int(local.replace(tzinfo=zone).timestamp()), zone)
    return back.replace(tzinfo=None) != local


instants = st.integers(-3 * 365, 12 * 365).map(lambda day: 1_577_836_800_000 + day * 86_400_000)


@settings(max_examples=150, deadline=None)
@given(cases(), instants, st.integers(0, 86_399_999), st.integers(1, 2_000 * 3_600_000))
def test_elapsed_is_the_inverse_of_due(case: Case, day: int, time_of_day: int, duration: int) -> None:
    schedule = Schedule(case.rules)
    start = day + time_of_day
    due = schedule.instant(schedule.used(start) + duration)
    if due != FAR:
        assert schedule.due(start, duration) == due > start
        assert schedule.elapsed(start, due) == duration
        assert schedule.elapsed(start, due - 1) == duration - 1
        assert schedule.is_open(due - 1)


@settings(max_examples=100, deadline=None)
@given(cases(), st.lists(st.tuples(instants, st.integers(0, 86_399_999)), min_size=2, max_size=8))
def test_used_grows_with_time_and_forgets_the_order_of_questions(case: Case, asked: list[tuple[int, int]]) -> None:
    schedule, moments = Schedule(case.rules), [day + time for day, time in asked]
    used = {at: schedule.used(at) for at in moments}
    ordered = sorted(used)
    for earlier, later in pairwise(ordered):
        assert 0 <= used[later] - used[earlier] <= later - earlier
    other = Schedule(case.rules)
    assert used == {at: other.used(at) for at in reversed(ordered)}
