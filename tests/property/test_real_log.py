"""One truth on real lives: tickets of the bundled history, shuffled, repeated, late and through crashes."""

from __future__ import annotations

import random
from collections import defaultdict
from functools import cache
from itertools import islice
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

import sla_stream.demo
from sla_stream.core.events import TicketEvent
from sla_stream.core.policy import PolicySet
from sla_stream.demo.history import read_history
from sla_stream.formats.codec import decode_ticket_event
from sla_stream.formats.policy_file import load_policies
from tests.builders import DAY, HOUR, MINUTE, Run, net_set

EVENTS = 12_000
SAMPLE = 60
DELAYS = (0, 0, 0, MINUTE, 3 * HOUR, 2 * DAY, 6 * DAY)


@cache
def rules() -> PolicySet:
    return load_policies(Path(sla_stream.demo.__file__).parent / "policies.yaml")


@cache
def lives() -> list[list[TicketEvent]]:
    """The events of each ticket in the first weeks of the history, in order."""
    found: dict[str, list[TicketEvent]] = defaultdict(list)
    for line in islice(read_history(), EVENTS):
        event = decode_ticket_event(line.value)
        found[event.ticket_id].append(event)
    return [sorted(events, key=lambda event: event.key) for _, events in sorted(found.items())]


@settings(max_examples=25)
@given(st.integers(0, 2**32))
def test_any_arrival_of_real_tickets_gives_the_same_net_set(seed: int) -> None:
    """Late by up to six days (seven are allowed), a fifth of them twice, with three crashes."""
    chance = random.Random(seed)
    events = [event for life in chance.sample(lives(), SAMPLE) for event in life]
    arrivals = [(event.at + chance.choice(DELAYS), event) for event in events]
    arrivals += [(at + chance.randrange(DAY), event) for at, event in arrivals if chance.random() < 0.2]
    arrivals.sort(key=lambda arrival: arrival[0])
    end = arrivals[-1][0] + 60 * DAY
    expected = Run(rules(), retain_closed=None)
    expected.read(*sorted(events, key=lambda event: (event.at, event.key))).until(end).settle()
    run = Run(rules(), retain_closed=None)
    crashes = {chance.randrange(len(arrivals)) for _ in range(3)}
    for i, (at, event) in enumerate(arrivals):
        if i in crashes:
            run.crash()
        run.read(event, recorded_at=at)
    run.until(end).settle()
    assert net_set(run.said) == net_set(expected.said)
