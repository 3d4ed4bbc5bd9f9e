"""Stories for rules that a small change of the code once broke unnoticed (`make mutants`)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sla_stream.core.engine import Applied
from tests.builders import DAY, HOUR, MINUTE, Run, event, policies, policy, target
from tests.stories import at, tell
from tests.unit.core.test_rules_versions import version


@pytest.mark.parametrize(
    ("story", "known"),
    [
        ("Mon 09:00 created status=open\nMon 09:10 agent_replied", True),
        ("Mon 09:00 created\nMon 09:10 resolved\nMon 09:20 customer_replied", True),
        ("Mon 09:00 created\nMon 09:10 resolved\nMon 09:20 customer_replied\nMon 09:30 agent_replied", False),
        ("Mon 09:00 created status=open\nMon 09:10 merged merged_into=T-9", False),
    ],
    ids=["open, nothing runs", "resolved, a reply clock runs", "resolved, nothing runs", "open, merged for good"],
)
def test_forgotten_is_what_is_resolved_and_has_nothing_running(story: str, known: bool) -> None:
    """Rule 12. The customer who writes to a resolved ticket waits for a reply."""
    rules = policies(policy(target("first_response", HOUR), target("next_response", HOUR)))
    run = tell(Run(rules), story)
    assert list(run.until(at("Mon 09:00") + 400 * DAY).engine.ticket_ids()) == (["T-1"] if known else [])


@pytest.mark.parametrize(("late", "applied"), [("10:29:30", Applied.TOO_LATE), ("10:39:30", Applied.APPLIED)])
def test_no_more_recent_events_are_kept_than_the_cap_says(late: str, applied: Applied) -> None:
    """Rule 17: with ten kept, the eleventh from the end cannot be overtaken any more."""
    run = tell(Run(policies(policy(target("resolution", DAY))), max_recent_events=10), "Mon 09:00 created")
    run.read(*(event(at("Mon 09:00") + i * MINUTE, "note_added") for i in range(1, 101)))
    assert tell(run, f"Mon {late} updated @ Mon 12:00").applied[-1] is applied


def test_deadline_between_learning_of_a_set_and_looking_at_the_ticket() -> None:
    """The set is learnt of at 11:00, and the next thing that happens is that the log gets to 13:00."""
    first = policies(version(1, target("resolution", 3 * HOUR)))
    more = replace(first, policies=(*first.policies, version(1, target("assignment", DAY), name="more")))
    run = tell(Run([(0, first)]), "Mon 09:00 created\nMon 11:00")
    run.engine.adopt(at("Mon 10:00"), more)
    assert tell(run, "Mon 13:00").lines == ["breach resolution#1 Mon 12:00"]
