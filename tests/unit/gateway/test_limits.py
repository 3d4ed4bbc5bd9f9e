"""Rates and room."""

from __future__ import annotations

import pytest

from sla_stream.gateway.limits import Rate, Room


def test_a_second_s_worth_at_once_then_the_rate() -> None:
    rate = Rate(10)
    assert [rate.wait(100.0) for _ in range(10)] == [0.0] * 10
    assert rate.wait(100.0) == pytest.approx(0.1)
    assert rate.wait(100.05) == pytest.approx(0.05)
    assert rate.wait(100.1) == 0.0
    assert rate.wait(100.1) > 0
    assert sum(rate.wait(200.0) == 0 for _ in range(50)) == 10


def test_less_than_one_a_second() -> None:
    rate = Rate(0.1)
    assert rate.wait(0.0) == 0.0
    assert rate.wait(1.0) == pytest.approx(9.0)
    assert rate.wait(10.0) == 0.0


def test_a_clock_that_is_set_back_gives_nothing_away() -> None:
    rate = Rate(1)
    assert rate.wait(100.0) == 0.0
    assert rate.wait(50.0) > 0


def test_room_is_bounded_and_comes_back() -> None:
    room = Room(100)
    assert room.take(60) and not room.take(41) and room.take(40)
    room.give_back(60)
    assert room.take(60) and room.used == 100
    room.give_back(100)
    assert room.take(500), "an empty room takes anything"
    assert not room.take(1)
