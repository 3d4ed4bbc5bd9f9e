"""What `policy push` shows: every kind of difference in words, and what it does to running cycles and the past."""

from __future__ import annotations

import pytest

from sla_stream.core.policy import PolicySet
from sla_stream.core.ticket import NEVER
from sla_stream.formats.instants import parse_instant
from sla_stream.formats.policy_difference import consequences, policy_differences
from sla_stream.formats.policy_file import parse_policies

DAY = 86_400_000
NOW = parse_instant("2026-03-02T12:00:00Z")
TEXT = """\
apiVersion: sla-stream/v1
schedules:
  desk: {timezone: UTC, hours: {mon-fri: "08:00-18:00"}, holidays: ["2026-12-24"]}
policies:
  - {name: gold, match: {plan: gold}, level: plan, targets: {resolution: {target: {urgent: 1h, default: 4h}}}}
  - {name: rest, schedule: desk, targets: {resolution: {target: 8h, warn: ["80%"]}}}
"""
STORM = """\
relaxations:
  - {name: storm, from: 2026-03-01T00:00:00Z, to: 2026-03-03T00:00:00Z, factor: 2, reason: flood, approved_by: boss}
"""


def parsed(text: str) -> PolicySet:
    return parse_policies(text, "p.yaml")


def changed(old: str, new: str) -> list[str]:
    """The lines for this edit, without versions."""
    assert old in TEXT
    lines = policy_differences(parsed(TEXT), parsed(TEXT.replace(old, new)))
    return [line.partition(", version")[0] for line in lines]


REST = "~ policy rest (base, pin)"


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ("apiVersion", "# a comment\napiVersion", []),
        ("8h", "480m", []),
        ("target: 8h", "target: 4h", [REST, "    resolution: 8h on desk, now 4h on desk"]),
        ("target: 8h", "target: 2bd", [REST, "    resolution: 8h on desk, now 2bd on desk"]),
        ('"80%"', '"90%"', [REST, "    resolution: other warnings"]),
        (
            "name: rest",
            "name: all",
            ["- policy rest (base, pin)", "+ policy all (base, pin)", "    resolution: 8h on desk"],
        ),
        (
            "{urgent: 1h, default: 4h}",
            "{urgent: 30m, default: 4h}",
            [
                "~ policy gold (plan, pin)",
                "    resolution: urgent 1h on 24x7, default 4h on 24x7, now urgent 30m on 24x7, default 4h on 24x7",
            ],
        ),
        ("plan: gold", "plan: [gold, silver]", ["~ policy gold (plan, pin)", "    match: other tickets"]),
        ("level: plan", "level: customer", ["~ policy gold (customer, pin)", "    level: plan, now customer"]),
        (
            "schedule: desk, targets: {",
            "schedule: desk, on_change: migrate, targets: {assignment: {target: 1h}, ",
            [
                "~ policy rest (base, migrate)",
                "    on_change: pin, now migrate",
                "    assignment: new, 1h on desk",
            ],
        ),
        (
            '["2026-12-24"]',
            '["2026-12-23"]',
            [
                REST,
                "    resolution: other schedule",
                "~ schedule desk",
                "    holidays: new 2026-12-23; gone 2026-12-24",
            ],
        ),
        (
            'holidays: ["2026-12-24"]',
            'holidays: ["2026-12-24"], closed: ["2026-03-02T09:00/2026-03-02T10:00"]',
            [
                REST,
                "    resolution: other schedule",
                "~ schedule desk",
                "    closed: new 2026-03-02T09:00:00/2026-03-02T10:00:00",
            ],
        ),
    ],
)
def test_each_difference_in_words(old: str, new: str, lines: list[str]) -> None:
    assert changed(old, new) == lines


def test_relaxations() -> None:
    said = "relaxation storm: cycles that start from 2026-03-01T00:00:00.000Z to 2026-03-03T00:00:00.000Z, times 2 "
    assert policy_differences(parsed(TEXT), parsed(TEXT + STORM)) == [f"+ {said}(flood; approved by boss)"]
    assert policy_differences(parsed(TEXT + STORM), parsed(TEXT)) == [f"- {said}(flood; approved by boss)"]
    later = (TEXT + STORM).replace("flood", "storm")
    assert policy_differences(parsed(TEXT + STORM), parsed(later)) == [f"~ {said}(storm; approved by boss)"]


def test_another_order_is_a_difference_too() -> None:
    """The first of two equal candidates wins."""
    head, first, second = TEXT.split("  - ")
    text = f"{head}  - {first.replace('level: plan', 'level: base')}"
    assert policy_differences(
        parsed(f"{text}  - {second}"), parsed(f"{head}  - {second}  - {text.split('  - ')[1]}")
    ) == ["~ the order of the policies"]


def test_the_first_set_is_shown_whole() -> None:
    assert [line.partition(", version")[0] for line in policy_differences(None, parsed(TEXT))] == [
        "+ policy gold (plan, pin)",
        "    resolution: urgent 1h on 24x7, default 4h on 24x7",
        "+ policy rest (base, pin)",
        "    resolution: 8h on desk",
        "+ schedule desk",
    ]


@pytest.mark.parametrize(
    ("extra", "running", "past"),
    [
        ("", "from the publication on; running ones keep their target (pin)", None),
        ("on_change: migrate, ", "from the publication on; running ones take the new target then", None),
        ("valid_from: 2026-04-01T00:00:00Z, ", "from 2026-04-01T00:00:00.000Z on; running ones keep", None),
        (
            "valid_from: 2026-03-01T00:00:00Z, ",
            "from 2026-03-01T00:00:00.000Z, which is past, on; running ones keep",
            "judges the past again from 2026-03-01T00:00:00.000Z on, at most 168h (allowed_lateness) before",
        ),
        (
            "valid_from: 2026-01-01T00:00:00Z, ",
            "from 2026-01-01T00:00:00.000Z, which is past, on; running ones keep",
            "judges the past again from 2026-02-23T12:00:00.000Z on",
        ),
    ],
)
def test_what_it_does_to_running_cycles_and_the_past(extra: str, running: str, past: str | None) -> None:
    after = parsed(TEXT.replace("name: rest, ", f"name: rest, {extra}").replace("target: 8h", "target: 6h"))
    moves, back = consequences([(NEVER, parsed(TEXT))], after, 7 * DAY, NOW)
    assert moves.startswith(f"new cycles of rest: {running}")
    assert back.startswith(past or "nothing of the past is judged again")


def test_a_relaxation_reaches_back_to_its_beginning() -> None:
    lines = consequences([(NEVER, parsed(TEXT))], parsed(TEXT + STORM), 7 * DAY, NOW)
    assert len(lines) == 1
    assert lines[0].startswith("judges the past again from 2026-03-01T00:00:00.000Z on")
