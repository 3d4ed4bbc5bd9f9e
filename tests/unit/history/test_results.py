"""How cycles end or stand, and how they are counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sla_stream.core.engine import Engine, EngineSettings
from sla_stream.errors import ConfigError
from sla_stream.formats.instants import parse_instant
from sla_stream.formats.policy_file import parse_policies
from sla_stream.history.grouping import Dimensions
from sla_stream.history.log import LogFile
from sla_stream.history.replay import Clock, Replay
from sla_stream.history.report import Window, make_report
from sla_stream.history.results import Counts, CycleKey, Result, Results, count
from sla_stream.history.simulate import changes, summarise

POLICIES = """\
apiVersion: sla-stream/v1
policies:
  - name: all
    targets:
      first_response: {target: TARGET}
      resolution: {target: 4h}
"""


def line(event_id: str, kind: str, at: str, ticket: str = "T-1", **more: Any) -> dict[str, Any]:
    return {"event_id": event_id, "ticket_id": ticket, "kind": kind, "occurred_at": f"2026-03-02T{at}:00Z", **more}


STORY = [
    line("a", "created", "10:00", department="sales", custom={"tier": 2}),
    line("b", "agent_replied", "10:40"),
    line("c", "resolved", "12:00"),
    line("d", "created", "10:00", ticket="T-2", department="support"),
    line("e", "agent_replied", "10:10", ticket="T-2"),
    line("f", "created", "15:00", ticket="T-3"),
    line("g", "deleted", "15:10", ticket="T-3"),
]


class Ran:
    """What a story comes to, from the engine's own events and from rendered ones."""

    def __init__(
        self, path: Path, target: str = "30m", story: list[dict[str, Any]] = STORY, clock: Clock = "occurred",
        names: tuple[str, ...] = (), policies: str = POLICIES,
    ) -> None:  # fmt: skip
        file = path / "log.jsonl"
        file.write_text("".join(json.dumps(each) + "\n" for each in story))
        log = LogFile(str(file), timed=clock == "recorded")
        engine = Engine(parse_policies(policies.replace("TARGET", target), "p"), EngineSettings(retain_closed=None))
        replay = Replay(engine, log, pytest.fail, clock)
        render = log.renderer("/test").render
        self.results, self.published = Results(names), Results(names)
        for events in replay.run():
            self.results.add(events)
            for event in events:
                self.published.add_json(json.loads(render(event)))
        self.said_only = list(self.results)
        for view in replay.views():
            self.results.add_view(view)
        self.as_of = replay.as_of


def shown(results: Any) -> list[str]:
    return [f"{each.key.ticket_id} {each.key.metric}#{each.key.cycle} {each.status}" for each in results]


def test_every_cycle_has_its_status(tmp_path: Path) -> None:
    ran = Ran(tmp_path)
    assert shown(ran.results) == [
        "T-1 first_response#1 missed",
        "T-1 resolution#1 met",
        "T-2 first_response#1 met",
        "T-2 resolution#1 overdue",
        "T-3 first_response#1 cancelled",
        "T-3 resolution#1 cancelled",
    ]


def test_what_is_open_is_known_from_the_state(tmp_path: Path) -> None:
    ran = Ran(tmp_path, story=STORY[:1])
    assert ran.said_only == []
    assert shown(ran.results) == ["T-1 first_response#1 open", "T-1 resolution#1 open"]


def test_published_events_tell_the_same(tmp_path: Path) -> None:
    ran = Ran(tmp_path, names=("department", "custom.tier"))
    assert list(ran.published) == ran.said_only
    assert next(iter(ran.published)).group == ("sales", 2)


def test_what_is_taken_back_does_not_count(tmp_path: Path) -> None:
    """The reply comes late: breach and outcome are withdrawn or replaced."""
    story = [each | {"recorded_at": each["occurred_at"]} for each in STORY[:3]]
    late = line("z", "agent_replied", "10:20", recorded_at="2026-03-02T13:00:00Z")
    ran = Ran(tmp_path, story=[*story, late], clock="recorded")
    assert shown(ran.results) == ["T-1 first_response#1 met", "T-1 resolution#1 met"]
    assert all(each.breached_at is None for each in ran.results)
    assert list(ran.published) == ran.said_only


def test_reopened_means_open_again(tmp_path: Path) -> None:
    ran = Ran(tmp_path, story=[*STORY[:3], line("r", "reopened", "12:30")])
    assert shown(ran.results) == ["T-1 first_response#1 missed", "T-1 resolution#1 open"]


def test_relaxed_cycles_have_a_raw_result_too(tmp_path: Path) -> None:
    relaxed = POLICIES.replace(
        "policies:",
        "relaxations:\n  - {name: storm, from: 2026-03-01T00:00:00Z, to: 2026-03-03T00:00:00Z, factor: 2, "
        "reason: storm, approved_by: boss}\npolicies:",
    )
    ran = Ran(tmp_path, policies=relaxed)
    first = ran.results.get(CycleKey("T-1", "first_response", "sla", 1))
    assert first is not None
    assert (first.status, first.raw) == ("met", "missed")
    counts = count(ran.results, lambda result: (result.key.metric,))[("first_response",)]
    assert (counts.attainment, counts.raw_attainment) == (1.0, 0.5)
    assert list(ran.published) == ran.said_only


