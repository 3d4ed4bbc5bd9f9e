"""Warnings: allowed, and probably not meant."""

from __future__ import annotations

import pytest

from sla_stream.formats.policy_file import lint_policies, parse_policies

HEAD = "apiVersion: sla-stream/v1\n"


def lint(text: str) -> list[str]:
    return [finding.render("p.yaml", with_severity=True) for finding in lint_policies(text, "p.yaml")]


def policies(*entries: str) -> str:
    return HEAD + "policies:\n" + "".join(f"  - {{{entry}}}\n" for entry in entries)


def test_nothing_to_say() -> None:
    assert lint(policies("name: a, targets: {resolution: {target: 1h, warn: ['80%', 30m]}}")) == []


def test_errors_stand_alone() -> None:
    found = lint(policies("name: a, targets: {resolution: {target: 1 h, warn: [30m]}}"))
    assert found == [
        "p.yaml:3:46: error: policies[0].targets.resolution.target: '1 h' is not a duration: "
        "expected a duration such as 90s, 30m, 8h or 1h30m"
    ]


def test_equal_candidates() -> None:
    match = "match: {plan: gold}, targets: {resolution: {target: 1h}}"
    text = policies(f"name: a, {match}", f"name: b, {match}")
    assert lint(text) == [
        "p.yaml:4:46: warning: policies[1].targets.resolution: equal to policy 'a' (line 3) in match and level: "
        "the first in the file wins"
    ]
    first, second = parse_policies(text, "p.yaml").policies
    assert (first.name, second.name) == ("a", "b")


@pytest.mark.parametrize(
    ("earlier", "later", "shadowed"),
    [
        ("{}", "{plan: gold}", True),
        ("{plan: gold}", "{plan: gold, customer: acme}", True),
        ("{plan: [gold, silver]}", "{plan: gold}", True),
        ("{plan: gold}", "{plan: [gold, silver]}", False),
        ("{plan: gold}", "{customer: acme}", False),
        ("{tags: {any: [a, b]}}", "{tags: {all: [b, c]}}", True),
        ("{tags: {all: [a]}}", "{tags: {all: [a, b]}}", True),
        ("{tags: {all: [a]}}", "{tags: [a]}", False),
        ("{not: {plan: gold}}", "{customer: acme}", False),
        ("{not: {plan: gold}}", "{customer: acme, not: {plan: gold}}", True),
        ("{plan: gold}", "{plan: gold, not: {customer: acme}}", True),
    ],
)
def test_shadowed(earlier: str, later: str, shadowed: bool) -> None:
    target = "targets: {resolution: {target: 1h}}"
    found = lint(policies(f"name: a, match: {earlier}, {target}", f"name: b, match: {later}, {target}"))
    assert len(found) == int(shadowed)
    if shadowed:
        assert "never reached: policy 'a' (line 3) is asked first and takes every such ticket" in found[0]


def test_a_higher_level_shadows_though_it_stands_below() -> None:
    target = "targets: {resolution: {target: 1h}}"
    (found,) = lint(policies(f"name: a, {target}", f"name: b, level: plan, {target}"))
    assert found.startswith("p.yaml:3:")
    assert "never reached: policy 'b' (line 4)" in found


def test_priorities_left_over_go_on_to_the_next_policy() -> None:
    partial = "name: a, targets: {resolution: {target: {high: 1h}}}"
    whole = "name: b, targets: {resolution: {target: 2h}}"
    assert lint(policies(partial, whole)) == []
    assert lint(policies(partial)) == [
        "p.yaml:3:46: warning: policies[0].targets.resolution.target: no `default`: tickets of a priority other "
        "than 'high' may have no resolution target"
    ]


def test_a_warning_that_never_fires() -> None:
    assert lint(policies("name: a, targets: {resolution: {target: {high: 30m, default: 2h}, warn: [30m]}}")) == [
        "p.yaml:3:53: warning: policies[0].targets.resolution.target.high: the warning '30m' lies at or before the "
        "start of this target: it never fires"
    ]


def test_a_metric_that_times_nothing() -> None:
    same = "[{kind: created}]"
    (found,) = lint(policies(f"name: a, targets: {{resolution: {{target: 1h, start: {same}, stop: {same}}}}}"))
    assert found.endswith("resolution starts and stops on the same conditions: it times nothing")


def test_reopen_where_nothing_reopens() -> None:
    (found,) = lint(policies("name: a, targets: {first_response: {target: 1h, reopen: continue}}"))
    assert found.startswith("p.yaml:3:54: warning: policies[0].targets.first_response.reopen: `reopen` has no effect")
    assert lint(policies("name: a, reopen: continue, targets: {first_response: {target: 1h}}")) == []


def test_a_removed_day_that_is_no_holiday() -> None:
    (found,) = lint(
        HEAD + "schedules:\n  s: {timezone: UTC, hours: {mon: '08:00-09:00'}, "
        "holidays: {country: DE, remove: ['2026-10-04']}}\n"
    )
    assert found.startswith("p.yaml:3:84: warning: schedules.s.holidays.remove[0]: 2026-10-04 is no holiday here")


def test_an_unused_schedule_that_is_never_open() -> None:
    assert lint(HEAD + "schedules:\n  s: {timezone: UTC}\n") == [
        "p.yaml:3:3: warning: schedules.s: schedule 's' is never open"
    ]


@pytest.mark.parametrize(
    ("timezone", "window", "noted"),
    [
        ("Europe/Berlin", "02:30-08:00", True),
        ("Europe/Berlin", "22:00-03:00", True),
        ("Europe/Berlin", "08:00-18:00", False),
        ("Europe/Berlin", "00:00-24:00", False),
        ("Asia/Kolkata", "02:30-08:00", False),
    ],
)
def test_windows_where_the_clocks_change(timezone: str, window: str, noted: bool) -> None:
    found = lint(f"{HEAD}schedules:\n  s: {{timezone: {timezone}, hours: {{sun: ['{window}']}}}}\n")
    assert len(found) == int(noted)
    assert all(": note: schedules.s.hours.sun[0]: " in line for line in found)
