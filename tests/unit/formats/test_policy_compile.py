"""What a good policy file compiles to."""

from __future__ import annotations

from pathlib import Path

import pytest

from sla_stream.core.metrics import BUILT_IN
from sla_stream.core.policy import Condition, Match, Policy, PolicySet, PolicyTarget, Threshold
from sla_stream.formats.policy_file import load_policies, parse_policies

HOUR = 3_600_000
MINUTE = 60_000
HEAD = "apiVersion: sla-stream/v1\n"
EXAMPLES = Path(__file__).parents[3] / "schemas" / "examples" / "policies" / "v1"
DEMO = Path(__file__).parents[3] / "sla_stream" / "demo" / "policies.yaml"


GOLDEN_VERSIONS = ["8b9aac7e57d7", "8a15618131fb"]
GOLDEN_REFERENCES = [273187047449468, 210296438098494, 259858814634794]
GOLDEN_DIGEST = "02dd72d32ebe9d9e21eceae3cf5144a11cccedc8f77c0fe644f712b40d7cde78"


def of(policies: PolicySet, name: str) -> Policy:
    return next(policy for policy in policies.policies if policy.name == name)


def target_of(policy: Policy, metric: str) -> PolicyTarget:
    return next(target for target in policy.targets if target.metric == metric)


def one(rest: str, head: str = HEAD) -> PolicyTarget:
    """The only target of a file whose policy goes on with `rest`."""
    (policy,) = parse_policies(f"{head}policies:\n  - name: p\n    {rest}\n", "p.yaml").policies
    (target,) = policy.targets
    return target


@pytest.fixture(scope="module")
def complete() -> PolicySet:
    return load_policies(EXAMPLES / "complete.yaml")


def test_only_the_version_is_required() -> None:
    empty = parse_policies(HEAD, "p.yaml")
    assert empty.policies == ()
    assert list(empty.schedules) == ["24x7"]
    assert empty.metrics == BUILT_IN


def test_match(complete: PolicySet) -> None:
    assert of(complete, "acme-gold").match == Match(
        terms=(
            ("customer", "any", ("acme",)),
            ("plan", "any", ("gold", "platinum")),
            ("tags", "any", ("vip",)),
            ("custom.region", "any", ("emea", 3)),
        ),
        negated=Match((("channel", "any", ("chat",)),)),
    )
    assert of(complete, "everybody").match == Match()


def test_tags_in_every_form() -> None:
    def terms(text: str) -> object:
        rest = f"match: {{tags: {text}}}\n    targets: {{resolution: {{target: 1h}}}}"
        return parse_policies(f"{HEAD}policies:\n  - name: p\n    {rest}\n", "p").policies[0].match.terms

    assert terms("a") == terms("[a]") == terms("{any: a}") == (("tags", "any", ("a",)),)
    assert terms("{any: [a, b], all: [c]}") == (("tags", "any", ("a", "b")), ("tags", "all", ("c",)))


def test_levels_are_asked_from_customer_down_then_in_file_order() -> None:
    levels = ["base", "customer", "plan", "base", "service", "customer"]
    entries = "".join(
        f"  - {{name: p{number}, level: {level}, targets: {{resolution: {{target: 1h}}}}}}\n"
        for number, level in enumerate(levels)
    )
    policies = parse_policies(f"{HEAD}policies:\n{entries}", "p.yaml").policies
    assert [policy.name for policy in policies] == ["p1", "p5", "p2", "p4", "p0", "p3"]


def test_targets_by_priority(complete: PolicySet) -> None:
    target = target_of(of(complete, "acme-gold"), "first_response")
    assert {name: built.duration for name, built in target.by_priority.items()} == {
        "urgent": 30 * MINUTE,
        "high": HOUR,
    }
    assert target.default is not None
    assert target.default.duration == 4 * HOUR
    assert target.default.schedule is complete.schedules["berlin"]


def test_a_target_without_default() -> None:
    target = one("targets: {resolution: {target: {high: 1h}}}")
    assert target.default is None
    assert list(target.by_priority) == ["high"]


def test_priorities_are_text_however_they_look() -> None:
    assert list(one("targets: {resolution: {target: {1: 1h, true: 2h, 08:00: 3h}}}").by_priority) == [
        "1",
        "true",
        "08:00",
    ]


def test_thresholds(complete: PolicySet) -> None:
    target = target_of(of(complete, "acme-gold"), "resolution").default
    assert target is not None
    assert target.warnings == (
        Threshold("50%", percent=50.0),
        Threshold("90%", percent=90.0),
        Threshold("-1h", before=HOUR),
    )
    assert target.escalations == (
        Threshold(
            "+1h",
            after=HOUR,
            actions={"notify": ["duty-manager"], "runbook": "https://runbooks.example.com/late"},
        ),
    )
    assert target.breach_actions == {
        "notify": ["team-lead"],
        "runbook": "https://runbooks.example.com/breach",
        "credit": {"amount": 25, "currency": "EUR", "per": "breach", "cap": 500},
    }


