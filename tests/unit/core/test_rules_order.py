"""Rules 8 and 9, §1 and §2: order of arrival, duplicates, conflicts, late and future events, ids and revisions."""

from __future__ import annotations

from itertools import permutations

import pytest

from sla_stream.core.engine import Applied, EngineSettings
from sla_stream.core.ids import event_id, retraction_id
from sla_stream.core.sla_events import BREACH, OUTCOME, RETRACTION, WARNING
from tests.builders import DAY, HOUR, Run, after, line, net_set, policies, policy, target, warn
from tests.stories import at, by_priority, lines, one, single, state, tell

RULES = single(warnings=warn("80%"), escalations=after("1h"))
SAID_TO_MISS = ["warning 80% resolution#1 Mon 09:48", "breach resolution#1 Mon 10:00"]


@pytest.mark.parametrize(
    ("late", "said"),
    [
        (
            "Mon 09:55 resolved @ Mon 10:30",
            ["retract breach resolution#1 Mon 10:00", "outcome met resolution#1 Mon 09:55"],
        ),
        (
            "Mon 09:30 resolved @ Mon 10:30",
            [
                "retract warning 80% resolution#1 Mon 09:48",
                "retract breach resolution#1 Mon 10:00",
                "outcome met resolution#1 Mon 09:30",
            ],
        ),
        (
            "Mon 10:00 resolved @ Mon 10:30",
            ["retract breach resolution#1 Mon 10:00", "outcome met resolution#1 Mon 10:00"],
        ),
        ("Mon 10:15 resolved @ Mon 10:30", ["outcome missed resolution#1 Mon 10:15"]),
        ("Mon 10:15 note_added @ Mon 10:30", []),
        ("Mon 09:15 note_added @ Mon 10:30", []),
    ],
)
def test_late_event_is_put_in_its_place(late: str, said: list[str]) -> None:
    """What no longer holds is retracted, the latest of one clock's facts not before the earlier ones matter."""
    run = tell(Run(RULES), f"Mon 09:00 created\nMon 10:20\n{late}\nMon 10:31")
    assert run.lines[:2] == SAID_TO_MISS
    assert sorted(run.lines[2:]) == sorted(said)


def test_late_creation_lets_the_clock_start_where_it_did() -> None:
    run = tell(Run(RULES), "Mon 09:30 updated @ Mon 09:30\nMon 09:00 created @ Mon 09:40\nMon 09:41")
    assert state(run, "Mon 09:45") == "resolution#1 running due Mon 10:00 elapsed 45m left 15m paused 0m"
    assert run.engine.counters.late == 1
    assert run.engine.counters.unknown_ticket == 1


HISTORY = """
    Mon 09:00 created
    Mon 09:50 updated priority=low
    Mon 11:00 updated priority=high
    Mon 11:30 customer_replied
    Mon 12:00 resolved
    Mon 13:00 reopened
    Mon 15:00 resolved
""".strip().splitlines()


def test_every_order_of_arrival_ends_in_the_same_net_set() -> None:
    rules = by_priority(warnings=warn("80%"), escalations=after("1h"))
    events = [one(text.strip())[0] for text in HISTORY]
    expected = net_set(Run(rules).read(*events).until(at("Tue 09:00")).said)
    assert len(expected) > 3
    for order in list(permutations(events))[::97]:
        run = Run(rules)
        for i, each in enumerate(order):
            run.read(each, recorded_at=at("Mon 16:00") + i * HOUR)
        assert net_set(run.until(at("Tue 09:00")).said) == expected


@pytest.mark.parametrize(
    ("first", "second", "ends_open"),
    [
        ("resolved sequence=1", "reopened sequence=2", True),
        ("reopened sequence=2", "resolved sequence=1", True),
        ("resolved sequence=2", "reopened sequence=1", False),
        ("resolved id=a", "reopened id=b", True),
        ("reopened id=b", "resolved id=a", True),
        ("resolved id=b", "reopened id=a", False),
        ("resolved sequence=1 id=b", "reopened id=c", False),
    ],
)
def test_equal_instants_go_by_sequence_then_id(first: str, second: str, ends_open: bool) -> None:
    run = tell(Run(RULES), f"Mon 09:00 created\nMon 09:30 {first}\nMon 09:30 {second}")
    assert (" running " in state(run, "Mon 09:31")) is ends_open


