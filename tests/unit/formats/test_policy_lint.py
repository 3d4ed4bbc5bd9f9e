"""Warnings: allowed, and probably not meant."""

from __future__ import annotations

import pytest

from sla_stream.formats.policy_file import lint_policies, parse_policies

HEAD = "apiVersion: sla-stream/v1\n"


def lint(text: str) -> list[str]:
    return [finding.render("p.yaml", with_severity=True) for finding in lint_policies(text, "p.yaml")]


def warnings(text: str) -> list[str]:
    return [line for line in lint(text) if ": warning: " in line]


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
    found = warnings(policies(f"name: a, match: {earlier}, {target}", f"name: b, match: {later}, {target}"))
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


def test_a_policy_for_certain_priorities_leaves_none_over() -> None:
    whole = "name: a, match: {priority: [high, low]}, targets: {resolution: {target: {high: 1h, low: 2h}}}"
    assert lint(policies(whole)) == []
    left, never = lint(policies(whole.replace("low: 2h", "normal: 2h")))
    assert "no `default`" in left
    assert "target.normal: never used" in never


def test_a_warning_that_never_fires() -> None:
    assert lint(policies("name: a, targets: {resolution: {target: {high: 30m, default: 2h}, warn: [30m]}}")) == [
        "p.yaml:3:53: warning: policies[0].targets.resolution.target.high: the warning '30m' lies at or before the "
        "start of this target: it never fires"
    ]


@pytest.mark.parametrize(
    ("metric", "result"),
    [
        ("next_response", "every such event ends a cycle and starts the next"),
        ("resolution", "only a second such event ends what the first one starts"),
    ],
)
def test_start_and_stop_on_the_same_conditions(metric: str, result: str) -> None:
    same = "[{kind: created}]"
    (found,) = lint(policies(f"name: a, targets: {{{metric}: {{target: 1h, start: {same}, stop: {same}}}}}"))
    assert found.endswith(f"{metric} starts and stops on the same conditions: {result}")


def test_a_warning_earlier_than_business_days_can_reach() -> None:
    desk = "schedules:\n  desk: {timezone: UTC, hours: {mon-fri: ['09:00-17:00']}}\n"
    entry = policies("name: a, schedule: desk, warn: [WARN], targets: {resolution: {target: 2bd}}")
    text = HEAD + desk + entry.removeprefix(HEAD)
    assert lint(text.replace("WARN", "23h")) == []
    (found,) = lint(text.replace("WARN", "24h"))
    assert "the warning '24h' lies at or before the start of this target" in found


@pytest.mark.parametrize(
    ("earlier", "later", "noted"),
    [
        ("{plan: gold}", "{customer: acme}", True),
        ("{plan: gold}", "{plan: silver}", False),
        ("{plan: gold, channel: chat}", "{customer: acme, channel: email}", False),
        ("{tags: [a]}", "{tags: [b]}", True),
        ("{plan: gold, not: {customer: acme}}", "{customer: acme}", False),
        ("{customer: acme}", "{}", False),
    ],
)
def test_overlapping(earlier: str, later: str, noted: bool) -> None:
    target = "targets: {resolution: {target: 1h}}"
    found = lint(policies(f"name: a, match: {earlier}, {target}", f"name: b, match: {later}, {target}"))
    assert len(found) == int(noted)
    if noted:
        assert found[0].endswith(
            "note: policies[1].targets.resolution: overlaps policy 'a' (line 3): "
            "a ticket that matches both gets the target of that one"
        )


def test_other_levels_and_stretch_goals_do_not_overlap() -> None:
    gold = "name: a, match: {plan: gold}, targets: {resolution: {target: 1h}}"
    other = "name: b, level: plan, match: {customer: x}, targets: {resolution: {target: 1h}}"
    assert lint(policies(gold, other)) == []
    assert lint(policies(gold, "name: b, match: {plan: gold}, targets: {resolution: {target: 1h, kind: kpi}}")) == []


def test_versions_do_not_shadow_each_other() -> None:
    target = "targets: {resolution: {target: 1h}}"
    later = f"name: a, valid_from: 2026-02-01T00:00:00Z, {target}"
    assert lint(policies(f"name: a, {target}", later)) == []
    assert lint(policies(later, f"name: b, {target}")) == []
    (found,) = lint(policies(f"name: b, {target}", later))
    assert "equal to policy 'b' (line 3) in match and level" in found


