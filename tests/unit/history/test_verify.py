"""Net sets and what differs between two of them."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest

from sla_stream.core.engine import Engine, EngineSettings
from sla_stream.errors import InvalidRecord
from sla_stream.formats.policy_file import parse_policies
from sla_stream.history.log import LogFile
from sla_stream.history.net_set import NetSet, compare
from sla_stream.history.published import Published
from sla_stream.history.replay import Clock, Replay
from sla_stream.history.verify import Verdict, Verification, difference_json, difference_line

POLICIES = """\
apiVersion: sla-stream/v1
policies:
  - name: all
    targets:
      first_response: {target: 30m, warn: ["50%"]}
      resolution: {target: 1h, escalate: [{at: "+1h"}]}
"""
Json = dict[str, Any]


def line(event_id: str, kind: str, at: str, ticket: str = "T-1", **more: Any) -> Json:
    event = {"event_id": event_id, "ticket_id": ticket, "kind": kind, "occurred_at": f"2026-03-02T{at}:00Z"}
    return event | more


STORY = [
    line("a", "created", "10:00"),
    line("b", "agent_replied", "10:40"),
    line("c", "resolved", "12:30"),
    line("d", "reopened", "13:00"),
    line("x", "created", "10:10", ticket="T-2"),
    line("y", "resolved", "10:20", ticket="T-2"),
]


def engine() -> Engine:
    return Engine(parse_policies(POLICIES, "p.yaml"), EngineSettings(retain_closed=None))


def log_of(tmp_path: Path, lines: list[Json], clock: Clock = "occurred") -> LogFile:
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in lines))
    return LogFile(str(path), timed=clock == "recorded")


def said_by_replay(
    tmp_path: Path, lines: list[Json], clock: Clock = "occurred", as_of: int | None = None
) -> list[Json]:
    log = log_of(tmp_path, lines, clock)
    render = log.renderer("/test").render
    replay = Replay(engine(), log, pytest.fail, clock, as_of)
    return [json.loads(render(event)) for events in replay.run() for event in events]


def verify(tmp_path: Path, lines: list[Json], published: list[Json], **more: Any) -> Verdict:
    verification = Verification(engine(), log_of(tmp_path, lines), pytest.fail, "occurred", **more)
    verification.expect()
    verification.take(Published(event, f"out:{number}") for number, event in enumerate(published, 1))
    return verification.verdict()


def kinds(verdict: Verdict) -> list[str]:
    return [each.kind for each in verdict.differences]


def net(events: list[Json]) -> NetSet:
    found = NetSet()
    for number, event in enumerate(events):
        found.add(event, str(number))
    return found


def test_a_replay_agrees_with_itself(tmp_path: Path) -> None:
    verdict = verify(tmp_path, STORY, said_by_replay(tmp_path, STORY))
    assert verdict.good
    assert verdict.published == verdict.expected > 4


def test_another_order_of_arrival_agrees(tmp_path: Path) -> None:
    """Late events bring retractions and corrections; what stands is the same."""
    late = [each | {"recorded_at": "2026-03-02T20:00:00Z"} for each in random.Random(3).sample(STORY, len(STORY))]
    late[0]["recorded_at"] = "2026-03-02T14:00:00Z"
    published = said_by_replay(tmp_path, late, "recorded")
    assert verify(tmp_path, STORY, published).good


def test_order_of_the_file_means_nothing(tmp_path: Path) -> None:
    arrivals = {"a": "10:00", "x": "10:10", "c": "12:30", "d": "13:00", "b": "14:00", "y": "15:00"}
    by_id = {each["event_id"]: each for each in STORY}
    recorded = [by_id[name] | {"recorded_at": f"2026-03-02T{at}:00Z"} for name, at in arrivals.items()]
    published = said_by_replay(tmp_path, recorded, "recorded")
    assert any(event["type"] == "sla.retraction.v1" for event in published)
    shuffled = random.Random(5).sample(published, len(published))
    assert not list(compare(net(shuffled), net(published)))
    assert net(shuffled).standing.keys() == net(published).standing.keys()


def test_every_statement_left_out_is_named(tmp_path: Path) -> None:
    published = said_by_replay(tmp_path, STORY)
    standing = net(published).standing
    for i, event in enumerate(published):
        if event["id"] in standing:
            verdict = verify(tmp_path, STORY, published[:i] + published[i + 1 :])
            assert "missing" in kinds(verdict)
            (missing,) = [each for each in verdict.differences if each.kind == "missing"]
            assert missing.expected is not None and missing.expected.id == event["id"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("due_at", "2026-03-02T11:00:00.001Z"),
        ("target_s", 1),
        ("elapsed_s", 0.5),
        ("policy", "other"),
        ("policy_version", "0"),
        ("actions", {"notify": ["x"], "runbook": None, "credit": None}),
    ],
)
def test_a_changed_value_is_named(tmp_path: Path, field: str, value: Any) -> None:
    published = said_by_replay(tmp_path, STORY)
    changed = copy.deepcopy(published)
    changed[0]["data"][field] = value
    (difference,) = verify(tmp_path, STORY, changed).differences
    assert difference.kind == "differs"
    assert list(difference.fields) == [field]
    assert difference_line(difference).endswith("(out:1)")
    assert difference_json(difference)["published"]["place"] == "out:1"


@pytest.mark.parametrize("field", ["evidence", "decided_at", "late_s", "summary", "reason"])
def test_what_may_differ_is_no_difference(tmp_path: Path, field: str) -> None:
    published = said_by_replay(tmp_path, STORY)
    for event in published:
        if field == "decided_at":
            event["data"][field] = "2026-03-02T13:00:00.000Z"
        else:
            event["data"][field] = None
    assert verify(tmp_path, STORY, published).good


def test_said_twice_and_said_without_cause(tmp_path: Path) -> None:
    published = said_by_replay(tmp_path, STORY)
    assert kinds(verify(tmp_path, STORY, [*published, published[0]])) == ["twice"]
    more = copy.deepcopy(published[0])
    more["id"], more["data"]["cycle"] = "another", 7
    assert kinds(verify(tmp_path, STORY, [*published, more])) == ["unexpected"]


def test_an_alarm_before_its_time(tmp_path: Path) -> None:
    published = said_by_replay(tmp_path, STORY)
    published[0]["data"]["decided_at"] = published[0]["data"]["at"]
    (difference,) = verify(tmp_path, STORY, published).differences
    assert (difference.kind, difference.detail) == ("early", "decided before its instant")


def test_a_retraction_of_nothing(tmp_path: Path) -> None:
    published = said_by_replay(tmp_path, STORY)
    withdrawn = copy.deepcopy(published[0])
    withdrawn |= {"id": "r", "type": "sla.retraction.v1"}
    withdrawn["data"]["retracts"] = "nothing"
    (difference,) = verify(tmp_path, STORY, [*published, withdrawn]).differences
    assert difference.kind == "dangling"
    assert "nothing, which was not said" in difference_line(difference)


def test_the_clock_runs_as_far_as_the_published_decisions_go(tmp_path: Path) -> None:
    """A worker's last breach may lie long after the last event; it must be found again, and not be missed before."""
    lines = STORY[:1]
    later = 1772450400000 + 5 * 3_600_000
    published = said_by_replay(tmp_path, lines, as_of=later)
    assert len(published) > 3
    verdict = verify(tmp_path, lines, published)
    assert verdict.good
    assert verdict.until is not None and verdict.until < later
    assert kinds(verify(tmp_path, lines, published[:1], as_of=later)) == ["missing"] * (len(published) - 1)


