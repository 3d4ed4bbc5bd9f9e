"""The first of several things ends them all; a Ctrl-C ends the block, and a second one does not cut it short."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from sla_stream.demo.waiting import Interrupted, first_of, interruptible, until


async def forever(ended: list[str]) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        ended.append("cancelled")


async def fails() -> None:
    raise ValueError("no")


async def succeeds() -> None:
    return None


async def test_first_end_cancels_the_rest() -> None:
    ended: list[str] = []
    await first_of(forever(ended), succeeds(), forever(ended))
    assert ended == ["cancelled"] * 2


async def test_first_failure_is_raised_after_the_rest_is_cancelled() -> None:
    ended: list[str] = []
    with pytest.raises(ValueError, match="no"):
        await first_of(forever(ended), fails())
    assert ended == ["cancelled"]


async def test_until_asks_again() -> None:
    answers = iter([False, True])

    async def condition() -> bool:
        return next(answers)

    await until(condition)
    assert next(answers, None) is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_signal_interrupts_once_and_lets_the_way_out_finish(number: signal.Signals) -> None:
    said: list[str] = []
    finished = False
    with pytest.raises(Interrupted):
        async with interruptible(said.append):
            try:
                os.kill(os.getpid(), number)
                await asyncio.Event().wait()
            finally:
                os.kill(os.getpid(), number)
                for _ in range(3):
                    await asyncio.sleep(0)
                finished = True
    assert finished
    assert len(said) == 1


async def test_other_errors_pass() -> None:
    with pytest.raises(ValueError):
        async with interruptible(print):
            raise ValueError
