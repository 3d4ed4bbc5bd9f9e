"""Waiting: for a condition, for the first of several things, and for a person who has seen enough."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final

LOOK_EVERY_S: Final = 0.1


class Interrupted(Exception):
    """Ctrl-C, SIGTERM, or the terminal is gone."""


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Ask again and again until it holds."""
    while not await condition():
        await asyncio.sleep(LOOK_EVERY_S)


async def first_of(*works: Coroutine[Any, Any, None]) -> None:
    """Run all of them until one ends, well or badly; the others are cancelled. Raises what that one raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


@asynccontextmanager
async def interruptible(say: Callable[[str], None]) -> AsyncIterator[None]:
    """Turns the first Ctrl-C, SIGTERM or hang-up into Interrupted at the end of the block; further ones change nothing.

    So the way out is never cut short, and nothing stays behind.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    stopping = False

    def stop() -> None:
        nonlocal stopping
        if not stopping:
            stopping = True
            say("stopping, and everything that was started with it")
            task.cancel()

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in signals:
        loop.add_signal_handler(number, stop)
    try:
        yield
    except BaseException as error:
        if stopping:
            raise Interrupted from error
        raise
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