@pytest.mark.parametrize(
    ("conditions", "reason"),
    [
        ("start: [{kind: resolved, status: open}]", "`resolved` sets the status to resolved"),
        ("start: [{status: open, left_status: [open, new]}]", "an event cannot leave the status that it sets"),
        ("start: [{kind: created, left_status: new}]", "a ticket that is being created had no status before"),
        ("stop: [{kind: closed, left_status: closed}]", "`closed` sets the status to closed"),
        ("stop: [{kind: deleted}]", "a ticket that is deleted times nothing (its cycles end cancelled)"),
    ],
)
def test_a_condition_that_can_never_hold(conditions: str, reason: str) -> None:
    (found,) = lint(policies(f"name: a, targets: {{resolution: {{target: 1h, {conditions}}}}}"))
    assert f".{conditions.split(':')[0]}[0]: this can never hold: {reason}" in found


@pytest.mark.parametrize(
    ("match", "target", "said"),
    [
        ("channel: email", "pickup: {target: 1m}", "pickup does not start for any ticket of this policy: it matches "
         "channel 'email', and the start asks for channel 'chat' or 'call'"),
        ("channel: [email, chat]", "pickup: {target: 1m}", None),
        ("plan: gold", "resolution: {target: 1h, start: [{plan: free}, {kind: created}]}", None),
        ("plan: gold", "resolution: {target: 1h, start: [{plan: free}]}", "resolution does not start for any ticket"),
        ("tags: [a]", "resolution: {target: 1h, start: [{tags: b}]}", None),
        ("priority: high", "resolution: {target: {high: 1h, low: 2h}}", "resolution.target.low: never used: the policy "
         "matches only tickets with priority 'high'"),
    ],
)  # fmt: skip
def test_a_target_that_no_ticket_of_the_policy_can_use(match: str, target: str, said: str | None) -> None:
    found = lint(policies(f"name: a, match: {{{match}}}, targets: {{{target}}}"))
    assert len(found) == (said is not None)
    assert said is None or said in found[0]


def test_conditions_that_can_hold() -> None:
    good = "start: [{kind: [resolved, updated], status: open}, {status: open, left_status: new}]"
    text = policies(f"name: a, targets: {{resolution: {{target: 1h, {good}, cancel: [{{kind: deleted}}]}}}}")
    assert lint(text) == []


@pytest.mark.parametrize(
    ("metric", "reason"),
    [
        ("pause: [{status: [new, open]}, {status: [pending, on_hold]}]", "it holds in every status of an open ticket"),
        ("pause: [{kind: note_added}], resume: [{kind: note_added}]", "`pause` and `resume` are the same"),
        (
            "pause: [{kind: note_added}], resume: [{kind: closed, public: true}]",
            "every event of `resume` ends the clock",
        ),
        (
            "start: [{status: on_hold}], stop: [{left_status: on_hold}], pause: [{status: [on_hold, pending]}]",
            "it holds from the start until the stop: the clock never runs",
        ),
    ],
)
def test_a_pause_that_never_ends(metric: str, reason: str) -> None:
    given = metric if "start" in metric else f"start: [{{kind: created}}], stop: [{{kind: closed}}], {metric}"
    entry = policies("name: a, targets: {m: {target: 1h}}").removeprefix(HEAD)
    (found,) = lint(f"{HEAD}metrics:\n  m: {{{given}}}\n{entry}")
    assert f"metrics.m.pause: the pause of m: {reason}" in found


def test_a_resume_that_can_never_hold() -> None:
    pause = "pause: [{kind: note_added}], resume: [{kind: created, left_status: new}]"
    first, second = lint(policies(f"name: a, {pause}, targets: {{resolution: {{target: 1h}}}}"))
    assert "policies[0].pause: the pause of resolution: no condition of `resume` can ever hold" in first
    assert "policies[0].resume[0]: this can never hold" in second


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


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("dates: {'2026-03-29': ['02:30-08:00']}", "does not exist"),
        ("dates: {'2026-10-25': ['00:00-02:30']}", "comes twice"),
        ("dates: {'2026-10-24': ['22:00-02:30']}", "comes twice"),
        ("closed: ['2026-03-29T02:15/2026-03-29T08:00']", "does not exist"),
        ("dates: {'2026-03-30': ['02:30-08:00']}", None),
        ("dates: {'2026-03-29': ['03:00-08:00']}", None),
    ],
)
def test_local_times_that_do_not_exist_or_come_twice(entry: str, said: str | None) -> None:
    found = lint(f"{HEAD}schedules:\n  s: {{timezone: Europe/Berlin, hours: {{mon: ['08:00-12:00']}}, {entry}}}\n")
    assert len(found) == (said is not None)
    place = f": note: schedules.s.{entry.split(':')[0]}"
    assert all(place in line and f"{said} in Europe/Berlin" in line for line in found)
