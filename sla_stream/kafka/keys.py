"""Which partition a key goes to: as Java's default partitioner has it, so that every client agrees."""

from __future__ import annotations

from aiokafka.partitioner import murmur2


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key in a topic of so many."""
    return int(murmur2(key) & 0x7FFFFFFF) % partitions
