"""Dead letters: headers, and the limits of rule 17."""

from __future__ import annotations

import pytest

from sla_stream.kafka.dead_letters import MAX_DETAIL, WINDOW, PoisonLimit, with_reason


def test_headers_are_kept_and_reasons_added() -> None:
    headers = with_reason([("a", b"1")], "schema", "bad näme", "in", 3, 17)
    assert headers == [
        ("a", b"1"),
        ("sla-reason", b"schema"),
        ("sla-detail", "bad näme".encode()),
        ("sla-topic", b"in"),
        ("sla-partition", b"3"),
        ("sla-offset", b"17"),
    ]


def test_a_long_detail_is_cut_and_a_lone_surrogate_does_no_harm() -> None:
    headers = dict(with_reason([], "json", "\ud800" + "x" * 10_000, "in", 0, 0))
    assert len(headers["sla-detail"]) == MAX_DETAIL
    assert headers["sla-detail"].startswith(b"?x")


def _fed(limit: int, pattern: str) -> PoisonLimit:
    poison = PoisonLimit(limit)
    for mark in pattern:
        if mark == "x":
            poison.bad()
        else:
            poison.good()
    return poison


@pytest.mark.parametrize(
    ("limit", "pattern", "exceeded"),
    [
        (100, "x" * 99, False),
        (100, "x" * 100, True),
        (100, "x" * 99 + "." + "x" * 99, False),
        (3, ".." + "x" * 3, True),
        (0, "x" * 5_000, False),
        (100, ".x" * (WINDOW // 2), True),
        (100, ".x" * (WINDOW // 2 - 1) + ".", False),  # 999 read: too early to take a share
        (100, ".x" * 499 + "..", False),
        (100, ".x" * 500 + "." * 2, False),  # the share sinks again
    ],
)
def test_limits(limit: int, pattern: str, exceeded: bool) -> None:
    assert (_fed(limit, pattern).exceeded is not None) is exceeded


def test_the_reason_says_which_limit() -> None:
    assert _fed(100, "x" * 100).exceeded == "100 dead letters in a row"
    assert _fed(900, ".x" * 500).exceeded == "500 of the last 1000 records are dead letters"


def test_many_good_ones_at_once_are_as_many_one_by_one() -> None:
    for before in (0, 3, WINDOW):
        for count in (0, 1, 7, WINDOW - 2, WINDOW, WINDOW + 5):
            at_once, one_by_one = PoisonLimit(10_000), PoisonLimit(10_000)
            for poison in (at_once, one_by_one):
                for _ in range(before):
                    poison.bad()
            at_once.good(count)
            for _ in range(count):
                one_by_one.good()
            assert (at_once._streak, at_once._bad, at_once._recent) == (
                one_by_one._streak, one_by_one._bad, one_by_one._recent
            )  # fmt: skip
