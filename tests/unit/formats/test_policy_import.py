"""Zendesk SLA policies as a policy file: the same tickets, the same times, and nothing left out silently."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sla_stream.core.policy import PolicySet
from sla_stream.errors import ConfigError
from sla_stream.formats.policy_file import lint_policies, parse_policies
from sla_stream.formats.policy_import import Draft, Hours, import_zendesk
from sla_stream.formats.policy_import.hours import read_hours
from sla_stream.formats.policy_import.writing import duration, write_policies

ALL = ("urgent", "high", "normal", "low")


def targets(
    metric: str = "first_reply_time", minutes: int = 60, business: bool = False, priorities: tuple[str, ...] = ALL
) -> list[dict[str, Any]]:
    return [
        {"priority": priority, "metric": metric, "target": minutes, "business_hours": business}
        for priority in priorities
    ]


def policy(title: str = "P", position: int | None = 1, **more: Any) -> dict[str, Any]:
    base = {"id": 25, "title": title, "position": position, "filter": {"all": [], "any": []}}
    return base | {"policy_metrics": targets()} | more


def condition(field: str, operator: str, value: Any) -> dict[str, Any]:
    return {"field": field, "operator": operator, "value": value}


def imported(*policies: dict[str, Any], hours: Hours | None = None, **top: Any) -> tuple[Draft, str]:
    draft = import_zendesk([("z.json", json.dumps({"sla_policies": policies} | top))], hours)
    text = write_policies(draft)
    assert not [f for f in lint_policies(text, "p.yaml") if f.severity != "note"], text
    return draft, text


def loaded(*policies: dict[str, Any]) -> PolicySet:
    return parse_policies(imported(*policies)[1], "p.yaml")


def selected(all_: list[dict[str, Any]], any_: list[dict[str, Any]] | None = None) -> list[dict[str, Any]]:
    """The matches of the policies made of one filter, without the priorities; empty if it was not carried over."""
    draft, _ = imported(policy(filter={"all": all_, "any": any_ or []}))
    return [
        {name: value for name, value in one.match.items() if name != "priority"}
        for one in draft.policies
        if not one.lost
    ]


def test_the_documented_example() -> None:
    metrics = [
        *targets("first_reply_time", 30, priorities=("normal",)),
        *targets("first_reply_time", 10, priorities=("urgent",)),
        *targets("requester_wait_time", 180, priorities=("low",)),
        *targets("requester_wait_time", 160, priorities=("normal",)),
        *targets("requester_wait_time", 140, priorities=("high",)),
        *targets("requester_wait_time", 120, priorities=("urgent",)),
    ]
    found = loaded(policy("Incidents", filter={"all": [condition("type", "is", "incident")]}, policy_metrics=metrics))
    assert [one.name for one in found.policies] == ["Incidents (urgent, normal)", "Incidents (high, low)"]
    minutes = {
        (target.metric, priority): built.duration // 60_000
        for one in found.policies
        for target in one.targets
        for priority, built in target.by_priority.items()
        if built.duration
    }
    assert minutes == {
        ("first_response", "urgent"): 10, ("first_response", "normal"): 30,
        ("requester_wait", "urgent"): 120, ("requester_wait", "high"): 140,
        ("requester_wait", "normal"): 160, ("requester_wait", "low"): 180,
    }  # fmt: skip
    assert {name for one in found.policies for name, *_ in one.match.terms} == {"type", "priority"}


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("first_reply_time", "first_response"),
        ("next_reply_time", "next_response"),
        ("periodic_update_time", "periodic_update"),
        ("pausable_update_time", "pausable_update"),
        ("requester_wait_time", "requester_wait"),
        ("agent_work_time", "agent_work"),
        ("total_resolution_time", "resolution"),
        ("group_ownership_time", "group_ownership"),
    ],
)
def test_metrics(theirs: str, ours: str) -> None:
    [found] = loaded(policy(policy_metrics=targets(theirs))).policies
    assert [target.metric for target in found.targets] == [ours]


@pytest.mark.parametrize(
    ("conditions", "match"),
    [
        ([], {}),
        ([condition("group_id", "is", 7)], {"group": "7"}),
        ([condition("group_id", "includes", [7, 8])], {"group": ["7", "8"]}),
        ([condition("organization_id", "is", "1")], {"customer": "1"}),
        ([condition("brand_id", "is", 9)], {"service": "9"}),
        ([condition("ticket_type_id", "is", 2)], {"type": "incident"}),
        ([condition("type", "is", "Incident")], {"type": "incident"}),
        ([condition("via_id", "is", 4)], {"channel": ["mail", "email"]}),
        ([condition("custom_fields_36", "is", "gold")], {"custom.36": "gold"}),
        ([condition("custom_fields_36", "is", True)], {"custom.36": True}),
        ([condition("current_tags", "includes", "a b")], {"tags": {"any": ["a", "b"]}}),
        ([condition("current_tags", "not_includes", "a b")], {"not": {"tags": {"any": ["a", "b"]}}}),
        ([condition("group_id", "is_not", 7), condition("group_id", "is_not", 8)], {"not": {"group": ["7", "8"]}}),
        (
            [condition("current_tags", "includes", "a"), condition("current_tags", "includes", "b")],
            {"tags": {"all": ["a", "b"]}},
        ),
        (
            [condition("current_tags", "includes", "a"), condition("current_tags", "includes", "b c")],
            {"tags": {"all": ["a"], "any": ["b", "c"]}},
        ),
        ([condition("group_id", "includes", [7, 8]), condition("group_id", "is_not", 8)], {"group": "7"}),
    ],
)
def test_all_of_these_conditions(conditions: list[dict[str, Any]], match: dict[str, Any]) -> None:
    assert selected(conditions) == [match]


def test_any_of_several_attributes_is_a_policy_for_each() -> None:
    options = [
        condition("organization_id", "is", 1),
        condition("brand_id", "is", 9),
        condition("organization_id", "is", 2),
        condition("group_id", "is_not", 5),
    ]
    assert selected([condition("type", "is", "task")], options) == [
        {"type": "task", "customer": ["1", "2"]},
        {"type": "task", "service": "9"},
        {"type": "task", "not": {"group": "5"}},
    ]


@pytest.mark.parametrize(
    ("conditions", "why"),
    [
        ([condition("exact_created_at", "greater_than", "2024-01-01")], "operator has no counterpart"),
        ([condition("status", "is", "open")], "no such attribute"),
        ([condition("custom_fields_1", "present", None)], "operator has no counterpart"),
        ([condition("group_id", "is", "")], "certain values only"),
        ([condition("assignee_id", "is", "current_user")], "certain values only"),
        ([condition("via_id", "is", 999)], "unknown via_id 999"),
        ([condition("current_tags", "includes", " ")], "no value"),
        ([condition("group_id", "is_not", 1), condition("brand_id", "is_not", 2)], "exclusions by group and service"),
        ([condition("current_tags", "includes", "a b"), condition("current_tags", "includes", "c d")], "two lists"),
        ([condition("group_id", "is", 1), condition("group_id", "is", 2)], "no ticket fits"),
    ],
)
def test_a_policy_that_would_take_other_tickets_is_a_comment(conditions: list[dict[str, Any]], why: str) -> None:
    draft, text = imported(policy("Odd", filter={"all": [condition("type", "is", "task"), *conditions]}))
    assert draft.counts() == (0, 1, 1)
    lines = [line.strip() for line in text.splitlines()]
    assert any(why in line and line.startswith("# ATTENTION: not carried over") for line in lines), text
    assert "# - name: Odd" in lines
    assert parse_policies(text, "p.yaml").policies == ()


def test_an_option_that_cannot_be_said_takes_the_policy_with_it() -> None:
    assert selected([], [condition("group_id", "is", 1), condition("status", "is", "open")]) == []


def test_hours_differ_by_priority() -> None:
    metrics = [*targets(business=False, priorities=("urgent",)), *targets(business=True, priorities=("high", "low"))]
    draft, text = imported(policy(policy_metrics=metrics))
    found = parse_policies(text, "p.yaml").policies
    hours = {
        priority: built.schedule.name
        for one in found
        for target in one.targets
        for priority, built in target.by_priority.items()
    }
    assert hours == {"urgent": "24x7", "high": "working-hours", "low": "working-hours"}
    assert "ATTENTION: these hours are a placeholder" in text
    assert draft.counts() == (2, 0, 1)


def test_hours_that_were_given() -> None:
    hours = read_hours("Europe/Berlin", "mon-thu 08:00-18:00")
    draft, text = imported(policy(policy_metrics=targets(business=True)), hours=hours)
    assert "{timezone: Europe/Berlin, hours: {mon-thu: ['08:00-18:00']}}" in text
    assert "placeholder" not in text
    assert draft.counts() == (1, 0, 0)


@pytest.mark.parametrize(
    ("timezone", "hours", "said"),
    [
        ("Europe/Berlin", None, "--hours: missing beside --timezone"),
        (None, "mon-fri 08:00-18:00", "--timezone: missing beside --hours"),
        ("Europe/Berln", "mon-fri 08:00-18:00", "--timezone: unknown time zone 'Europe/Berln'"),
        ("Europe/Berlin", "mon-fry 08:00-18:00", "--hours: 'mon-fry'"),
        ("Europe/Berlin", "mon-fri 8-18", "--hours: '8-18'"),
        ("Europe/Berlin", "08:00-18:00", "--hours: "),
    ],
)
def test_hours_that_are_none(timezone: str | None, hours: str | None, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read_hours(timezone, hours)
    assert str(refused.value).startswith(said)


def test_seconds_are_exact() -> None:
    metrics = [each | {"target_in_seconds": 5401} for each in targets(minutes=90)]
    [found] = loaded(policy(policy_metrics=metrics)).policies
    assert {built.duration for built in found.targets[0].by_priority.values()} == {5_401_000}


@pytest.mark.parametrize(("seconds", "text"), [(60, "1m"), (5400, "1h30m"), (5401, "1h30m1s"), (1, "1s"), (0, "0s")])
def test_durations(seconds: int, text: str) -> None:
    assert duration(seconds) == text


def test_policies_stand_in_the_order_of_their_positions() -> None:
    policies = [policy(title, place, filter={"all": [condition("group_id", "is", title)]})
                for title, place in (("c", None), ("b", 2), ("a", 1))]  # fmt: skip
    assert [one.name for one in loaded(*policies).policies] == ["a", "b", "c"]


def test_policies_of_one_name_stay_two() -> None:
    one = policy("P", 1, filter={"all": [condition("group_id", "is", 1)]})
    other = policy("P", 2, filter={"all": [condition("group_id", "is", 2)]})
    assert [found.name for found in loaded(one, other).policies] == ["P", "P #2"]


def test_what_is_not_known_is_said() -> None:
    metrics = [
        *targets(),
        *targets("wow_time", 15, priorities=("low",)),
        *targets("agent_work_time", 0, priorities=("high",)),
        *targets(minutes=5, priorities=("low",)),
    ]
    settings = {"first_reply_time": {"fulfill_on_agent_internal_note": True, "other": False}}
    _, text = imported(policy(policy_metrics=metrics, metric_settings=settings, empty={}, off=False))
    assert "# ATTENTION: not carried over: wow_time of priority 'low', 15m: no such metric is known" in text
    assert "# ATTENTION: not carried over: agent_work_time of priority 'high' has no time" in text
    assert "# ATTENTION: not carried over: first_reply_time of priority 'low' a second time, 5m" in text
    assert '# ATTENTION: not carried over: metric_settings: {"first_reply_time": {"fulfill_on_agent' in text
    assert text.count("ATTENTION: not carried over") == 4
    assert "first_response: {target: {urgent: 1h, high: 1h, normal: 1h, low: 1h}}" in text


def test_a_custom_field_needs_the_mapping() -> None:
    _, text = imported(policy(filter={"all": [condition("custom_fields_36", "is", "gold")]}))
    assert "no ticket matches until your mapping fills `custom.36`" in text


def test_a_later_policy_that_would_add_a_metric_is_named() -> None:
    first = policy("First", 1, filter={"all": [condition("group_id", "is", 1)]})
    both = targets() + targets("agent_work_time")
    house = policy("House", 2, policy_metrics=both)
    apart = policy("Apart", 3, policy_metrics=both, filter={"all": [condition("group_id", "is", 2)]})
    draft = import_zendesk([("z", json.dumps({"sla_policies": [first, apart | {"position": 0}, house]}))])
    said = {one.name: one.attention for one in draft.policies}
    assert said["First"] == [
        "a ticket that also matches 'House' gets agent_work from there; in Zendesk it has no such target"
    ]
    assert said["Apart"] == said["House"] == []


def test_a_page_that_is_missing_is_said() -> None:
    _, text = imported(policy(), next_page="https://z/api/v2/slas/policies?page=2")
    assert "# ATTENTION: z.json has a next page" in text


def test_group_policies_stand_beside_the_others() -> None:
    group = policy("Tier 1", 1, id="01H0", filter={"all": [condition("group_id", "includes", [6])]},
                   policy_metrics=targets("group_ownership_time", 3600))  # fmt: skip
    draft, text = imported(policy("House", 2), group_sla_policies=[group])
    assert [one.name for one in draft.policies] == ["House", "Tier 1"]
    assert "read as minutes, 60h; Zendesk's own examples seem to mean seconds" in text
    assert not draft.policies[0].attention


def test_text_of_any_kind_stays_text() -> None:
    title = "#: {a}, 'q' \"d\" \\ – yes\n2024-01-01"
    tag = "tag:{x}#"
    description = "first line\n- name: injected\n\x1b[31m"
    raw = policy(title, description=description, filter={"all": [condition("current_tags", "includes", [tag])]})
    _, text = imported(raw)
    [found] = parse_policies(text, "p.yaml").policies
    assert found.name == title
    assert ("tags", "any", (tag,)) in found.match.terms
    assert "\x1b" not in text


def test_several_files_are_one() -> None:
    one, other = (json.dumps({"sla_policies": [policy(name, place)]}) for name, place in (("b", 2), ("a", 1)))
    draft = import_zendesk([("1.json", one), ("2.json", other)])
    assert [found.name for found in draft.policies] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "z.json:1:1: not valid JSON"),
        ("{", "z.json:1:2: not valid JSON"),
        ("[]", "z.json:1:1: found a list without policies; expected the JSON of GET /api/v2/slas/policies"),
        ('{"error": "Couldn\'t authenticate you"}', "z.json:1:1: found a mapping without policies"),
        ('{"sla_policies": {}}', "z.json:1:18: sla_policies: found a mapping; expected a list"),
        ('{"sla_policies": [\n 5]}', "z.json:2:2: sla_policies[0]: found the number 5; expected a mapping"),
        ('{"sla_policies": [{}]}', "z.json:1:19: sla_policies[0]: `title` is missing; expected text"),
        ('{"sla_policies": [{"title": ""}]}', "z.json:1:29: sla_policies[0].title: found an empty text"),
        ('{"sla_policies": [{"title": "a", "position": "1"}]}', "z.json:1:46: sla_policies[0].position: found '1'"),
        ('{"sla_policies": [{"title": "a", "filter": []}]}', ""),
        ('{"sla_policies": [{"title": "a", "filter": {"all": {"a": 1}}}]}', "z.json:1:52: sla_policies[0].filter.all"),
        (
            '{"sla_policies": [{"title": "a", "filter": {"all": [{"operator": "is"}]}}]}',
            "z.json:1:53: sla_policies[0].filter.all[0]: `field` is missing",
        ),
        (
            '{"sla_policies": [{"title": "a", "filter": {"all": [{"field": "type", "operator": 5}]}}]}',
            "z.json:1:83: sla_policies[0].filter.all[0].operator: found the number 5",
        ),
        (
            '{"sla_policies": [{"title": "a", "policy_metrics": [{"priority": "low", "metric": "x", "target": -1}]}]}',
            "z.json:1:98: sla_policies[0].policy_metrics[0].target: found the number -1; expected a whole number",
        ),
        (
            '{"sla_policies": [{"title": "a", "policy_metrics": [{"metric": "x", "business_hours": 1}]}]}',
            "z.json:1:53: sla_policies[0].policy_metrics[0]: `priority` is missing",
        ),
    ],
)
def test_what_is_no_export(text: str, said: str) -> None:
    if not said:
        import_zendesk([("z.json", text)])
        return
    with pytest.raises(ConfigError) as refused:
        import_zendesk([("z.json", text)])
    assert str(refused.value).startswith(said)


def test_every_problem_at_once() -> None:
    text = '{"sla_policies": [{}, {"title": 1}]}'
    with pytest.raises(ConfigError) as refused:
        import_zendesk([("z.json", text)])
    assert len(str(refused.value).splitlines()) == 2