def test_duplicates_say_and_change_nothing() -> None:
    run = tell(Run(RULES), "Mon 09:00 created id=a\nMon 10:30 resolved id=b")
    said, shown = list(run.lines), state(run, "Mon 11:00")
    tell(run, "Mon 09:00 created id=a @ Mon 11:00\nMon 10:30 resolved id=b @ Mon 11:00")
    assert run.applied[2:] == [Applied.DUPLICATE, Applied.DUPLICATE]
    assert (run.lines, state(run, "Mon 11:00")) == (said, shown)
    assert run.engine.counters.duplicates == 2


@pytest.mark.parametrize(
    "other", ["Mon 09:30 updated id=b priority=low", "Mon 09:31 updated id=b", "Mon 09:30 note_added id=b"]
)
def test_same_id_with_other_content_is_a_conflict(other: str) -> None:
    run = tell(Run(RULES), f"Mon 09:00 created id=a\nMon 09:30 updated id=b\n{other} @ Mon 09:40")
    assert run.applied == [Applied.APPLIED, Applied.APPLIED, Applied.CONFLICT]
    assert run.engine.counters.conflicts == 1
    assert " due Mon 10:00 " in state(run, "Mon 09:41")


def test_ids_are_per_ticket() -> None:
    run = tell(Run(RULES), "Mon 09:00 created id=a\nMon 09:10 created id=a ticket=T-2")
    assert run.applied == [Applied.APPLIED, Applied.APPLIED]


@pytest.mark.parametrize(
    ("recorded", "became"),
    [("Mon+1 09:30", Applied.APPLIED), ("Mon+1 09:30:00.001", Applied.TOO_LATE)],
)
def test_too_late_is_later_than_the_allowed_lateness(recorded: str, became: Applied) -> None:
    run = tell(Run(RULES), f"Mon 09:00 created\nTue 09:00 updated\nMon 09:30 resolved @ {recorded}")
    assert run.applied[-1] is became
    assert run.engine.counters.too_late == (became is Applied.TOO_LATE)
    assert ("outcome met resolution#1 Mon 09:30" in run.lines) is (became is Applied.APPLIED)


def test_too_late_also_behind_something_said_only() -> None:
    """No event sorts behind it, but the breach of Monday 10:00 was said."""
    run = tell(Run(RULES), "Mon 09:00 created\nTue 09:00\nMon 09:30 resolved @ Mon+1 09:31")
    assert run.applied[-1] is Applied.TOO_LATE


def test_old_events_in_order_are_not_late() -> None:
    """A history that is read for the first time, weeks after it happened."""
    run = Run(RULES)
    tell(run, "Mon 09:00 created @ Mon+3 09:00\nMon 09:30 updated @ Mon+3 09:00\nMon 09:40 resolved @ Mon+3 09:00:01")
    assert run.applied == [Applied.APPLIED] * 3
    assert run.engine.counters.late == run.engine.counters.too_late == 0
    assert run.until(at("Mon+3 10:00")).lines == ["outcome met resolution#1 Mon 09:40"]


def test_allowed_lateness_is_a_setting() -> None:
    settings = {"allowed_lateness": HOUR}
    run = tell(Run(RULES, **settings), "Mon 09:00 created\nMon 11:00 updated\nMon 09:59 resolved @ Mon 11:00")
    assert run.applied[-1] is Applied.TOO_LATE
    assert EngineSettings().allowed_lateness == 7 * DAY


# -- events from the future (within the skew the caller allows) --------------------------------------------------------


def seen_ahead(ahead: str) -> Run:
    """A ticket of Monday 09:00 and an event read before it happened; then time passes in small steps."""
    run = tell(Run(RULES), f"Mon 09:00 created\n{ahead}")
    for moment in range(at("Mon 09:45"), at("Mon 10:06"), 30_000):
        run.until(max(moment, run.engine.log_time))
    return run