def test_what_the_policy_says_holds_for_its_targets_unless_they_say_otherwise() -> None:
    text = f"""{HEAD}policies:
  - name: p
    warn: ["80%"]
    reopen: new_cycle
    breach: {{notify: lead}}
    pause: [{{status: pending}}]
    targets:
      first_response: {{target: 1h, pause: [], breach: {{}}}}
      resolution: {{target: 1h, warn: [10m], reopen: continue, reopen_grace: 5m, retarget: restart}}
"""
    (policy,) = parse_policies(text, "p.yaml").policies
    first, second = (target.default for target in policy.targets)
    assert first is not None
    assert second is not None
    assert [threshold.name for threshold in first.warnings] == ["80%"]
    assert first.rules.pause == ()
    assert first.breach_actions == {}
    assert first.reopen == "new_cycle"
    assert (first.reopen_grace, first.retarget) == (0, "keep_elapsed")
    assert [threshold.name for threshold in second.warnings] == ["-10m"]
    assert second.rules.pause == (Condition((("status", ("pending",)),)),)
    assert second.breach_actions == {"notify": ["lead"]}
    assert (second.reopen, second.reopen_grace, second.retarget) == ("continue", 5 * MINUTE, "restart")


def test_warn_and_escalate_can_be_switched_off() -> None:
    target = one(
        "warn: ['80%']\n    escalate: [{at: +1h}]\n    targets: {resolution: {target: 1h, warn: [], escalate: []}}"
    )
    assert target.default is not None
    assert target.default.warnings == target.default.escalations == ()


def test_without_a_schedule_the_clock_runs_around_the_clock() -> None:
    target = one("targets: {resolution: {target: 1h}}")
    assert target.default is not None
    assert target.default.schedule.name == "24x7"


def test_rules_are_the_metric_s_own_where_the_target_says_nothing(complete: PolicySet) -> None:
    target = target_of(of(complete, "acme-gold"), "resolution").default
    assert target is not None
    assert target.rules.start == BUILT_IN["resolution"].start
    assert target.rules.stop == BUILT_IN["resolution"].stop
    assert target.rules.pause == (Condition((("status", ("pending", "on_hold")),)),)
    assert target.rules.cycles == "reopen"


def test_own_metrics(complete: PolicySet) -> None:
    vendor = complete.metrics["vendor_answer"]
    assert vendor.start == (Condition((("status", ("on_hold",)),)),)
    assert vendor.stop == (Condition((("left_status", ("on_hold",)),)),)
    assert vendor.cancel == (Condition((("kind", ("deleted",)),)),)
    assert vendor.reset == (Condition((("kind", ("customer_replied",)),)),)
    assert vendor.cycles == "each"
    handover = complete.metrics["handover"]
    assert handover.start == (Condition((("changed", ("group",)), ("has", ("group",)))),)
    assert len(handover.stop) == 2
    assert handover.pause == (Condition((("kind", ("note_added",)), ("actor", ("agent",)))),)
    assert handover.resume == (Condition((("kind", ("customer_replied",)),)),)


def test_a_new_pause_takes_the_metric_s_resume_with_it() -> None:
    own = (
        f"{HEAD}metrics:\n  m: {{start: [{{kind: created}}], stop: [{{kind: closed}}], "
        "pause: [{kind: note_added}], resume: [{kind: updated}]}\n"
    )
    target = one("targets: {m: {target: 1h, pause: [{status: pending}]}}", own)
    assert target.default is not None
    assert target.default.rules.resume == ()
    kept = one("targets: {m: {target: 1h}}", own)
    assert kept.default is not None
    assert kept.default.rules.resume == (Condition((("kind", ("updated",)),)),)


def test_text_that_other_readers_take_for_something_else_stays_text() -> None:
    rest = "match: {group: [on, yes, 12:30, 2026-01-01, 0b1, 1_000]}\n    targets: {resolution: {target: 1h}}"
    (policy,) = parse_policies(f"{HEAD}policies:\n  - name: no\n    {rest}\n", "p.yaml").policies
    assert policy.name == "no"
    assert policy.match.terms[0][2] == ("on", "yes", "12:30", "2026-01-01", "0b1", "1_000")


def test_aliases() -> None:
    text = f"""{HEAD}policies:
  - {{name: a, warn: &w ["80%"], targets: &t {{resolution: {{target: 1h}}}}}}
  - {{name: b, warn: *w, targets: *t}}
"""
    first, second = parse_policies(text, "p.yaml").policies
    assert first.targets[0].default is not None
    assert second.targets[0].default is not None
    assert first.targets[0].default.warnings == second.targets[0].default.warnings


