"""Schedules of a policy file: hours, holidays, dates and closures as the calendar gets them."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest

from sla_stream.core.schedule_rules import ScheduleRules
from sla_stream.errors import ConfigError
from sla_stream.formats.instants import parse_instant
from sla_stream.formats.policy_file import load_policies, parse_policies

HOUR_S = 3600
EXAMPLES = Path(__file__).parents[3] / "schemas" / "examples" / "policies" / "v1"


def rules(rest: str, base: Path | None = None) -> ScheduleRules:
    text = f"apiVersion: sla-stream/v1\nschedules:\n  s:\n    timezone: Europe/Berlin\n    {rest}\n"
    return parse_policies(text, "p.yaml", base).schedules["s"].rules


def hours(*windows: tuple[float, float]) -> tuple[tuple[int, int], ...]:
    return tuple((int(start * HOUR_S), int(end * HOUR_S)) for start, end in windows)


@pytest.mark.parametrize(
    ("written", "open_days"),
    [
        ("mon", {0}),
        ("mon-fri", {0, 1, 2, 3, 4}),
        ("fri-mon", {4, 5, 6, 0}),
        ("mon,wed", {0, 2}),
        ("'mon-tue, sat'", {0, 1, 5}),
        ("Mon-SUN", {0, 1, 2, 3, 4, 5, 6}),
    ],
)
def test_days(written: str, open_days: set[int]) -> None:
    found = rules(f"hours: {{{written}: ['08:00-12:00']}}" if "," not in written or "'" in written
                  else f"hours: {{'{written}': ['08:00-12:00']}}").hours  # fmt: skip
    assert {day for day, windows in enumerate(found) if windows} == open_days
    assert {windows for windows in found if windows} == {hours((8, 12))}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("'08:00-12:00'", hours((8, 12))),
        ("['13:00-18:30', '08:00-12:00']", hours((8, 12), (13, 18.5))),
        ("['08:00-12:00', '12:00-13:00']", hours((8, 12), (12, 13))),
        ("['08:00:30-08:01']", ((28_830, 28_860),)),
        ("['22:00-06:00']", hours((22, 30))),
        ("['18:00-24:00']", hours((18, 24))),
        ("['18:00-00:00']", hours((18, 24))),
        ("['00:00-24:00']", hours((0, 24))),
        ("[]", ()),
    ],
)
def test_windows(written: str, expected: tuple[tuple[int, int], ...]) -> None:
    assert rules(f"hours: {{mon: {written}}}").hours[0] == expected


def test_dates_and_closures() -> None:
    found = rules(
        "dates: {2026-12-31: ['08:00-12:00'], '2026-05-15': []}\n    closed: ['2026-03-04T10:00/2026-03-05T12:30:15']"
    )
    assert found.dates == {date(2026, 12, 31): hours((8, 12)), date(2026, 5, 15): ()}
    assert found.closed == ((datetime(2026, 3, 4, 10), datetime(2026, 3, 5, 12, 30, 15)),)


def test_holidays_as_a_list() -> None:
    assert rules("holidays: [2026-12-24, '2026-12-25']").holidays == {date(2026, 12, 24), date(2026, 12, 25)}


def test_holidays_of_a_country_for_the_years_that_count() -> None:
    germany = rules("holidays: {country: DE}").holidays
    assert date(2026, 10, 3) in germany
    assert date(2026, 8, 15) not in germany
    assert {day.year for day in germany} == set(range(2015, 2046))


def test_holidays_of_a_subdivision_with_additions_and_removals() -> None:
    bavaria = rules("holidays: {country: DE, subdivision: BY, add: [2026-12-24], remove: [2026-11-01]}").holidays
    assert date(2026, 1, 6) in bavaria
    assert date(2026, 12, 24) in bavaria
    assert date(2026, 11, 1) not in bavaria
    assert date(2027, 11, 1) in bavaria


def test_the_schedule_computes() -> None:
    berlin = load_policies(EXAMPLES / "schedules_only.yaml").schedules["berlin"]
    start = parse_instant("2026-12-31T10:00:00Z")
    assert berlin.due(start, 3_600_000) == parse_instant("2026-12-31T11:00:00Z")
    assert berlin.due(start, 2 * 3_600_000) == parse_instant("2027-01-02T10:00:00Z")


def ics(*events: str) -> str:
    body = "".join(f"BEGIN:VEVENT\nUID:{number}\n{event}\nEND:VEVENT\n" for number, event in enumerate(events))
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:test\n{body}END:VCALENDAR\n"


def from_ics(tmp_path: Path, *events: str) -> set[date]:
    (tmp_path / "days.ics").write_text(ics(*events))
    return set(rules("holidays: {ics: days.ics}", tmp_path).holidays)


def test_ics_single_days_and_spans(tmp_path: Path) -> None:
    assert from_ics(
        tmp_path,
        "DTSTART;VALUE=DATE:20260105",
        "DTSTART;VALUE=DATE:20260301\nDTEND;VALUE=DATE:20260303",
        "DTSTART:20260401T220000Z\nDTEND:20260402T020000Z",
        "DTSTART:20260410T000000Z\nDTEND:20260411T000000Z",
        "DTSTART;VALUE=DATE:20260501\nDURATION:P2D",
        "DTSTART;VALUE=DATE:20260601\nSTATUS:CANCELLED",
        "DTSTART;VALUE=DATE:19990101",
    ) == {
        date(2026, 1, 5),
        date(2026, 3, 1), date(2026, 3, 2),
        date(2026, 4, 1), date(2026, 4, 2),
        date(2026, 4, 10),
        date(2026, 5, 1), date(2026, 5, 2),
    }  # fmt: skip


def test_ics_repetitions(tmp_path: Path) -> None:
    yearly = from_ics(tmp_path, "DTSTART;VALUE=DATE:20000515\nRRULE:FREQ=YEARLY")
    assert yearly == {date(year, 5, 15) for year in range(2015, 2046)}
    until = from_ics(tmp_path, "DTSTART;VALUE=DATE:20260105\nRRULE:FREQ=WEEKLY;UNTIL=20260120T000000Z")
    assert until == {date(2026, 1, 5), date(2026, 1, 12), date(2026, 1, 19)}
    counted = from_ics(
        tmp_path,
        "DTSTART;VALUE=DATE:20260105\nRRULE:FREQ=YEARLY;BYMONTH=1;BYDAY=1MO;COUNT=3\n"
        "EXDATE;VALUE=DATE:20270104\nRDATE;VALUE=DATE:20260707",
    )
    assert counted == {date(2026, 1, 5), date(2028, 1, 3), date(2026, 7, 7)}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("nonsense", "is not an iCalendar file"),
        (ics("DTSTART:20260101T000000Z\nRRULE:FREQ=SECONDLY"), "it repeats SECONDLY"),
        (ics("SUMMARY:Odd\nDTSTART;VALUE=DATE:20260101\nDTEND;VALUE=DATE:20290101"), "event 'Odd' cannot be read"),
        (ics("SUMMARY:No start"), "it has no start of its own"),
    ],
)
def test_ics_that_cannot_be_used(tmp_path: Path, content: str, sentence: str) -> None:
    (tmp_path / "days.ics").write_text(content)
    with pytest.raises(ConfigError) as caught:
        rules("holidays: {ics: days.ics}", tmp_path)
    (line,) = str(caught.value).splitlines()
    assert line.startswith("p.yaml:5:21: schedules.s.holidays.ics: ")
    assert sentence in line


def test_ics_is_looked_for_beside_the_policy_file() -> None:
    plant = load_policies(EXAMPLES / "schedules_only.yaml").schedules["plant"].rules.holidays
    assert {day for day in plant if day.year == 2026} == {
        date(2026, 5, 15), date(2026, 8, 1), date(2026, 8, 2), date(2026, 8, 3),
    }  # fmt: skip
