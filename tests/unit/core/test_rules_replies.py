"""Rule 4 and the reply clocks: who answers, when a reply clock starts, what ends it (contract §4, §5)."""

from __future__ import annotations

from typing import Any

import pytest

from sla_stream.core.metrics import ANSWERED, BUILT_IN, RESOLVED, when
from sla_stream.core.policy import Conditions, PolicySet, Rules
from tests.builders import HOUR, Run, policies, policy, target
from tests.stories import lines, single, state, tell

FIRST = single("first_response")
REPLIES = policies(policy(target("first_response", HOUR), target("next_response", HOUR)))


@pytest.mark.parametrize(
    ("told", "answers"),
    [
        ("agent_replied", True),
        ("agent_replied public=no", False),
        ("agent_replied actor=bot", False),
        ("agent_replied actor=system", False),
        ("note_added actor=agent", False),
        ("note_added actor=agent public=yes", False),
        ("customer_replied", False),
        ("customer_replied actor=agent", False),
        ("updated status=open", False),
        ("answered actor=agent", False),
        ("updated status=resolved", True),
        ("resolved", True),
        ("closed", True),
    ],
)
def test_public_human_replies_answer_and_so_does_resolving(told: str, answers: bool) -> None:
    said = lines(FIRST, f"Mon 09:00 created\nMon 09:20 {told}")
    assert said == (["outcome met first_response#1 Mon 09:20"] if answers else [])


@pytest.mark.parametrize(
    ("stop", "told"),
    [
        (when(kind="agent_replied", actor=("agent", "bot")), "agent_replied actor=bot"),
        (when(kind="note_added"), "note_added"),
        (when(kind="agent_replied", public=(True, False)), "agent_replied public=no"),
    ],
)
def test_a_policy_may_admit_bots_and_notes(stop: Conditions, told: str) -> None:
    rules = Rules(start=BUILT_IN["first_response"].start, stop=stop, cycles="once")
    said = lines(single("first_response", rules=rules), f"Mon 09:00 created\nMon 09:20 {told}")
    assert said == ["outcome met first_response#1 Mon 09:20"]


def test_first_response_never_runs_again() -> None:
    said = lines(FIRST, "Mon 09:00 created\nMon 09:10 resolved\nMon 09:20 reopened\nMon 18:00 agent_replied\nTue 09:00")
    assert said == ["outcome met first_response#1 Mon 09:10"]


@pytest.mark.parametrize(
    ("story", "said"),
    [
        ("Mon 09:10 customer_replied\nMon 18:00", ["breach first_response#1 Mon 10:00"]),
        (
            "Mon 09:10 agent_replied\nMon 09:30 customer_replied\nMon 10:30 agent_replied",
            ["outcome met first_response#1 Mon 09:10", "outcome met next_response#1 Mon 10:30"],
        ),
        (
            "Mon 09:10 agent_replied\nMon 09:30 customer_replied\nMon 10:00 customer_replied\nMon 10:31",
            ["outcome met first_response#1 Mon 09:10", "breach next_response#1 Mon 10:30"],
        ),
        (
            "Mon 09:10 agent_replied\nMon 09:30 customer_replied\nMon 09:40 resolved",
            ["outcome met first_response#1 Mon 09:10", "outcome met next_response#1 Mon 09:40"],
        ),
        ("Mon 09:10 agent_replied\nMon 18:00", ["outcome met first_response#1 Mon 09:10"]),
    ],
)
def test_next_response_starts_at_the_first_unanswered_customer_reply(story: str, said: list[str]) -> None:
    assert lines(REPLIES, f"Mon 09:00 created\n{story}") == said


def test_each_unanswered_reply_is_a_cycle_of_its_own() -> None:
    said = lines(
        REPLIES,
        """
        Mon 09:00 created
        Mon 09:10 agent_replied
        Mon 10:00 customer_replied
        Mon 11:30 agent_replied
        Mon 12:00 customer_replied
        Mon 12:10 note_added
        Mon 12:20 agent_replied
        Mon 13:00 customer_replied
        """,
    )
    assert said == [
        "outcome met first_response#1 Mon 09:10",
        "breach next_response#1 Mon 11:00",
        "outcome missed next_response#1 Mon 11:30",
        "outcome met next_response#2 Mon 12:20",
    ]


def test_next_response_counts_without_a_target_for_first_response() -> None:
    """What a policy times does not decide whether a first response was given."""
    said = lines(
        single("next_response"),
        """
        Mon 09:00 created
        Mon 09:10 customer_replied
        Mon 09:20 agent_replied
        Mon 09:30 customer_replied
        Mon 09:40 agent_replied
        """,
    )
    assert said == ["outcome met next_response#1 Mon 09:40"]