@pytest.mark.parametrize(
    ("ahead", "alarms"),
    [
        ("Mon 10:04 resolved @ Mon 09:59:30", SAID_TO_MISS),
        ("Mon 10:04 updated priority=low @ Mon 09:59:30", SAID_TO_MISS),
        ("Mon 09:58 resolved @ Mon 09:55", SAID_TO_MISS[:1]),
        ("Mon 09:49 resolved @ Mon 09:45", SAID_TO_MISS[:1]),
        ("Mon 09:48 resolved @ Mon 09:45", []),
    ],
)
def test_no_alarm_is_said_before_log_time_passes_its_instant(ahead: str, alarms: list[str]) -> None:
    said = [fact for fact in seen_ahead(ahead).said if fact.type != OUTCOME]
    assert all(fact.at < fact.decided_at for fact in said)
    assert list(map(line, said)) == alarms


@pytest.mark.parametrize(
    ("ahead", "said"),
    [
        ("Mon 10:04 resolved @ Mon 09:59:30", [*SAID_TO_MISS, "outcome missed resolution#1 Mon 10:04"]),
        ("Mon 09:58 resolved @ Mon 09:55", [*SAID_TO_MISS[:1], "outcome met resolution#1 Mon 09:58"]),
    ],
)
def test_no_outcome_is_said_before_log_time_reaches_its_instant(ahead: str, said: list[str]) -> None:
    run = seen_ahead(ahead)
    assert all(fact.at <= fact.decided_at for fact in run.said)
    assert run.lines == said


def test_outcome_from_the_future_withdrawn_before_it_was_said() -> None:
    run = tell(Run(RULES), "Mon 09:00 created\nMon 09:32 resolved @ Mon 09:30\nMon 09:33 reopened @ Mon 09:31")
    assert run.lines == []
    run = tell(run, "Mon 09:40 resolved")
    assert [(line(fact), fact.revision) for fact in run.said] == [("outcome met resolution#1 Mon 09:40", 0)]


def test_late_event_before_an_outcome_from_the_future() -> None:
    ahead = "Mon 09:32 resolved @ Mon 09:30\nMon 09:31 resolved @ Mon 09:30"
    run = tell(Run(RULES), f"Mon 09:00 created\n{ahead}\nMon 09:33")
    assert net_set(run.said) == net_set(tell(Run(RULES), "Mon 09:00 created\nMon 09:31 resolved").said)


def test_late_event_after_the_past_was_folded_with_its_outcome() -> None:
    """The outcome that the reopening withdrew is in the base; only what came since is judged again."""
    rules = single("resolution", 20 * DAY)
    story = "Mon 09:00 created\nMon 10:00 resolved\nMon+2 10:00 reopened\nMon+2 12:00 note_added"
    run = tell(Run(rules), story + "\nMon+2 11:00 resolved @ Mon+2 13:00")
    assert run.lines == [
        "outcome met resolution#1 Mon 10:00",
        "retract outcome met resolution#1 Mon 10:00",
        "outcome met resolution#1 Mon+2 11:00",
    ]
    assert len(net_set(run.said)) == 1


def test_late_event_keeps_what_was_said_twice() -> None:
    """Both warnings stand: the target moved in between."""
    rules = by_priority(warnings=warn("80%"))
    story = "Mon 09:00 created\nMon 12:31 updated priority=low\nMon 16:00 note_added"
    run = tell(Run(rules), story + "\nMon 10:00 note_added @ Mon 16:01")
    assert run.lines == ["warning 80% resolution#1 Mon 12:12", "warning 80% resolution#1 Mon 15:24"]
    tell(run, "Mon 12:00 updated priority=low @ Mon 16:02")
    assert run.lines[2:] == ["retract warning 80% resolution#1 Mon 12:12"]
    assert run.said[2].retracts == run.said[0].id


def test_order_of_arrival_of_warnings_said_twice() -> None:
    rules = by_priority(warnings=warn("80%"))
    whole = tell(Run(rules), "Mon 09:00 created\nMon 12:31 updated priority=low\nMon 16:00 note_added\nTue 09:00")
    other = "Mon 09:00 created\nMon 16:00 note_added\nMon 12:31 updated priority=low @ Mon 16:01\nTue 09:00"
    late = tell(Run(rules), other)
    assert net_set(late.said) == net_set(whole.said)


# -- ids, revisions, supersedes, retractions ---------------------------------------------------------------------------


