"""Versions, relaxations, promised dates, business days, stretch goals: what they compile to, what is refused."""

from __future__ import annotations

import pytest

from sla_stream.core.metrics import BUILT_IN
from sla_stream.core.policy import Condition, Match, PolicySet, Relaxation, Target
from sla_stream.errors import ConfigError
from sla_stream.formats.instants import parse_instant
from sla_stream.formats.policy_file import parse_policies

HEAD = "apiVersion: sla-stream/v1\n"
HOUR = 3_600_000
RELAXED = "{name: storm, from: 2026-02-01T00:00:00Z, to: 2026-02-03T00:00:00+01:00, reason: flood, approved_by: board"


def file(*policies: str, rest: str = "") -> PolicySet:
    entries = "".join(f"  - {{{policy}}}\n" for policy in policies)
    return parse_policies(f"{HEAD}{rest}" + (f"policies:\n{entries}" if policies else ""), "p.yaml")


def errors(*policies: str, rest: str = "") -> list[str]:
    with pytest.raises(ConfigError) as caught:
        file(*policies, rest=rest)
    return [line.split(": ", 1)[1] for line in str(caught.value).splitlines()]


def target(metric: str, rest: str, head: str = "name: p") -> Target:
    (policy,) = file(f"{head}, targets: {{{metric}: {{{rest}}}}}").policies
    (built,) = policy.targets
    assert built.default is not None
    return built.default


def test_business_days() -> None:
    built = target("resolution", "target: {default: 2bd}, warn: ['80%', 30m]")
    assert (built.duration, built.business_days) == (None, 2)
    assert [threshold.name for threshold in built.warnings] == ["80%", "-30m"]


def test_a_promised_date_takes_no_target_and_inherits_no_pause() -> None:
    built = target("due_date", "warn: [1h]", "name: p, pause: [{status: pending}]")
    assert (built.duration, built.business_days) == (None, None)
    assert built.rules == BUILT_IN["due_date"]
    assert [threshold.name for threshold in built.warnings] == ["-1h"]


def test_a_promised_date_may_end_otherwise() -> None:
    built = target("due_date", "stop: [{kind: closed}]")
    assert built.rules.stop == (Condition((("kind", ("closed",)),)),)
    assert built.rules.start == BUILT_IN["due_date"].start


def test_from_application() -> None:
    assert target("resolution", "target: 1h, from: application").starts_from == "application"
    assert target("resolution", "target: 1h", "name: p, from: application").starts_from == "application"


def test_every_built_in_metric_has_its_target() -> None:
    for metric in BUILT_IN:
        rest = "" if metric == "due_date" else "target: 1h"
        assert target(metric, rest).rules == BUILT_IN[metric]


def test_a_stretch_goal_inherits_no_credit() -> None:
    breach = "breach: {notify: lead, credit: {amount: 5, currency: EUR}}"
    built = target("resolution", "target: 1h, kind: kpi", f"name: p, {breach}")
    assert built.kind == "kpi"
    assert built.breach_actions == {"notify": ["lead"]}
    (found,) = errors(f"name: p, targets: {{resolution: {{target: 1h, kind: kpi, {breach}}}}}")
    assert found == (
        "policies[0].targets.resolution.breach.credit: a `kpi` has no consequences; expected no credit, or `kind: sla`"
    )


VERSIONS = (
    "name: p, targets: {resolution: {target: 1h}}",
    "name: p, valid_from: 2026-02-01T00:00:00Z, on_change: migrate, targets: {resolution: {target: 2h}}",
    "name: p, valid_from: 2026-03-01T01:00:00+01:00, targets: {resolution: {target: 2h}}",
)


def test_policies_of_one_name_are_versions() -> None:
    policies = file(*VERSIONS).policies
    assert [policy.valid_from for policy in policies] == [
        None,
        parse_instant("2026-02-01T00:00:00Z"),
        parse_instant("2026-03-01T00:00:00Z"),
    ]
    assert [policy.on_change for policy in policies] == ["pin", "migrate", "pin"]
    assert len({policy.version for policy in policies}) == 3
    targets = [policy.targets[0].default for policy in policies]
    assert len({built.ref for built in targets if built is not None}) == 3


def test_two_versions_of_one_instant_are_an_error() -> None:
    assert errors(VERSIONS[1], VERSIONS[1].replace("00:00:00Z", "01:00:00+01:00")) == [
        "policies[1].name: policy 'p' a second time, first on line 3; expected another name, or another valid_from"
    ]
    assert errors(VERSIONS[0], VERSIONS[0]) == [
        "policies[1].name: policy 'p' a second time, first on line 3; expected another name, or another valid_from"
    ]


def test_relaxations() -> None:
    rest = f"relaxations:\n  - {RELAXED}, match: {{service: billing}}, factor: 1.5}}\n  - {RELAXED}, extra: 4h}}\n"
    first, second = file(rest=rest.replace("storm", "ice", 1)).relaxations
    assert first == Relaxation(
        name="ice",
        start=parse_instant("2026-02-01T00:00:00Z"),
        end=parse_instant("2026-02-02T23:00:00Z"),
        match=Match((("service", "any", ("billing",)),)),
        factor=1.5,
        extra=0,
        reason="flood",
        approved_by="board",
    )
    assert (second.factor, second.extra, second.match) == (1.0, 4 * HOUR, Match())


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        (", factor: 1", "factor: 1; expected a factor of more than 1 (a relaxation gives time, it never takes any)"),
        (", factor: 2000", "factor: 2000; expected a factor of more than 1"),
        (", factor: 'x'", "factor: 'x'; expected a number, zero or more"),
        (", extra: 0h", "extra: '0h' is no time at all; expected more than zero"),
        ("", "neither `factor` nor `extra`; expected one of them"),
        (", factor: 2, extra: 1h", "both `factor` and `extra`; expected one of them"),
        (", factor: 2, match: {serv: x}", "match.serv: unknown key 'serv'; expected"),
        (", factor: 2, until: x", "until: unknown key 'until'; expected name, from, to, reason, approved_by"),
    ],
)
def test_relaxations_that_cannot_be(rest: str, expected: str) -> None:
    (found,) = errors(rest=f"relaxations:\n  - {RELAXED}{rest}}}\n")
    assert expected in found


def test_a_relaxation_ends_after_it_begins_and_has_a_name_of_its_own() -> None:
    late = RELAXED.replace("to: 2026-02-03", "to: 2026-01-03") + ", factor: 2}"
    found = errors(rest=f"relaxations:\n  - {late}\n  - {RELAXED}, factor: 2}}\n")
    assert found == [
        "relaxations[0].to: '2026-01-03T00:00:00+01:00' is not after `from`; expected a later instant",
        "relaxations[1].name: relaxation 'storm' a second time, first on line 3; expected another name",
    ]


def test_a_relaxation_needs_a_reason_and_somebody_who_approved() -> None:
    short = "{name: storm, from: 2026-02-01T00:00:00Z, to: 2026-02-03T00:00:00Z, factor: 2}"
    assert errors(rest=f"relaxations:\n  - {short}\n") == [
        "relaxations[0]: `approved_by` is missing; expected who approved it (text)",
        "relaxations[0]: `reason` is missing; expected why (text)",
    ]


def test_relaxations_are_part_of_the_digest() -> None:
    policy = "name: p, targets: {resolution: {target: 1h}}"
    plain, relaxed = file(policy), file(policy, rest=f"relaxations:\n  - {RELAXED}, factor: 2}}\n")
    assert plain.digest != relaxed.digest
    assert plain.policies[0].version == relaxed.policies[0].version
