"""Looking back over tickets in shares: input goes on meanwhile, and every share gets on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sla_stream.core.engine import Engine
from sla_stream.core.policy import PolicySet
from sla_stream.formats.policy_history import PublishedSet
from sla_stream.formats.policy_set_record import pushed_set
from sla_stream.observe.metrics import Metrics
from sla_stream.worker import amendments
from sla_stream.worker.amendments import SLICE, Amendments
from sla_stream.worker.policy_record import Adopted
from tests.builders import HOUR, at, event, policies, target
from tests.unit.core.test_rules_versions import version

TICKETS = 5 * SLICE


def first() -> PolicySet:
    return policies(version(1, target("resolution", HOUR)))


def running() -> tuple[Engine, Amendments]:
    """A partition whose tickets a back-dated set concerns; its fields say when and under which number."""
    engine, adopted = Engine(first()), Adopted({})
    adopted.take([PublishedSet(0, 0, pushed_set(1, first()))])
    for number in range(TICKETS):
        engine.apply(event("Mon 09:00", "created", ticket=f"T-{number:03}"), at("Mon 09:00"), number)
    engine.advance(at("Mon 10:30"))
    engine.take_outputs()
    later = version(2, target("resolution", 4 * HOUR), since="Mon 08:00")
    rules = replace(first(), policies=(*first().policies, later), digest="longer")
    parts = Amendments(3, engine, adopted, Metrics())
    parts.adopt([PublishedSet(0, 0, pushed_set(1, first())), PublishedSet(1, at("Mon 10:30"), pushed_set(2, rules))])
    return engine, parts


async def test_a_busy_partition_looks_back_a_slice_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """However small the share, it gets on; an event in between is answered under the new set."""
    monkeypatch.setattr(amendments, "SHARE", 0.0)
    engine, parts = running()
    shares = []
    while parts.pending:
        await parts.look_back(busy=True)
        shares.append(len({fact.ticket_id for fact in engine.take_outputs()}))
        if len(shares) == 1:
            engine.apply(event("Mon 10:31", "resolved", ticket="T-099"), at("Mon 10:31"), 1_000)
            assert [(one.outcome, one.ticket_id) for one in engine.take_outputs() if one.outcome] == [("met", "T-099")]
    assert shares == [SLICE] * 4 + [SLICE - 1]


async def test_a_quiet_partition_looks_back_at_once() -> None:
    engine, parts = running()
    await parts.look_back(busy=False)
    assert not parts.pending
    assert len({fact.ticket_id for fact in engine.take_outputs()}) == TICKETS