def test_ids_follow_the_recipe() -> None:
    run = tell(Run(RULES), "Mon 09:00 created\nMon 10:30 resolved\nMon 11:00 reopened")
    due = at("Mon 10:00")
    assert [fact.id for fact in run.said] == [
        event_id("T-1", "resolution", 1, WARNING, "80%", due, 0),
        event_id("T-1", "resolution", 1, BREACH, None, due, 0),
        event_id("T-1", "resolution", 1, OUTCOME, None, due, 0),
        retraction_id(run.said[2].id),
    ]


def test_same_log_gives_the_same_ids() -> None:
    story = "\n".join(HISTORY) + "\nTue 09:00"
    first, second = (tell(Run(RULES), story) for _ in range(2))
    assert [fact.id for fact in first.said] == [fact.id for fact in second.said]
    assert len({fact.id for fact in first.said}) == len(first.said)


def test_outcome_replaced_at_once_supersedes() -> None:
    run = tell(Run(RULES), "Mon 09:00 created\nMon 09:40 resolved\nMon 09:30 closed @ Mon 09:41")
    assert run.lines == ["outcome met resolution#1 Mon 09:40", "outcome met resolution#1 Mon 09:30"]
    first, second = run.said
    assert (second.supersedes, second.revision) == (first.id, 1)
    assert (first.supersedes, first.revision) == (None, 0)


def test_outcome_after_a_retraction_supersedes_nothing() -> None:
    run = tell(Run(RULES), "Mon 09:00 created\nMon 09:10 resolved\nMon 09:20 reopened\nMon 09:30 resolved")
    first, withdrawn, second = run.said
    assert (withdrawn.retracts, withdrawn.retracts_type) == (first.id, OUTCOME)
    assert (second.supersedes, second.revision) == (None, 1)


def test_breach_said_again_after_its_retraction_has_the_next_revision() -> None:
    story = """
        Mon 09:00 created
        Mon 11:30
        Mon 09:50 updated status=resolved @ Mon 11:30
        Mon 09:55 reopened @ Mon 11:31
        Mon 11:32
    """
    run = tell(Run(single(reopen="continue")), story)
    breaches = [fact for fact in run.said if BREACH in (fact.type, fact.retracts_type)]
    assert [(fact.type, fact.revision) for fact in breaches] == [(BREACH, 0), (RETRACTION, 0), (BREACH, 1)]
    assert breaches[0].id != breaches[2].id


def test_retraction_repeats_what_it_withdraws() -> None:
    run = tell(Run(RULES), "Mon 09:00 created priority=low\nMon 10:20\nMon 09:55 resolved @ Mon 10:30")
    breach = next(fact for fact in run.said if fact.type == BREACH)
    withdrawn = next(fact for fact in run.said if fact.retracts == breach.id)
    repeated = (
        "ticket_id", "metric", "cycle", "threshold", "target", "target_ms", "started_at", "due_at", "at", "elapsed",
        "paused", "overrun", "outcome", "ticket", "revision", "supersedes", "late_attach",
    )  # fmt: skip
    for name in repeated:
        assert getattr(withdrawn, name) == getattr(breach, name), name
    assert withdrawn.reason
    assert (withdrawn.id, withdrawn.retracts_type) == (retraction_id(breach.id), BREACH)
    assert withdrawn.decided_at == at("Mon 10:30")
    assert withdrawn.evidence == (1, at("Mon 10:30"))


def test_retracted_outcome_repeats_its_verdict_and_ticket() -> None:
    run = tell(Run(RULES), "Mon 09:00 created priority=low\nMon 10:30 resolved\nMon 11:00 reopened priority=high")
    outcome, withdrawn = run.said[-2:]
    for name in ("outcome", "at", "due_at", "elapsed", "paused", "overrun", "ticket", "revision"):
        assert getattr(withdrawn, name) == getattr(outcome, name), name
    assert outcome.ticket["priority"] == "low"


def test_evidence_and_decision_time() -> None:
    run = tell(Run(RULES), "Mon 09:00 created\nMon 09:30 updated @ Mon 09:31\nMon 10:00:01\nMon 10:10 resolved")
    warning, breach, outcome = run.said
    assert warning.evidence == breach.evidence == (1, at("Mon 09:31"))
    assert outcome.evidence == (2, at("Mon 10:10"))
    assert (breach.decided_at, outcome.decided_at) == (at("Mon 10:00:01"), at("Mon 10:10"))


