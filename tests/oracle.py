"""The oracle: what the worker should have said, from a replay of its input topic through the pure engine.

Compared are net sets as the contract defines them, so any arrival order, crash, restart or rebalance must agree.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sla_stream.core.engine import Applied, Engine, EngineSettings
from sla_stream.core.policy import PolicySet
from sla_stream.errors import InvalidRecord
from sla_stream.formats.codec import check_not_future, decode_ticket_event
from sla_stream.formats.sla_event import SlaEventRenderer, source_of
from sla_stream.worker.table import Table

ALARMS = ("sla.warning.v1", "sla.breach.v1", "sla.escalation.v1")


@dataclass(frozen=True)
class Record:
    """A record as any client sees it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass
class Expected:
    """SLA events as JSON objects, the input records that are set aside, by (partition, offset), and the engines."""

    events: list[dict[str, Any]] = field(default_factory=list)
    set_aside: dict[tuple[int, int], str] = field(default_factory=dict)
    engines: dict[int, Engine] = field(default_factory=dict)
    """By partition, each at `until` with nothing left to say."""


@dataclass
class Comparison:
    """How published SLA events differ from the expected ones; empty where they agree."""

    lost: Counter[tuple[Any, ...]]
    """What should stand and does not."""
    wrong: Counter[tuple[Any, ...]]
    """What stands and should not."""
    twice: list[str]
    """Ids that were published more than once."""
    early: list[dict[str, Any]]
    """Data of alarms that were said before their time."""
    total: int
    """Size of the expected net set."""

    @property
    def same(self) -> bool:
        return not (self.lost or self.wrong or self.twice or self.early)


def replay(
    records: Iterable[Record],
    policies: PolicySet | Sequence[tuple[int, PolicySet]],
    settings: EngineSettings,
    until: int,
    max_skew: int = 300_000,
) -> Expected:
    """Apply each partition's records in offset order, then let time pass to `until` (ms).

    `policies`: one set, or several with the instant (ms) of their publication, all known from the start.
    """
    expected = Expected()
    by_partition: dict[int, list[Record]] = {}
    for record in records:
        by_partition.setdefault(record.partition, []).append(record)
    for partition, mine in by_partition.items():
        mine.sort(key=lambda record: record.offset)
        engine = Engine(policies, settings)
        for record in mine:
            reason = _apply(engine, record, max_skew)
            if reason is not None:
                expected.set_aside[(partition, record.offset)] = reason
        engine.advance(until)
        engine.release_held()
        expected.engines[partition] = engine
        renderer = SlaEventRenderer(source_of("sla-stream"), mine[0].topic, partition)
        expected.events += [json.loads(renderer.render(each)) for each in engine.take_outputs()]
    return expected


def _apply(engine: Engine, record: Record, max_skew: int) -> str | None:
    try:
        event = decode_ticket_event(record.value, record.headers, record.key)
        check_not_future(event, record.timestamp, max_skew)
    except InvalidRecord as bad:
        return bad.reason
    match engine.apply(event, record.timestamp, record.offset):
        case Applied.CONFLICT:
            return "conflict"
        case Applied.TOO_LATE:
            return "too_late"
    return None


def net_set(events: Iterable[dict[str, Any]]) -> Counter[tuple[Any, ...]]:
    """What stands: neither retracted nor superseded, by the fields the contract compares."""
    said: dict[str, dict[str, Any]] = {}
    gone: set[str] = set()
    for event in events:
        if event["type"] == "sla.retraction.v1":
            gone.add(event["data"]["retracts"])
        else:
            said[event["id"]] = event
            gone.add(event["data"]["supersedes"])
    return Counter(_compared(event) for id_, event in said.items() if id_ not in gone)


def _compared(event: dict[str, Any]) -> tuple[Any, ...]:
    data = event["data"]
    names = ("ticket_id", "metric", "cycle", "threshold", "due_at", "target_s", "elapsed_s", "outcome", "policy")
    actions = json.dumps(data["actions"], sort_keys=True)
    return (event["type"], *(data[name] for name in names), data["policy_version"], actions)


def compare(published: Sequence[Record], expected: Expected) -> Comparison:
    """Net sets, ids, and whether anything was said before its time."""
    events = [json.loads(record.value or b"") for record in published]
    twice = [id_ for id_, count in Counter(event["id"] for event in events).items() if count > 1]
    early = [event["data"] for event in events if event["type"] in ALARMS and event["data"]["late_s"] <= 0]
    said, wanted = net_set(events), net_set(expected.events)
    return Comparison(wanted - said, said - wanted, twice, early, wanted.total())


def assert_same(published: Sequence[Record], expected: Expected) -> None:
    """Equal net sets, no id twice, nothing said before its time."""
    found = compare(published, expected)
    assert not found.twice, f"{len(found.twice)} ids were published twice, e.g. {found.twice[:3]}"
    assert not found.early, f"{len(found.early)} alarms before their time, e.g. {found.early[0]}"
    missing, extra = found.lost, found.wrong
    assert found.same, (
        f"net sets differ: {missing.total()} missing, {extra.total()} too many of {found.total}; "
        f"missing e.g. {sorted(map(str, missing))[:3]}; too many e.g. {sorted(map(str, extra))[:3]}"
    )


def differing_states(
    changelog: Iterable[Record], expected: Expected, settings: EngineSettings, until: int
) -> list[str]:
    """Tickets whose state in a changelog, brought to `until` (ms), is not that of the oracle's engine.

    Also named: tickets that only one of them knows, and every one of which the recovered engine still has to speak.
    """
    tables: dict[int, Table] = {number: Table() for number in expected.engines}
    for record in changelog:
        tables.setdefault(record.partition, Table()).take([record], 0)
    differing: list[str] = []
    for partition, table in tables.items():
        oracle = expected.engines.get(partition)
        if oracle is None:
            differing += table.states
            continue
        engine = Engine(oracle.timeline.sets, settings)
        engine.restore(table.states.items(), None if table.meta is None else table.meta.engine)
        engine.advance(until)
        engine.release_held()
        differing += [output.ticket_id for output in engine.take_outputs()]
        for ticket_id in {*engine.ticket_ids(), *oracle.ticket_ids()}:
            if engine.view(ticket_id, until) != oracle.view(ticket_id, until):
                differing.append(ticket_id)
    return differing
