"""The table's changelog records: tickets, tombstones, reserved records, dirty tickets."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import pytest

from sla_stream.worker.table import FAULT_KEY, META_KEY, Fault, Meta, Table


@dataclass
class Record:
    offset: int
    key: bytes
    value: bytes | None


def _meta(shown_from: int) -> bytes:
    return msgspec.msgpack.encode(Meta(b"e", shown_from))


def test_last_value_wins_and_tombstones_remove() -> None:
    table = Table()
    table.take([Record(0, b"a", b"1"), Record(1, b"b", b"2"), Record(2, b"a", b"3")], 99)
    table.take([Record(3, b"b", None), Record(4, b"never", None)], 99)
    assert table.states == {"a": b"3"}
    assert table.dirty == {}


def test_dirty_from_the_mark_on_tombstones_included() -> None:
    table = Table()
    records = [Record(number, key, b"s") for number, key in enumerate([b"a", b"b", b"c", b"b"])]
    table.take([*records, Record(4, b"c", None)], 2)
    assert table.dirty == {"c": 2, "b": 3}


def test_reserved_records_are_no_tickets() -> None:
    table = Table()
    table.take(
        [
            Record(0, META_KEY, _meta(7)),
            Record(1, FAULT_KEY, msgspec.msgpack.encode(Fault(5, 2))),
            Record(2, META_KEY, _meta(9)),
        ],
        0,
    )
    assert table.states == {}
    assert table.meta == Meta(b"e", 9)
    assert table.fault == Fault(5, 2)
    table.take([Record(3, FAULT_KEY, None)], 0)
    assert table.fault is None


@pytest.mark.parametrize("key", [META_KEY, FAULT_KEY])
def test_no_ticket_id_can_be_a_reserved_key(key: bytes) -> None:
    with pytest.raises(UnicodeDecodeError):
        key.decode()
