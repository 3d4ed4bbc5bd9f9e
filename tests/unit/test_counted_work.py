"""What an event costs, counted in function calls (C functions included) over a slice of the real log.

A count does not depend on the machine or its neighbours, so it can be held where a time cannot. A ceiling lies a tenth
above what CPython 3.11 counts; later versions count a little less. Whoever makes the engine do more for each event
raises it on purpose and says why; whoever makes it do less lowers it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import sla_stream.demo
from sla_stream.core.engine import Engine, EngineSettings
from sla_stream.core.events import TicketEvent
from sla_stream.core.policy import PolicySet
from sla_stream.core.ticket import pack_event
from sla_stream.demo.history import read_history
from sla_stream.formats.codec import decode_ticket_event
from sla_stream.formats.policy_file import load_policies
from sla_stream.formats.sla_event import SlaEventRenderer
from sla_stream.history.log import BadRecord, LogFile
from sla_stream.history.replay import Replay

EVENTS = 3_000
BATCH = 500


@cache
def lines() -> list[bytes]:
    return [each.value for each in islice(read_history(), EVENTS)]


@cache
def rules() -> PolicySet:
    """Three metrics, pauses, business hours, five thresholds."""
    return load_policies(Path(sla_stream.demo.__file__).parent / "policies.yaml")


def live(policies: PolicySet) -> None:
    """As a worker does it: batches with their changed states and rendered outputs, tickets forgotten in the end."""
    engine, render = Engine(policies), SlaEventRenderer("/x", "in", 0).render
    for offset, event in enumerate(events()):
        engine.apply(event, event.at, offset)
        if offset % BATCH == 0:
            engine.flush()
            for output in engine.take_outputs():
                render(output)


def decode() -> None:
    for line in lines():
        decode_ticket_event(line)


@cache
def events() -> list[TicketEvent]:
    return [decode_ticket_event(line) for line in lines()]


def alone(policies: PolicySet) -> None:
    """As a replay does it, when it has read and sorted: one ticket after the other, nothing rendered."""
    engine = Engine(policies, EngineSettings(retain_closed=None))
    lives: dict[str, list[Any]] = {}
    for line, event in enumerate(events()):
        lives.setdefault(event.ticket_id, []).append((event.at, line, event, pack_event(event)))
    for ticket_id, life in lives.items():
        engine.follow(ticket_id, life, events()[-1].at)


def whole_replay(policies: PolicySet, path: Path) -> None:
    def refuse(record: BadRecord) -> None:
        raise AssertionError(record.detail)

    replay = Replay(Engine(policies, EngineSettings(retain_closed=None)), LogFile(str(path)), refuse)
    for _ in replay.run():
        pass


def count_calls(work: Callable[[], None]) -> int:
    found = 0

    def note(frame: FrameType, what: str, argument: object) -> None:
        nonlocal found
        found += what in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return found


@pytest.mark.parametrize(
    ("name", "ceiling"),
    [("decode", 11), ("live", 139), ("alone", 112), ("whole_replay", 146)],
)
def test_function_calls_for_an_event(name: str, ceiling: int, tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    log.write_bytes(b"\n".join(lines()) + b"\n")
    policies, _ = rules(), events()
    work: dict[str, Callable[[], None]] = {
        "decode": decode,
        "live": lambda: live(policies),
        "alone": lambda: alone(policies),
        "whole_replay": lambda: whole_replay(policies, log),
    }
    work[name]()  # tables, schedules and compiled conditions are there after the first time
    each = count_calls(work[name]) / EVENTS
    print(f"{name}: {each:.1f} calls an event")
    assert each <= ceiling
