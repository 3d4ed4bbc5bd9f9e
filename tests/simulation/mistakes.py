"""Errors of the past, put back into the worker: each was made once, and looked right.

A mistake is a change of a function's text, applied to the running code for the time of a `with`. The text that is right
stands exactly once in its function, so the table cannot rot in silence.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FunctionType
from typing import Any, NamedTuple

from sla_stream.kafka import transaction
from sla_stream.worker import fetching
from sla_stream.worker.assignment import Assignment
from sla_stream.worker.firing import Firing
from sla_stream.worker.partition import Partition


class Edit(NamedTuple):
    function: Callable[..., Any]
    right: str
    wrong: str


MISTAKES: dict[str, tuple[Edit, ...]] = {
    "discard-without-seeking": (  # the position after a rebalance was believed to be the committed one
        Edit(fetching.fetch_once, "one.need_seek = True", "pass"),
        Edit(Partition.stop, "self.need_seek = True", "self.need_seek = not self.ready"),
    ),
    "fire-on-the-wall-clock": (
        Edit(Firing.limit.fget, "self._proof.proven", "self._clock.wall()"),  # type: ignore[attr-defined]
    ),
    "commit-before-gathering": (
        Edit(
            transaction.commit,
            "sends.append(asyncio.ensure_future(producer.send_offsets_to_transaction(offsets, group)))",
            "await producer.send_offsets_to_transaction(offsets, group)",
        ),
        Edit(
            transaction.commit,
            "    await asyncio.gather(*sends)\n    await producer.commit_transaction()",
            "    await producer.commit_transaction()\n    await asyncio.gather(*sends)",
        ),
    ),
    "keep-over-a-skipped-generation": (
        Edit(Assignment.assign, "generation == self._generation + 1", "self._generation != UNKNOWN_GENERATION"),
    ),
    "restore-before-fencing": (
        Edit(
            Partition._recover,
            "    self._producer = await fence(self._shared, self.number)\n"
            "    found = await recover(self._shared, self.number)",
            "    found = await recover(self._shared, self.number)\n"
            "    self._producer = await fence(self._shared, self.number)",
        ),
    ),
}


@contextmanager
def mistaken(name: str | None) -> Iterator[None]:
    """The worker with this mistake; None: as it is."""
    edits = MISTAKES[name] if name is not None else ()
    before = {edit.function: edit.function.__code__ for edit in edits}
    texts = {edit.function: textwrap.dedent(inspect.getsource(edit.function)) for edit in edits}
    for edit in edits:
        assert texts[edit.function].count(edit.right) == 1, f"{edit.function.__qualname__} says not once: {edit.right}"
        texts[edit.function] = texts[edit.function].replace(edit.right, edit.wrong)
    broken = [(function, _code(function, text)) for function, text in texts.items()]
    try:
        for function, code in broken:
            function.__code__ = code
        yield
    finally:
        for function, code in before.items():
            function.__code__ = code


def _code(function: Callable[..., Any], text: str) -> CodeType:
    assert isinstance(function, FunctionType)
    made: dict[str, Any] = {}
    compiled = compile(text, f"<{function.__qualname__}, broken>", "exec", flags=annotations.compiler_flag)
    exec(compiled, function.__globals__, made)
    found = made[function.__name__]
    code: CodeType = (found.fget if isinstance(found, property) else found).__code__
    return code