def test_ticket_attributes_are_those_in_force_at_the_instant() -> None:
    run = tell(
        Run(RULES),
        """
        Mon 09:00 created status=open priority=low group=a
        Mon 10:30 updated group=b @ Mon 10:30
        Mon 10:40 resolved status_label=done
        """,
    )
    warning, breach, outcome = run.said
    assert warning.ticket == breach.ticket == {"status": "open", "priority": "low", "group": "a"}
    assert outcome.ticket == {"priority": "low", "group": "b", "status": "resolved", "status_label": "done"}


def test_null_clears_and_absent_leaves() -> None:
    run = tell(Run(RULES), "Mon 09:00 created group=a plan=gold\nMon 09:10 updated group=\nMon 10:10 resolved")
    assert run.said[-1].ticket.get("group") is None
    assert run.said[-1].ticket["plan"] == "gold"


def test_outputs_of_one_instant_have_one_order() -> None:
    """Timers fire in the order (due, ticket, metric), whatever order the tickets came in."""
    rules = policies(policy(target("resolution", HOUR), target("first_response", HOUR)))
    run = tell(Run(rules), "Mon 09:00 created ticket=B\nMon 09:00 created ticket=A\nTue 09:00")
    assert [(fact.ticket_id, fact.metric) for fact in run.said] == [
        ("A", "first_response"),
        ("A", "resolution"),
        ("B", "first_response"),
        ("B", "resolution"),
    ]


def test_log_time_never_goes_back() -> None:
    run = tell(Run(RULES), "Mon 09:00 created\nMon 10:30\nMon 10:10 note_added @ Mon 10:10")
    assert run.engine.log_time == at("Mon 10:30")
    assert lines(RULES, "Mon 09:00 created\nMon 10:30") == run.lines


def test_late_event_in_a_reopened_life_of_several_clocks() -> None:
    """Between the outcome and the reopening that withdraws it, another clock had something to say."""
    rules = policies(policy(target("resolution", 9 * HOUR), target("next_response", HOUR)))
    story = """
        Mon 09:00 created
        Mon 09:10 agent_replied
        Mon 09:20 resolved
        Mon 09:30 customer_replied
        Mon 11:00 reopened
        Mon 12:00 note_added
    """
    in_order = tell(Run(rules), story + "\nMon 12:30 agent_replied\nTue 12:00")
    late = tell(Run(rules), story + "\nMon 13:00 note_added\nMon 12:30 agent_replied @ Mon 13:30\nTue 12:00")
    assert net_set(late.said) == net_set(in_order.said)


@pytest.mark.parametrize("settle_for", [0, 5_000])
def test_two_sayings_of_one_threshold_found_at_once_are_counted(settle_for: int) -> None:
    """The creation comes last, and with it both times the threshold was reached."""
    rules = by_priority(warnings=warn("80%"))
    story = "Mon 12:31 updated priority=low\nMon 16:00 note_added\nMon 09:00 created @ Mon 16:01\nMon 16:02"
    run = tell(Run(rules, settle_for=settle_for), story)
    assert [(line(fact), fact.revision) for fact in run.said] == [
        ("warning 80% resolution#1 Mon 12:12", 0),
        ("warning 80% resolution#1 Mon 15:24", 1),
    ]


def test_retracted_outcome_tells_the_ticket_as_it_was_at_the_end() -> None:
    story = "Mon 09:00 created priority=low\nMon 10:30 resolved\nMon 10:40 updated priority=high\nMon 11:00 reopened"
    outcome, withdrawn = tell(Run(RULES), story).said[-2:]
    assert withdrawn.retracts == outcome.id
    assert withdrawn.ticket == outcome.ticket
    assert withdrawn.ticket["priority"] == "low"


def test_equal_deadlines_of_one_ticket_go_by_metric() -> None:
    rules = policies(policy(target("resolution", 2 * HOUR), target("next_response", HOUR)))
    story = "Mon 09:00 created\nMon 09:10 agent_replied\nMon 10:00 customer_replied\nMon 11:01"
    assert lines(rules, story) == ["breach next_response#1 Mon 11:00", "breach resolution#1 Mon 11:00"]