def test_what_moves_at_the_end_is_not_judged(tmp_path: Path) -> None:
    published = said_by_replay(tmp_path, STORY)
    last = [
        event for event in published if event["data"]["decided_at"] == max(e["data"]["decided_at"] for e in published)
    ]
    rest = [event for event in published if event not in last]
    strict = verify(tmp_path, STORY, rest)
    lenient = verify(tmp_path, STORY, rest, grace=60_000)
    assert not strict.good
    assert lenient.good
    assert lenient.in_flight == len(strict.differences)


def test_a_range_leaves_out_tickets_that_began_before_it(tmp_path: Path) -> None:
    published = said_by_replay(tmp_path, STORY)
    verdict = verify(tmp_path, STORY[1:], published, whole=False)
    assert verdict.good
    assert verdict.started_before == {"T-1"}
    assert not verify(tmp_path, STORY[1:], published).good


def test_a_stretch_goal_is_not_taken_for_the_promise(tmp_path: Path) -> None:
    published = said_by_replay(tmp_path, STORY)
    published[0]["data"]["kind"] = "kpi"
    assert sorted(kinds(verify(tmp_path, STORY, published))) == ["missing", "unexpected"]


def test_nothing_at_all(tmp_path: Path) -> None:
    verdict = verify(tmp_path, [], [])
    assert verdict.good
    assert verdict.until is None


def test_what_is_no_sla_event_is_refused_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(InvalidRecord, match="out:1: no SLA event v1: 'id' is missing"):
        verify(tmp_path, [], [{"type": "x", "data": dict.fromkeys(
            ("ticket_id", "metric", "cycle", "threshold", "due_at", "target_s", "elapsed_s", "outcome", "policy",
             "policy_version", "actions", "at", "decided_at"), "")}])  # fmt: skip
    with pytest.raises(InvalidRecord, match="is not an instant"):
        broken = said_by_replay(tmp_path, STORY)[:1]
        broken[0]["data"]["at"] = "noon"
        verify(tmp_path, [], broken)