def test_reply_that_resolves_ends_both_clocks() -> None:
    rules = policies(policy(target("first_response", HOUR), target("resolution", HOUR)))
    said = lines(rules, "Mon 09:00 created\nMon 09:30 agent_replied status=resolved")
    assert sorted(said) == ["outcome met first_response#1 Mon 09:30", "outcome met resolution#1 Mon 09:30"]


# -- own metrics: conditions are data --------------------------------------------------------------------------------


def own_rules(**rules: Any) -> PolicySet:
    return policies(policy(target("own", HOUR, rules=Rules(**rules))), metrics={"own": Rules(**rules)})


def own(story: str, **rules: Any) -> list[str]:
    return lines(own_rules(**rules), story)


VENDOR = {"start": when(status="on_hold"), "stop": when(left_status="on_hold"), "cancel": when(kind="deleted")}


def test_own_metric_runs_again_when_its_start_comes_again() -> None:
    said = own(
        """
        Mon 09:00 created
        Mon 09:10 updated status=on_hold
        Mon 09:20 updated status=on_hold
        Mon 09:30 updated status=open
        Mon 10:00 updated status=on_hold
        Mon 11:30 updated status=pending
        """,
        **VENDOR,
    )
    assert said == [
        "outcome met own#1 Mon 09:30",
        "breach own#2 Mon 11:00",
        "outcome missed own#2 Mon 11:30",
    ]


def test_first_event_sets_its_status() -> None:
    assert own("Mon 09:00 created status=on_hold\nMon 09:30 updated status=open", **VENDOR) == [
        "outcome met own#1 Mon 09:30"
    ]


def test_reset_starts_the_same_cycle_from_zero_without_outcome() -> None:
    rules = {"start": when(kind="created"), "stop": RESOLVED, "reset": when(kind="customer_replied")}
    story = "Mon 09:00 created\nMon 09:50 customer_replied\nMon 10:40 customer_replied\nMon 11:41"
    assert own(story, **rules) == ["breach own#1 Mon 11:40"]
    assert own("Mon 09:00 created\nMon 09:50 customer_replied\nMon 10:50 resolved", **rules) == [
        "outcome met own#1 Mon 10:50"
    ]


def test_cancel_condition_ends_cancelled() -> None:
    rules = {"start": when(kind="created"), "stop": RESOLVED, "cancel": when(kind="note_added")}
    assert own("Mon 09:00 created\nMon 09:30 note_added\nMon 18:00", **rules) == ["outcome cancelled own#1 Mon 09:30"]


def test_pause_from_one_event_to_the_other() -> None:
    rules = {
        "start": when(kind="created"),
        "stop": RESOLVED,
        "pause": when(kind="agent_replied"),
        "resume": when(kind="customer_replied"),
    }
    story = "Mon 09:00 created\nMon 09:30 agent_replied\nMon 09:40 updated status=open\nMon 12:00 customer_replied\n"
    assert own(story + "Mon 12:31", **rules) == ["breach own#1 Mon 12:30"]


REPLY = when(kind="agent_replied")


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"cancel": REPLY, "stop": REPLY}, ["outcome cancelled own#1 Mon 09:30"]),
        ({"stop": REPLY, "reset": REPLY}, ["outcome met own#1 Mon 09:30"]),
        ({"stop": REPLY, "pause": REPLY, "resume": when(kind="note_added")}, ["outcome met own#1 Mon 09:30"]),
        ({"pause": REPLY, "resume": REPLY}, ["breach own#1 Mon 10:00"]),
        ({"reset": REPLY, "pause": REPLY, "resume": REPLY}, ["breach own#1 Mon 10:30"]),
        ({"reset": REPLY, "pause": REPLY, "resume": when(kind="note_added")}, []),
    ],
)
def test_one_event_that_fits_several(rules: dict[str, Any], said: list[str]) -> None:
    """Cancel, then stop, then reset, then pause, then resume, then start."""
    story = "Mon 09:00 created\nMon 09:30 agent_replied\nMon 18:00"
    assert own(story, start=when(kind="created"), **rules) == said


def test_one_event_may_end_a_cycle_and_start_the_next() -> None:
    said = own(
        "Mon 09:00 created\nMon 09:10 agent_replied\nMon 09:40 agent_replied\nMon 11:00 resolved",
        start=ANSWERED,
        stop=ANSWERED + RESOLVED,
    )
    assert said == ["outcome met own#1 Mon 09:40", "breach own#2 Mon 10:40", "outcome missed own#2 Mon 11:00"]


def test_start_while_running_is_ignored() -> None:
    story = "Mon 09:00 created\nMon 09:30 updated status=on_hold\nMon 09:35 updated status=on_hold"
    run = tell(Run(own_rules(start=when(kind="updated"), stop=RESOLVED)), story)
    assert state(run, "Mon 10:00") == "own#1 running due Mon 10:30 elapsed 30m left 30m paused 0m"
