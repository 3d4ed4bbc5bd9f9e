"""Is the ingest worker alive, is it ready, and if not, why."""

from __future__ import annotations

import asyncio
from typing import Final

from sla_stream.ingest.group import Group

MAX_SILENCE_S: Final = 30.0
"""Seconds without an answer of the broker, which is asked every 5, after which a worker is not ready."""

STALL_S: Final = 30.0
"""Seconds without a round of the fetch loop after which a worker counts as dead."""


class Readiness:
    """The reasons behind /livez and /readyz."""

    def __init__(self, group: Group) -> None:
        self._group = group
        self._born = asyncio.get_running_loop().time()

    def not_live(self) -> list[str]:
        if self._group.rebalancing:  # fetching waits for the end of it
            return []
        silent = asyncio.get_running_loop().time() - max(self._group.last_beat, self._born)
        return [f"the fetch loop has not gone round for {silent:.0f} s"] if silent > STALL_S else []

    def not_ready(self) -> list[str]:
        group = self._group
        reasons = [f"it is not live: {reason}" for reason in self.not_live()]
        if group.stopping:
            reasons.append("it is stopping")
        if not group.assigned_once:
            reasons.append("the group has not assigned partitions yet")
        for lane in group.lanes.values():
            if not lane.ready:
                reasons.append(f"partition {lane.source.topic}[{lane.source.partition}] is starting")
            reasons += [why for why in (lane.paused, lane.waiting) if why is not None]
        silent = asyncio.get_running_loop().time() - group.answered_at
        if group.assigned_once and silent > MAX_SILENCE_S:
            reasons.append(f"the broker has not answered for {silent:.0f} s")
        return reasons