def test_attainment() -> None:
    assert Counts().attainment is None
    assert Counts(met=2, missed=1, overdue=1, open=7, cancelled=9).attainment == 0.5
    assert Counts(cancelled=3).attainment is None


def result(at: str | None, status: Any = "met", **more: Any) -> Result:
    fields: dict[str, Any] = {"policy": "p", "policy_version": "1", "target": 60.0, "group": ()}
    key = CycleKey("T-1", "resolution", "sla", 1)
    instant = None if at is None else parse_instant(at)
    return Result(key, status, status, instant, None, **(fields | more))


@pytest.mark.parametrize(
    ("period", "utc", "sydney"),
    [
        ("day", "2026-12-31", "2027-01-01"),
        ("week", "2026-W53", "2026-W53"),
        ("month", "2026-12", "2027-01"),
        ("quarter", "2026-Q4", "2027-Q1"),
        ("year", "2026", "2027"),
    ],
)
def test_periods_in_their_time_zone(period: str, utc: str, sydney: str) -> None:
    ended = result("2026-12-31T20:00:00Z")
    assert Dimensions(period).grouping()(ended) == (utc,)
    assert Dimensions(period, "Australia/Sydney").grouping()(ended) == (sydney,)
    assert Dimensions(period).grouping()(result(None, "open")) == (None,)


def test_dimensions_that_do_not_exist() -> None:
    with pytest.raises(ConfigError, match=r"--by: found 'departement'; expected .*\(did you mean department\?\)"):
        Dimensions("metric,departement")
    with pytest.raises(ConfigError, match=r"--by: found 'custom\.'"):
        Dimensions("custom.")
    with pytest.raises(ConfigError, match="--timezone: 'Berlin' is not an IANA time zone"):
        Dimensions("metric", "Berlin")


def test_report_by_attribute_with_its_sources(tmp_path: Path) -> None:
    dimensions = Dimensions("department,metric")
    ran = Ran(tmp_path, names=dimensions.attributes)
    found = json.loads(make_report(ran.results, dimensions, Window(), ran.as_of).as_json())
    assert found["by"] == ["department", "metric"]
    assert found["as_of"] == "2026-03-02T15:10:00.000Z"
    assert list(found["policies"]) == ["all"]
    assert found["libraries"].keys() == {"tzdata", "holidays"}
    assert all(found["libraries"].values())
    rows = [(row["department"], row["metric"], row["met"], row["missed"], row["overdue"]) for row in found["rows"]]
    assert rows == [
        ("sales", "first_response", 0, 1, 0),
        ("sales", "resolution", 1, 0, 0),
        ("support", "first_response", 1, 0, 0),
        ("support", "resolution", 0, 0, 1),
        (None, "first_response", 0, 0, 0),
        (None, "resolution", 0, 0, 0),
    ]
    assert found["total"]["attainment"] == 0.5


def test_window_takes_what_was_decided_in_it() -> None:
    noon = parse_instant("2026-03-02T12:00:00Z")
    window = Window(noon, noon + 1)
    assert window(result("2026-03-02T12:00:00Z"))
    assert not window(result("2026-03-02T12:00:00.001Z"))
    assert not window(result("2026-03-02T11:59:59.999Z"))
    assert not window(result(None, "open"))
    assert Window()(result(None, "open"))


def test_a_draft_that_gives_more_time_wins(tmp_path: Path) -> None:
    present, draft = Ran(tmp_path, "30m"), Ran(tmp_path, "1h")
    assert [(each.key.ticket_id, each.effect) for each in changes(present.results, draft.results)] == [("T-1", "won")]
    assert [(each.key.ticket_id, each.effect) for each in changes(draft.results, present.results)] == [("T-1", "lost")]
    assert list(changes(draft.results, draft.results)) == []
    found = json.loads(summarise(present.results, draft.results, Dimensions("metric"), 0).as_json())
    assert (found["tickets_changed"], found["tickets"]) == (1, 3)
    first = found["rows"][0]
    assert first["metric"] == "first_response"
    assert (first["before"]["attainment"], first["after"]["attainment"], first["won"]) == (0.5, 1.0, 1)


def test_a_breach_at_another_instant_is_a_change(tmp_path: Path) -> None:
    present, draft = Ran(tmp_path, "30m"), Ran(tmp_path, "35m")
    assert [each.effect for each in changes(present.results, draft.results)] == ["changed"]


def test_what_only_one_side_times(tmp_path: Path) -> None:
    less = POLICIES.replace("      resolution: {target: 4h}\n", "")
    present, draft = Ran(tmp_path), Ran(tmp_path, policies=less)
    assert {each.effect for each in changes(present.results, draft.results)} == {"disappeared"}
    assert {each.effect for each in changes(draft.results, present.results)} == {"appeared"}


def test_what_is_no_outcome_is_refused() -> None:
    with pytest.raises(ValueError, match="outcome: found 'won', expected met, missed, cancelled"):
        Results().add_json({
            "id": "1", "type": "sla.outcome.v1", "data": {
                "ticket_id": "T", "metric": "m", "cycle": 1, "policy": "p", "policy_version": "1", "target_s": 1,
                "ticket": {}, "at": "2026-03-02T12:00:00Z", "outcome": "won",
            },
        })  # fmt: skip
