"""Which partition a key goes to: as Java's default partitioner has it, so that every client agrees."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from aiokafka.partitioner import murmur2


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key in a topic of so many."""
    return int(murmur2(key) & 0x7FFFFFFF) % partitions


def partition_by_key(partitions: int) -> Callable[[bytes], int]:
    """A function from key to partition number. Keys come in bursts, so the recent ones are remembered."""

    @lru_cache(maxsize=65_536)
    def route(key: bytes) -> int:
        return partition_of(key, partitions)

    return route
