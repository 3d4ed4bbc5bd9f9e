"""What must hold when everything has come to rest, whatever has happened before."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from sla_stream.formats.instants import parse_instant
from sla_stream.formats.timer_state import render_ticket_view
from tests.oracle import ALARMS, Expected, Record, differing_states, net_set, replay
from tests.simulation.log import Entry
from tests.simulation.patches import BUG
from tests.simulation.policies import timeline
from tests.simulation.world import PARTITIONS, World

OUTPUTS = ("warnings", "breaches", "outcomes")
ASIDE = ("late", "dead_letters")
CYCLE = ("metric", "cycle", "stage", "breached", "breached_at", "started_at", "due_at", "ended_at", "target_s")
"""What a published state says that does not change while time passes."""


def problems(world: World) -> list[str]:
    """Everything that is wrong in a world at rest."""
    if world.told.problems:
        return world.told.problems  # the rest would only say the same in other words
    until = world.broker.now()
    records, refused = [], []
    for record in _records(world, "ticket_events"):
        (refused if _meets_bug(record) else records).append(record)
    engine_settings = world.engine_settings
    expected = replay(records, timeline(world.published), engine_settings, until, world.settings.max_skew)
    expected.set_aside |= {(record.partition, record.offset): "engine_error" for record in refused}
    return [
        *_said(world, expected),
        *_aside(world, expected),
        *_states(world, expected, until),
        *_shown(world, expected, until),
        *_decided(world),
    ]


def _meets_bug(record: Record) -> bool:
    return b'"event_id":"%s"' % BUG.encode() in (record.value or b"")


def _entries(world: World, role: Any) -> Iterator[tuple[int, Entry]]:
    topic = world.settings.topic(role)
    for number in range(PARTITIONS):
        yield from ((number, entry) for entry in world.broker.logs[topic, number].committed())


def _records(world: World, role: Any) -> Iterator[Record]:
    topic = world.settings.topic(role)
    for number, one in _entries(world, role):
        yield Record(topic, number, one.offset, one.timestamp, one.key, one.value, tuple(one.headers))


def _said(world: World, expected: Expected) -> Iterator[str]:
    """The same log gives the same ids in every run, so it is not only the net set that must agree.

    Unless policy sets are published meanwhile: a worker that hears of one late says first what held before.
    """
    said = []
    for role in OUTPUTS:
        for _, entry in _entries(world, role):
            event = json.loads(entry.value or b"")
            said.append(event)
            if event["type"] in ALARMS and _early(world, event, entry):
                yield f"early: {_short(event)}"
    ids = Counter(event["id"] for event in said)
    for event in said:
        if ids[event["id"]] > 1:
            yield f"said twice: {_short(event)}"
    wanted, found = net_set(expected.events), net_set(said)
    yield from (f"lost: {one}" for one in sorted(map(str, wanted - found)))
    yield from (f"wrong: {one}" for one in sorted(map(str, found - wanted)))
    if len(world.published) > 1:
        return
    known = {event["id"] for event in expected.events}
    yield from (f"never to be said: {_short(event)}" for event in said if event["id"] not in known)
    yield from (f"unsaid: {_short(event)}" for event in expected.events if event["id"] not in ids)


def _early(world: World, event: dict[str, Any], entry: Entry) -> bool:
    """Whether it was written before its instant by the true clock; leaders' clocks may be off by the guard."""
    data = event["data"]
    return data["late_s"] <= 0 or entry.appended + world.plan.guard < parse_instant(data["at"])


def _short(event: dict[str, Any]) -> str:
    data = event["data"]
    what = data["threshold"] or data["outcome"] or ""
    return f"{event['type']} {data['ticket_id']} {data['metric']} {what} at {data['at']}, decided {data['decided_at']}"


def _aside(world: World, expected: Expected) -> Iterator[str]:
    found: list[tuple[tuple[int, int], str]] = []
    for role in ASIDE:
        for _, entry in _entries(world, role):
            headers = {name: value.decode() for name, value in entry.headers}
            found.append(((int(headers["sla-partition"]), int(headers["sla-offset"])), headers["sla-reason"]))
    wanted = sorted(expected.set_aside.items())
    if sorted(found) != wanted:
        yield f"set aside: {sorted(found)}, expected {wanted}"


def _states(world: World, expected: Expected, until: int) -> Iterator[str]:
    changelog = list(_records(world, "changelog"))
    for ticket_id in differing_states(changelog, expected, world.engine_settings, until):
        yield f"the changelog has another state of {ticket_id}"


def _shown(world: World, expected: Expected, until: int) -> Iterator[str]:
    """The last state on the timers topic is the present one."""
    shown: dict[str, Any] = {}
    for _, entry in _entries(world, "timers"):
        assert entry.key is not None
        shown[entry.key.decode()] = None if entry.value is None else _lasting(json.loads(entry.value))
    for engine in expected.engines.values():
        for ticket_id in engine.ticket_ids():
            view = engine.view(ticket_id, until)
            wanted = None if view is None else _lasting(json.loads(render_ticket_view(view)))
            if shown.pop(ticket_id, None) != wanted:
                yield f"the timers topic shows another state of {ticket_id}"
    yield from (f"the timers topic still shows {ticket_id}" for ticket_id, state in shown.items() if state is not None)


def _lasting(state: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [tuple(cycle[name] for name in CYCLE) for cycle in state["cycles"]]


def _decided(world: World) -> Iterator[str]:
    """No transaction hangs, and everything read is committed."""
    for (topic, number), log in world.broker.logs.items():
        if log.open:
            yield f"{topic}[{number}] has an open transaction"
    for number in range(PARTITIONS):
        committed = world.broker.committed.get((world.input, number), 0)
        left = [
            entry.offset for entry in world.broker.logs[world.input, number].committed() if entry.offset >= committed
        ]
        if left:
            yield f"{world.input}[{number}] is committed up to {committed}, but has records at {left}"
