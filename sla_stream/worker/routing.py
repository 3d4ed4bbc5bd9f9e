"""Which partition a key goes to, for keys that come in bursts."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from sla_stream.kafka.keys import partition_of


def partition_by_key(partitions: int) -> Callable[[bytes], int]:
    """A function from key to partition number. Keys come in bursts, so the recent ones are remembered."""

    @lru_cache(maxsize=65_536)
    def route(key: bytes) -> int:
        return partition_of(key, partitions)

    return route
