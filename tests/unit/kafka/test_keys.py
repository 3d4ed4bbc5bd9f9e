"""Partition numbers as every Java client computes them."""

from __future__ import annotations

import pytest

from sla_stream.kafka.keys import partition_by_key


@pytest.mark.parametrize(
    ("key", "hash_value"),
    [  # from Kafka's own UtilsTest for murmur2, as unsigned 31 bit
        (b"21", -973932308 & 0x7FFFFFFF),
        (b"foobar", -790332482 & 0x7FFFFFFF),
        (b"a-little-bit-long-string", -985981536 & 0x7FFFFFFF),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971 & 0x7FFFFFFF),
    ],
)
def test_known_hashes(key: bytes, hash_value: int) -> None:
    for partitions in (1, 4, 7, 8, 50):
        assert partition_by_key(partitions)(key) == hash_value % partitions
