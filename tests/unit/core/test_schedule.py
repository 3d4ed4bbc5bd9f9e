"""Working time by example: each rule of the calendar as a small table."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from sla_stream.core.schedule import BEGIN, END, FAR, HorizonError, Schedule, ScheduleRules, Windows, check_horizon
from sla_stream.formats.instants import format_instant, parse_instant

HOUR = 3_600_000
NIGHT: Windows = ((22 * 3600, 30 * 3600),)
DAY: Windows = ((0, 86_400),)
OFFICE: Windows = ((8 * 3600, 12 * 3600), (13 * 3600, 18 * 3600))
NEVER: tuple[Windows, ...] = ((),) * 7


def schedule(
    timezone: str = "Europe/Berlin",
    weekdays: Windows = OFFICE,
    weekend: Windows = (),
    holidays: frozenset[date] = frozenset(),
    dates: dict[date, Windows] | None = None,
    closed: tuple[tuple[datetime, datetime], ...] = (),
) -> Schedule:
    hours = (weekdays, weekdays, weekdays, weekdays, weekdays, weekend, weekend)
    return Schedule(ScheduleRules("office", timezone, hours, holidays, dates or {}, closed))


def due(of: Schedule, start: str, hours: float) -> str:
    return format_instant(of.due(parse_instant(start), round(hours * HOUR))).removesuffix(":00.000Z")


def hours(of: Schedule, start: str, end: str) -> float:
    return of.elapsed(parse_instant(start), parse_instant(end)) / HOUR


@pytest.mark.parametrize(
    ("start", "duration", "expected"),
    [
        ("2026-01-05T08:00:00+01:00", 1, "2026-01-05T08:00"),
        ("2026-01-05T11:30:00+01:00", 1, "2026-01-05T12:30"),  # over the break
        ("2026-01-05T08:00:00+01:00", 4, "2026-01-05T11:00"),  # at closing time, not at the next opening
        ("2026-01-05T08:00:00+01:00", 9, "2026-01-05T17:00"),
        ("2026-01-05T03:00:00+01:00", 1, "2026-01-05T08:00"),  # before opening
        ("2026-01-09T17:00:00+01:00", 2, "2026-01-12T08:00"),  # over the weekend
        ("2026-01-10T12:00:00+01:00", 1, "2026-01-12T08:00"),  # started on Saturday
        ("2026-01-10T12:00:00+01:00", 0, "2026-01-10T11:00"),  # nothing to use up: at once, though closed
        ("2026-03-27T15:00:00Z", 8, "2026-03-30T13:00"),  # the zone changes in between
    ],
)
def test_due(start: str, duration: float, expected: str) -> None:
    assert due(schedule(), start, duration) == expected


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2026-01-05T08:00:00+01:00", "2026-01-05T18:00:00+01:00", 9),
        ("2026-01-05T12:15:00+01:00", "2026-01-05T12:45:00+01:00", 0),
        ("2026-01-09T17:30:00+01:00", "2026-01-12T08:15:00+01:00", 0.75),
        ("2026-01-01T00:00:00+01:00", "2027-01-01T00:00:00+01:00", 261 * 9),
        ("2026-01-05T18:00:00+01:00", "2026-01-05T08:00:00+01:00", -9),
    ],
)
def test_elapsed(start: str, end: str, expected: float) -> None:
    assert hours(schedule(), start, end) == expected


NIGHT_SHIFT = schedule(weekdays=NIGHT, weekend=NIGHT)


@pytest.mark.parametrize(
    ("noon", "following_noon", "expected"),
    [
        ("2026-01-05T11:00:00Z", "2026-01-06T11:00:00Z", 8),
        ("2026-03-28T11:00:00Z", "2026-03-29T10:00:00Z", 7),  # the hour that does not exist
        ("2026-10-24T10:00:00Z", "2026-10-25T11:00:00Z", 9),  # the hour that comes twice
    ],
)
def test_night_shift_is_real_time(noon: str, following_noon: str, expected: float) -> None:
    assert hours(NIGHT_SHIFT, noon, following_noon) == expected


def test_overnight_window_belongs_to_the_day_it_starts() -> None:
    friday_only = Schedule(ScheduleRules("n", "UTC", ((), (), (), (), NIGHT, (), ())))
    assert friday_only.is_open(parse_instant("2026-01-10T05:59:59.999Z"))
    assert not friday_only.is_open(parse_instant("2026-01-10T06:00:00Z"))
    assert not friday_only.is_open(parse_instant("2026-01-09T05:00:00Z"))


def test_holiday_removes_the_whole_shift_and_only_that() -> None:
    shift = schedule("UTC", NIGHT, NIGHT, holidays=frozenset({date(2026, 1, 6)}))
    assert hours(shift, "2026-01-06T00:00:00Z", "2026-01-07T12:00:00Z") == 6
    assert shift.is_open(parse_instant("2026-01-06T05:00:00Z"))
    assert not shift.is_open(parse_instant("2026-01-07T05:00:00Z"))


def test_date_replaces_hours_and_wins_over_a_holiday() -> None:
    holidays = frozenset({date(2026, 12, 25), date(2026, 12, 31)})
    dates: dict[date, Windows] = {date(2026, 12, 31): ((9 * 3600, 11 * 3600),), date(2026, 5, 15): ()}
    special = schedule("UTC", holidays=holidays, dates=dates)
    assert hours(special, "2026-12-25T00:00:00Z", "2026-12-26T00:00:00Z") == 0
    assert hours(special, "2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z") == 2
    assert hours(special, "2026-05-15T00:00:00Z", "2026-05-16T00:00:00Z") == 0
    assert hours(special, "2026-05-14T00:00:00Z", "2026-05-15T00:00:00Z") == 9


def test_closure_cuts_windows_and_may_span_days() -> None:
    closures = (
        (datetime(2026, 3, 4, 10), datetime(2026, 3, 4, 12, 30)),
        (datetime(2026, 3, 5, 17, 0, 0, 250_000), datetime(2026, 3, 9, 9)),
    )
    cut = schedule(closed=closures)
    assert hours(cut, "2026-03-04T00:00:00Z", "2026-03-05T00:00:00Z") == 7
    assert hours(cut, "2026-03-05T00:00:00Z", "2026-03-06T00:00:00Z") == 8 + 0.25 / 3600
    assert hours(cut, "2026-03-06T00:00:00Z", "2026-03-07T00:00:00Z") == 0
    assert due(cut, "2026-03-04T09:30:00+01:00", 1) == "2026-03-04T12:30"
    assert due(cut, "2026-03-06T09:30:00+01:00", 1) == "2026-03-09T09:00"


def test_whole_days_join_at_midnight() -> None:
    open_weekdays = schedule("UTC", DAY)
    assert hours(open_weekdays, "2026-01-05T00:00:00Z", "2026-01-10T00:00:00Z") == 120
    assert open_weekdays.is_open(parse_instant("2026-01-05T23:59:59.999Z"))
    assert not open_weekdays.is_open(parse_instant("2026-01-10T00:00:00Z"))
    assert due(open_weekdays, "2026-01-09T12:00:00Z", 12) == "2026-01-10T00:00"


def test_whole_days_last_as_long_as_the_day() -> None:
    berlin = schedule(weekdays=DAY, weekend=DAY)
    assert hours(berlin, "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00") == 23
    assert hours(berlin, "2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00") == 25


def test_repeated_hour_counts_twice_and_closes_twice() -> None:
    sunday: Windows = ((2 * 3600, 3 * 3600),)
    assert hours(schedule(weekend=sunday), "2026-10-25T00:00:00Z", "2026-10-25T12:00:00Z") == 2
    closed = ((datetime(2026, 10, 25, 2, 30), datetime(2026, 10, 25, 3)),)
    twice = schedule(weekend=sunday, closed=closed)
    assert hours(twice, "2026-10-25T00:00:00Z", "2026-10-25T12:00:00Z") == 1
    assert due(twice, "2026-10-25T00:00:00Z", 0.75) == "2026-10-25T01:15"


def test_window_inside_the_gap_vanishes() -> None:
    sunday: Windows = ((2 * 3600, 3 * 3600),)
    assert hours(schedule(weekend=sunday), "2026-03-29T00:00:00Z", "2026-03-30T00:00:00Z") == 0


def test_half_an_hour_of_dst() -> None:
    lord_howe = schedule("Australia/Lord_Howe", DAY, DAY)
    assert hours(lord_howe, "2026-04-05T00:00:00+11:00", "2026-04-06T00:00:00+10:30") == 24.5
    assert hours(lord_howe, "2026-10-04T00:00:00+10:30", "2026-10-05T00:00:00+11:00") == 23.5


def test_a_day_that_never_was() -> None:
    apia = schedule("Pacific/Apia", ((8 * 3600, 16 * 3600),), ())
    assert hours(apia, "2011-12-29T00:00:00-10:00", "2012-01-01T00:00:00+14:00") == 8
    thursday = parse_instant("2011-12-29T09:00:00-10:00")
    # Friday the 30th did not exist, so Monday is the first working day after Thursday.
    assert format_instant(apia.business_days_later(thursday, 1)) == "2012-01-01T19:00:00.000Z"


def test_midnight_that_dst_skips() -> None:
    # Sao Paulo went from 2018-11-03 23:59:59 to 2018-11-04 01:00:00.
    early: Windows = ((0, 2 * 3600),)
    assert hours(schedule("America/Sao_Paulo", early, early), "2018-11-04T00:00:00Z", "2018-11-05T00:00:00Z") == 1


def test_always() -> None:
    always = Schedule.always()
    at = parse_instant("2026-01-01T00:00:00Z")
    assert (always.name, always.rules.name) == ("24x7", "24x7")
    assert always.used(at) == at
    assert always.instant(at) == at
    assert always.is_open(at) and always.next_open(at) == at and not always.never_open
    assert always.due(at, HOUR) == at + HOUR
    assert always.instant(END) == FAR
    assert always.business_days_later(at, 3) == at + 72 * HOUR
    assert Schedule.always("round the clock").name == "round the clock"


def test_always_agrees_with_the_same_hours_written_out() -> None:
    written, always = schedule("UTC", DAY, DAY), Schedule.always()
    for text in ("1985-02-28T00:00:00Z", "2019-12-31T23:59:59.999Z", "2020-01-01T00:00:00Z", "2099-12-31T23:00:00Z"):
        at = parse_instant(text)
        assert always.due(at, HOUR // 2) == written.due(at, HOUR // 2)
        assert always.elapsed(at, at + 7) == written.elapsed(at, at + 7) == 7


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-01-05T08:00:00+01:00", "2026-01-05T07:00:00.000Z"),
        ("2026-01-05T17:59:59.999+01:00", "2026-01-05T16:59:59.999Z"),
        ("2026-01-05T18:00:00+01:00", "2026-01-06T07:00:00.000Z"),
        ("2026-01-05T12:00:00+01:00", "2026-01-05T12:00:00.000Z"),
        ("2026-12-31T20:00:00Z", "2027-01-01T07:00:00.000Z"),  # into a year not asked for before
    ],
)
def test_next_open(at: str, expected: str) -> None:
    found = schedule().next_open(parse_instant(at))
    assert found is not None and format_instant(found) == expected


def test_next_open_is_none_when_nothing_comes() -> None:
    once = Schedule(ScheduleRules("once", "UTC", NEVER, dates={date(2026, 1, 5): OFFICE}))
    assert once.next_open(parse_instant("2026-01-05T18:00:00Z")) is None


@pytest.mark.parametrize(
    ("start", "days", "expected"),
    [
        ("2026-01-05T10:15:00+01:00", 0, "2026-01-05T09:15:00.000Z"),
        ("2026-01-05T10:15:00+01:00", 1, "2026-01-06T09:15:00.000Z"),
        ("2026-01-08T10:15:00+01:00", 2, "2026-01-12T09:15:00.000Z"),  # the weekend does not count
        ("2026-01-10T10:15:00+01:00", 2, "2026-01-13T09:15:00.000Z"),  # started on Saturday: Monday is the first
        ("2026-01-05T20:00:00+01:00", 1, "2026-01-06T19:00:00.000Z"),  # after hours: the same local time
        ("2026-03-27T10:00:00+01:00", 1, "2026-03-30T08:00:00.000Z"),  # the same local time in summer
        ("2025-12-30T10:00:00+01:00", 2, "2026-01-02T09:00:00.000Z"),  # New Year's Day is a holiday
        ("2026-01-05T00:30:00+01:00", 1, "2026-01-05T23:30:00.000Z"),  # local dates, not UTC dates
    ],
)
def test_business_days(start: str, days: int, expected: str) -> None:
    office = schedule(holidays=frozenset({date(2026, 1, 1)}))
    assert format_instant(office.business_days_later(parse_instant(start), days)) == expected


def test_business_days_skip_a_day_closed_all_day_but_not_one_closed_in_part() -> None:
    closed = (
        (datetime(2026, 1, 6), datetime(2026, 1, 7)),
        (datetime(2026, 1, 7, 8), datetime(2026, 1, 7, 17, 59)),
    )
    later = schedule(closed=closed).business_days_later(parse_instant("2026-01-05T10:00:00+01:00"), 1)
    assert format_instant(later) == "2026-01-07T09:00:00.000Z"


def test_business_day_is_one_on_which_a_window_starts() -> None:
    # The shift that starts on Saturday ends on Sunday, and does not make Sunday a working day.
    saturday_night = Schedule(ScheduleRules("n", "UTC", (OFFICE, (), (), (), (), NIGHT, ())))
    later = saturday_night.business_days_later(parse_instant("2026-01-10T23:00:00Z"), 1)
    assert format_instant(later) == "2026-01-12T23:00:00.000Z"


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("2026-03-28T02:30:00+01:00", "2026-03-29T01:00:00.000Z"),  # 02:30 does not exist: the instant of the jump
        ("2026-10-24T02:30:00+02:00", "2026-10-25T00:30:00.000Z"),  # 02:30 comes twice: the first
    ],
)
def test_business_day_at_a_time_that_is_skipped_or_repeated(start: str, expected: str) -> None:
    later = schedule(weekdays=DAY, weekend=DAY).business_days_later(parse_instant(start), 1)
    assert format_instant(later) == expected


def test_business_days_end_at_the_horizon() -> None:
    office = schedule()
    assert office.business_days_later(parse_instant("2099-12-30T10:00:00Z"), 100) == FAR
    assert office.business_days_later(BEGIN - 1, 1) == FAR
    assert office.business_days_later(END, 1) == FAR


def test_coordinates_do_not_depend_on_what_was_asked_before() -> None:
    instants = [parse_instant(f"{year}-06-17T09:00:00Z") for year in (2020, 2031, 1999, 2019, 2026)]
    asked = schedule()
    before = [asked.used(at) for at in instants]
    assert before == [schedule().used(at) for at in instants]
    assert before == [asked.used(at) for at in instants]
    assert [asked.instant(used) for used in before] == instants
    assert asked.used(parse_instant("2020-01-01T00:00:00Z")) == 0


def test_zero_used_is_reached_at_the_last_closing_before_the_zero() -> None:
    assert format_instant(schedule().instant(0)) == "2019-12-31T17:00:00.000Z"
    assert format_instant(schedule("UTC", DAY, DAY).instant(0)) == "2020-01-01T00:00:00.000Z"


def test_outside_the_horizon_no_time_is_used() -> None:
    office = schedule(weekdays=DAY, weekend=DAY)
    last, first = office.used(END), office.used(BEGIN)
    assert office.used(END + HOUR) == office.used(FAR) == last
    assert office.used(BEGIN - HOUR) == office.used(parse_instant("0001-01-01T00:00:00Z")) == first
    assert not office.is_open(END) and not office.is_open(BEGIN - 1)
    assert office.is_open(END - 1) and office.is_open(BEGIN)
    assert office.instant(last) == END
    assert office.instant(last + 1) == FAR
    assert office.instant(first) == office.instant(first - 1) == BEGIN
    assert office.next_open(BEGIN - 5) == BEGIN
    assert office.next_open(END) is None


def test_due_beyond_the_horizon_is_an_error() -> None:
    office = schedule()
    start = parse_instant("2026-01-05T08:00:00Z")
    with pytest.raises(HorizonError, match=r"'office' has no 3600000000000 s of open time left before 2100"):
        office.due(start, 3_600_000_000_000_000)
    with pytest.raises(HorizonError, match=r"outside the years 1970 to 2099"):
        office.due(END, 1)
    with pytest.raises(HorizonError, match=r"outside the years 1970 to 2099"):
        check_horizon(BEGIN - 1)
    with pytest.raises(HorizonError):
        Schedule.always().due(END - 1, 1)


def test_never_open() -> None:
    never = Schedule(ScheduleRules("never", "UTC", NEVER))
    start = parse_instant("2026-01-05T08:00:00Z")
    assert never.never_open
    assert never.used(start) == 0
    assert never.instant(1) == FAR
    with pytest.raises(HorizonError, match="'never' is never open between 1970 and 2099"):
        never.due(start, 1)


def test_closed_for_good_is_never_open() -> None:
    assert schedule(closed=((datetime(1969, 1, 1), datetime(2101, 1, 1)),)).never_open


def test_open_once_is_not_never_open() -> None:
    assert not schedule().never_open
    for day in (date(1985, 6, 3), date(2050, 6, 3)):
        assert not Schedule(ScheduleRules("once", "UTC", NEVER, dates={day: OFFICE})).never_open


def test_unknown_zone() -> None:
    with pytest.raises(ValueError, match="'Mars/Olympus' is not an IANA time zone"):
        schedule("Mars/Olympus")


def test_identity() -> None:
    one, other = schedule(), schedule()
    assert one != other and len({one, other, one}) == 2
    assert one.name == other.name and one.rules == other.rules
    assert repr(one) == "Schedule('office')"