def test_json_and_yaml_compile_to_the_same() -> None:
    assert load_policies(EXAMPLES / "minimal.json").digest == load_policies(EXAMPLES / "minimal.yaml").digest


VERSIONED = """\
apiVersion: sla-stream/v1
schedules:
  desk: {timezone: Europe/Berlin, hours: {mon-fri: ["08:00-12:00", "13:00-17:00"]}, holidays: ["2026-12-24"]}
  other: {timezone: UTC, hours: {mon: ["08:00-12:00"]}}
policies:
  - {name: a, schedule: desk, match: {customer: acme}, targets: {resolution: {target: {high: 1h, default: 2h}}}}
  - {name: b, targets: {resolution: {target: 2h}}}
"""
SAME = [
    ("1h,", "60m,"),
    ("target: {high: 1h, default: 2h}", "target: {default: 2h, high: 1h}"),
    ("{name: a, schedule: desk,", "{schedule: desk, reopen: resume, kind: sla, name: a,"),
    ("policies:", "# a comment\npolicies:"),
    ("mon-fri:", '"mon,tue-fri":'),
]
OTHER = [
    ("high: 1h", "high: 2h"),
    ("high: 1h", "urgent: 1h"),
    ("customer: acme", "customer: beta"),
    ('"13:00-17:00"', '"13:00-18:00"'),
    ("2026-12-24", "2026-12-25"),
    ("Europe/Berlin", "Europe/Vienna"),
    ("name: a", "name: c"),
    ("{name: a,", '{name: a, warn: ["80%"],'),
    ("{name: a,", "{name: a, level: plan,"),
    ("{name: a,", "{name: a, pause: [{status: pending}],"),
]


@pytest.mark.parametrize(("old", "new"), SAME)
def test_what_decides_nothing_makes_no_version(old: str, new: str) -> None:
    before, after = (parse_policies(text, "p.yaml") for text in (VERSIONED, VERSIONED.replace(old, new)))
    assert VERSIONED.replace(old, new) != VERSIONED
    assert [policy.version for policy in before.policies] == [policy.version for policy in after.policies]
    assert before.digest == after.digest


@pytest.mark.parametrize(("old", "new"), OTHER)
def test_what_decides_makes_a_version(old: str, new: str) -> None:
    before, after = (parse_policies(text, "p.yaml") for text in (VERSIONED, VERSIONED.replace(old, new)))
    assert before.policies[0].version != after.policies[0].version
    assert of(before, "b").version == of(after, "b").version
    assert before.digest != after.digest


def test_versions_and_references_are_the_same_in_every_process() -> None:
    """Golden: a change here means that running workers meet policies they take for others."""
    policies = parse_policies(VERSIONED, "p.yaml")
    assert [policy.version for policy in policies.policies] == GOLDEN_VERSIONS
    references = [
        target.ref
        for policy in policies.policies
        for targets in policy.targets
        for target in (*targets.by_priority.values(), targets.default)
        if target is not None
    ]
    assert references == GOLDEN_REFERENCES
    assert policies.digest == GOLDEN_DIGEST


def test_references_differ_and_fit_48_bits(complete: PolicySet) -> None:
    references = [
        target.ref
        for policies in (complete, load_policies(DEMO))
        for policy in policies.policies
        for targets in policy.targets
        for target in (*targets.by_priority.values(), targets.default)
        if target is not None
    ]
    assert len(set(references)) == len(references)
    assert all(0 < reference < 2**48 for reference in references)


def test_each_target_knows_its_policy(complete: PolicySet) -> None:
    for policy in complete.policies:
        assert len(policy.version) == 12
        for targets in policy.targets:
            for target in (*targets.by_priority.values(), targets.default):
                assert target is None or (target.policy, target.policy_version) == (policy.name, policy.version)


def test_the_demo_s_policies() -> None:
    demo = load_policies(DEMO)
    assert [policy.name for policy in demo.policies] == ["critical-incidents", "service-desk"]
    desk = of(demo, "service-desk")
    assert [target.metric for target in desk.targets] == ["first_response", "next_response", "resolution"]
    critical = target_of(of(demo, "critical-incidents"), "resolution").default
    assert critical is not None
    assert (critical.duration, critical.schedule.name) == (8 * HOUR, "24x7")


def test_five_hundred_policies() -> None:
    entries = "".join(
        f"  - {{name: p{number}, match: {{customer: c{number}}}, schedule: desk, warn: ['80%'], "
        "targets: {first_response: {target: {a: 1h, b: 2h, default: 3h}}, resolution: {target: 8h}}}\n"
        for number in range(500)
    )
    head = VERSIONED.split("policies:")[0].replace('["2026-12-24"]', "{country: DE}")
    text = f"{head}policies:\n{entries}"
    policies = parse_policies(text, "p.yaml")
    assert len(policies.policies) == 500
    assert len({policy.version for policy in policies.policies}) == 500
