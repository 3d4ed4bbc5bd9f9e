"""`sla-stream` that kills itself (SIGKILL) at a step of its Nth transaction: STEP=name:N in DIE_AT."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from aiokafka import AIOKafkaProducer

from sla_stream.cli.main import main

STEPS = (
    "before-begin", "after-begin", "before-send", "after-send", "before-offsets", "after-offsets", "before-commit",
    "after-commit",
)  # fmt: skip

_METHODS = {
    "begin": "begin_transaction",
    "send": "send_batch",
    "offsets": "send_offsets_to_transaction",
    "commit": "commit_transaction",
}


def _armed(method: Callable[..., Awaitable[Any]], when: str, count: int) -> Callable[..., Awaitable[Any]]:
    seen = 0

    async def dying(self: AIOKafkaProducer, *args: Any, **more: Any) -> Any:
        nonlocal seen
        seen += 1
        chosen = seen == count  # partitions take turns at each await: by the return others have called
        if when == "before" and chosen:
            os.kill(os.getpid(), signal.SIGKILL)
        result = await method(self, *args, **more)
        if when == "after" and chosen:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return dying


if __name__ == "__main__":
    step, _, number = os.environ["DIE_AT"].partition(":")
    when, _, what = step.partition("-")
    name = _METHODS[what]
    setattr(AIOKafkaProducer, name, _armed(getattr(AIOKafkaProducer, name), when, int(number)))
    sys.exit(main())
