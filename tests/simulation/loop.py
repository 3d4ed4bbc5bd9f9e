"""An event loop without a selector: when nothing is ready, time jumps to the next timer.

Every handle belongs to the process in whose context it was made. What belongs to a dead process is never run again,
not even its `finally`, as after SIGKILL; what belongs to a frozen one waits, as after SIGSTOP.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Coroutine
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

OWNER: ContextVar[Owner | None] = ContextVar("OWNER", default=None)


class Owner:
    """What the loop knows of a process."""

    def __init__(self) -> None:
        self.alive = True
        self.frozen = False
        self.waiting: list[asyncio.Handle] = []
        """What became ready while it was frozen."""


async def pass_time(seconds: float) -> None:
    """Let virtual time pass for the caller."""
    loop = asyncio.get_running_loop()
    passed = loop.create_future()
    loop.call_later(seconds, lambda: passed.done() or passed.set_result(None))
    await passed


class NothingLeft(Exception):
    """Nothing is ready and no timer runs: somebody waits for ever."""


class SimulatedLoop(asyncio.BaseEventLoop):
    """Deterministic: what runs next depends on nothing but what ran before."""

    def __init__(self) -> None:
        super().__init__()
        self.instant = 0.0
        self.drag = 0.0
        """Seconds that pass at each look at the clock: a slow machine."""
        self.steps = 0
        self.errors: list[str] = []
        self._tasks: list[asyncio.Task[Any]] = []
        self.set_task_factory(_make_task)
        self.set_exception_handler(_note_error)

    def time(self) -> float:
        self.instant += self.drag
        return self.instant

    def thaw(self, owner: Owner) -> None:
        """Let a frozen process run on."""
        owner.frozen = False
        self._ready.extend(owner.waiting)
        owner.waiting.clear()

    def bury(self) -> None:
        """Close what the dead, and the living at the end, have left in the middle."""
        self.drag = 0.0
        for task in self._tasks:
            if not task.done():
                with suppress(BaseException):
                    task.get_coro().close()
        self._tasks.clear()
        self._ready.clear()
        self._scheduled.clear()

    def _run_once(self) -> None:
        ready, scheduled = self._ready, self._scheduled
        while scheduled and scheduled[0]._cancelled:
            heapq.heappop(scheduled)._scheduled = False
        if not ready:
            if not scheduled:
                raise NothingLeft
            self.instant = max(self.instant, scheduled[0]._when)
        while scheduled and scheduled[0]._when <= self.instant:
            timer = heapq.heappop(scheduled)
            timer._scheduled = False
            ready.append(timer)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if handle._cancelled:
                continue
            owner = handle._context.get(OWNER)
            if owner is None or (owner.alive and not owner.frozen):
                self.steps += 1
                handle._run()
            elif owner.alive:
                owner.waiting.append(handle)

    def _write_to_self(self) -> None:
        """There is no other thread to wake us."""


def _make_task(loop: SimulatedLoop, coro: Coroutine[Any, Any, Any], **more: Any) -> asyncio.Task[Any]:
    task = asyncio.Task(coro, loop=loop, **more)
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    loop._tasks.append(task)
    return task


def _note_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    assert isinstance(loop, SimulatedLoop)
    owner = OWNER.get()
    if owner is None or owner.alive:
        loop.errors.append(f"{context['message']}: {context.get('exception')!r}")
