"""What is put in place of clocks, logs and limits of the worker's modules while a simulation runs."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import sla_stream.worker
from sla_stream.core.engine import Applied, Engine
from sla_stream.core.events import TicketEvent
from tests.simulation.loop import OWNER, SimulatedLoop

if TYPE_CHECKING:
    from tests.simulation.world import World

SMALL = {
    "MAX_EVENTS": 7,
    "MAX_FIRED": 4,
    "FULL": 12,
    "LAGGING": 5,
    "SLICE": 2,
}
"""Limits so low that a simulation meets all of them, by their name in whatever module has them."""

BUG = "bug"
"""Id of ticket events that the engine fails on, as if it had a fault that only they find."""


class Bug(Exception):
    """What it raises then."""


MODULES: list[ModuleType] = [
    importlib.import_module(f"sla_stream.worker.{one.name}") for one in pkgutil.iter_modules(sla_stream.worker.__path__)
]


class Notes:
    """A logger whose lines go into the simulation's story."""

    def __init__(self, world: World) -> None:
        self._world = world

    def info(self, event: str, **more: Any) -> None:
        if self._world.talkative:
            words = " ".join(f"{name}={value}" for name, value in more.items())
            self._world.note(f"  {getattr(OWNER.get(), 'name', '')}: {event} {words}")

    debug = warning = error = critical = info


@contextmanager
def simulated_surroundings(world: World, loop: SimulatedLoop) -> Iterator[None]:
    """Patch for the time of a simulation: loggers, the clocks that modules read from `time`, limits."""

    time = SimpleNamespace(monotonic=loop.time)
    before: list[tuple[Any, str, Any]] = []

    def put(module: Any, name: str, value: Any) -> None:
        before.append((module, name, getattr(module, name)))
        setattr(module, name, value)

    def failing(engine: Engine, event: TicketEvent, recorded_at: int, offset: int) -> Applied:
        applied = apply(engine, event, recorded_at, offset)
        if event.event_id == BUG:
            raise Bug
        return applied

    apply = Engine.apply
    try:
        put(Engine, "apply", failing)
        notes = Notes(world)
        for module in MODULES:
            if hasattr(module, "log"):
                put(module, "log", notes)
            if isinstance(getattr(module, "time", None), ModuleType):
                put(module, "time", time)
            if world.plan.small:
                for name, value in SMALL.items():
                    if isinstance(getattr(module, name, None), int):
                        put(module, name, value)
        yield
    finally:
        for module, name, value in reversed(before):
            setattr(module, name, value)
