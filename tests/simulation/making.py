"""From a seed to a plan."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import orjson

from sla_stream.formats.instants import format_instant
from tests.simulation.broker import EPOCH_MS
from tests.simulation.patches import BUG
from tests.simulation.plan import EVERYWHERE, Append, Fault, Plan
from tests.simulation.policies import VARIANTS

WRITES = (
    "kill_before", "kill_sent", "orphaned", "kill_after", "refused", "refused", "refused", "lost", "slow_there",
    "slow_back", "usurped",
)  # fmt: skip
READS = ("usurped", "kill_before", "kill_after", "refused", "slow_there", "slow_back")
STEPS = ("kill_before", "slow")

POINTS: dict[str, tuple[float, tuple[str, ...]]] = {
    "init": (3, WRITES),
    "metadata": (20, ("kill_before", "refused", "slow_back")),
    "stable_offset": (3, READS),
    "begin_offset": (4, READS),
    "changelog": (6, READS),
    "committed": (3, READS),
    "fetch": (80, READS),
    "thread": (80, STEPS),
    "deliver": (40, STEPS),
    "end_offsets": (30, ("kill_after", "slow_there", "slow_back", "lost")),
    "send": (60, STEPS),
    "produce": (60, WRITES),
    "offsets": (25, WRITES),
    "end_txn": (30, WRITES),
    "marker": (60, ("slow",)),
    "join": (3, ("kill_sent", "orphaned", "kill_after", "slow_there", "slow_back")),
    "assigned": (3, STEPS),
    "resume": (3, STEPS),
    "heartbeat": (15, ("slow_there", "slow_back", "kill_after", "usurped", "usurped")),
    EVERYWHERE: (600, ("kill_before", "orphaned", "usurped", "usurped", "slow_there", "slow_back", "slow")),
}
"""Where faults of requests can come: about how often a point is passed, and what can happen there."""

THEMES: tuple[tuple[str, ...], ...] = (
    tuple(POINTS),
    tuple(POINTS),
    ("end_txn", "end_txn", "end_txn", "marker", "init", "stable_offset", "changelog", "committed"),
    ("send", "produce", "produce", "produce", "offsets", "end_txn"),
    ("fetch", "thread", "deliver", "assigned", "resume", "heartbeat"),
)
"""Most faults of a plan come from one of these, so that some meet each other."""

MACHINES = (*("kill", "freeze") * 2, "stop", *("rebalance",) * 3, "join", "outage", "skew", "compact")
SLOWNESS = (0.02, 0.1, 0.4, 0.8, 1.5, 4.0, 9.0)
FROZEN = (0.3, 1.0, 4.0, 7.0)
OUTAGES = (0.2, 1.0, 4.0, 12.0)

WEEK = 604_800_000
"""Policy sets are told of late, and what has been folded meanwhile they cannot amend: so nothing is."""

BUSY = 5.0
"""Seconds in which ticket events come."""


def make_plan(seed: int) -> Plan:
    """The same plan for the same seed, on every machine."""
    chance = random.Random(seed)
    workers = chance.choice((1, 2, 2, 3))
    appends = _appends(chance)
    theme, sets = chance.choice(THEMES), _sets(chance)
    ends = BUSY + chance.choice((1.0, 4.0))
    return Plan(
        seed=seed,
        workers=workers,
        static=chance.random() < 0.3,
        small=chance.random() < 0.5,
        guard=chance.choice((0, 0, 100)),
        settle=chance.choice((0, 0, 300)),
        lateness=chance.choice((1_500, WEEK)) if len(sets) < 2 else WEEK,
        drag=chance.choice((0.0, 0.0, 0.0, 0.00002, 0.002)),
        sets=sets,
        appends=appends,
        faults=tuple(_fault(chance, workers, ends, theme) for _ in range(chance.choice((0, 2, 4, 7, 12)))),
        ends=ends,
    )


def _sets(chance: random.Random) -> tuple[tuple[float, int], ...]:
    if chance.random() < 0.7:
        return ()
    later = sorted(chance.uniform(0.2, BUSY) for _ in range(chance.randrange(3)))
    return ((0.0, 0), *((at, chance.randrange(1, len(VARIANTS))) for at in later))


def _fault(chance: random.Random, workers: int, ends: float, theme: Sequence[str]) -> Fault:
    if chance.random() < 0.45:
        kind = chance.choice(MACHINES)
        seconds = {"freeze": FROZEN, "outage": OUTAGES}.get(kind, (0.0,))
        return Fault(
            kind, at=round(chance.uniform(0.0, ends), 3), slot=chance.randrange(workers), seconds=chance.choice(seconds)
        )
    point = chance.choice(theme)
    passed, kinds = POINTS[point]
    kind = chance.choice(kinds)
    nth = 1 + int(chance.expovariate(1 / passed))
    timed = kind in ("orphaned", "usurped") or kind.startswith("slow")
    return Fault(kind, point, nth, seconds=chance.choice(SLOWNESS) if timed else 0.0)


# --- ticket events

TARGETS = (1.0, 2.0, 3.0, 4.0)
NEXT = (
    ("customer_replied", {}),
    ("agent_replied", {}),
    ("agent_replied", {}),
    ("updated", {"status": "pending"}),
    ("updated", {"status": "open"}),
    ("updated", {"priority": "urgent"}),
    ("resolved", {}),
    ("resolved", {}),
    ("reopened", {}),
)


def _appends(chance: random.Random) -> tuple[Append, ...]:
    """The lives of a few tickets, as their sources report them: some late, some twice, some as rubbish."""
    transactional = chance.random() < 0.3
    found: list[Append] = []
    for number in range(chance.randrange(1, 9)):
        ticket = f"T-{number}"
        created = chance.uniform(0.0, BUSY / 2)
        found.append(_append(chance, ticket, "0", created, "created", _priority(chance), transactional))
        for step in range(1, chance.randrange(1, 6)):
            happened = min(BUSY, _instant(chance, created))
            kind, more = chance.choice(NEXT)
            found.append(_append(chance, ticket, str(step), happened, kind, more, transactional))
    found += [_again(chance, one) for one in found if chance.random() < 0.1]
    if chance.random() < 0.1:
        found.append(_append(chance, f"T-{chance.randrange(8)}", BUG, chance.uniform(0.0, BUSY), "updated", {}, False))
    if chance.random() < 0.3:
        key = b"T-%d" % chance.randrange(8)
        found.append(Append(chance.uniform(0.0, BUSY), key, chance.choice((b"{", b"[]", None))))
    return tuple(sorted(found, key=lambda one: one.at))


def _priority(chance: random.Random) -> dict[str, Any]:
    return chance.choice(({}, {"priority": "urgent"}))


def _instant(chance: random.Random, created: float) -> float:
    """Often next to a deadline, where it matters."""
    if chance.random() < 0.5:
        return created + chance.choice(TARGETS) + chance.choice((-0.1, -0.02, -0.005, -0.001, 0.0, 0.001, 0.02))
    return created + chance.uniform(0.0, 4.0)


def _append(
    chance: random.Random, ticket: str, id_: str, happened: float, kind: str, more: dict[str, Any], transactional: bool
) -> Append:
    body = {
        "event_id": id_,
        "ticket_id": ticket,
        "kind": kind,
        "occurred_at": format_instant(EPOCH_MS + int(happened * 1000)),
        **more,
    }
    late = chance.choice((0.0, 0.0, 0.0, 0.001, 0.01, 0.5, 2.5))
    hold = chance.choice((0.0, 0.01, 0.3, 1.2)) if transactional and chance.random() < 0.4 else None
    aborted = hold is not None and chance.random() < 0.3
    return Append(happened + late, ticket.encode(), orjson.dumps(body), hold, aborted)


def _again(chance: random.Random, one: Append) -> Append:
    return Append(one.at + chance.uniform(0.0, 1.0), one.key, one.value)
