"""Where a topic's range begins and ends, and how its records are named; reading it is tested on a real broker."""

from __future__ import annotations

import pytest

from sla_stream.errors import ConfigError
from sla_stream.formats.settings import Settings
from sla_stream.history.topic_log import Bound, TopicLog, code, parse_bound, place


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        (None, None),
        ("0", 0),
        ("1200", 1200),
        ("0:12,3:7", {0: 12, 3: 7}),
        ("2026-03-02T08:00:00Z", "2026-03-02T08:00:00Z"),
    ],
)
def test_bounds(text: str | None, bound: Bound | None) -> None:
    assert parse_bound("--from", text) == bound


@pytest.mark.parametrize("text", ["", "-1", "x", "1:", "0:1,2", "2026-03-02", "0:1;1:2", "²"])
def test_no_bounds(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^--to: found .* expected an offset"):
        parse_bound("--to", text)


@pytest.mark.parametrize(("partition", "offset"), [(0, 0), (7, 0), (0, 1), (65_535, 2**40)])
def test_places(partition: int, offset: int) -> None:
    line = code(partition, offset)
    assert place(line) == (partition, offset)
    log = TopicLog(Settings(), "in", None, None)
    assert (log.where(line), log.spot(line)) == (f"in/{partition}/{offset}", f"offset {offset}")
    assert log.partition(line) == partition


def test_codes_order_as_offsets_do() -> None:
    assert code(7, 1) < code(0, 2) < code(1, 2)
