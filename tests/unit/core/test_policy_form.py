"""The stored form of a policy set brings back the same set."""

from __future__ import annotations

from datetime import date, datetime

from sla_stream.core.policy import Match, Schedule
from sla_stream.core.policy_form import pack_policies, unpack_policies
from sla_stream.core.schedule_rules import ScheduleRules
from tests.builders import ALWAYS, HOUR, after, at, policies, policy, target, warn

OFFICE = Schedule(
    ScheduleRules(
        name="office",
        timezone="Europe/Berlin",
        hours=(((9 * 3600, 17 * 3600),),) * 5 + ((), ()),
        holidays=frozenset({date(2026, 1, 6), date(2026, 5, 1)}),
        dates={date(2026, 12, 31): ((9 * 3600, 12 * 3600),)},
        closed=((datetime(2026, 3, 4, 10), datetime(2026, 3, 4, 12, 30)),),
    )
)


def test_round_trip() -> None:
    """Targets, thresholds, matches and schedules survive; the same set has the same bytes."""
    vip = Match((("tags", "any", ("vip",)),), Match((("channel", "any", ("chat",)),)))
    first = target("first_response", HOUR, warnings=warn("80%", "10m"), escalations=after("1h"), schedule=OFFICE)
    found = policies(policy(first, target("resolution", HOUR), match=vip))
    found.schedules["office"] = OFFICE
    packed = pack_policies(found)
    again = unpack_policies(packed)
    assert pack_policies(again) == packed
    assert again.metrics == found.metrics
    assert again.policies[0].match == vip
    one, other = again.policies[0].targets
    assert one.default is not None and other.default is not None
    assert one.default.warnings == first.warnings and one.default.rules == first.rules
    assert one.default.schedule.used(at("Wed 12:00")) == OFFICE.used(at("Wed 12:00"))
    assert other.default.schedule.used(17) == ALWAYS.used(17)
