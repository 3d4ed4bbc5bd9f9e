"""The timer index against a sorted list: any mix of pushes and pops."""

from __future__ import annotations

from bisect import insort

from hypothesis import given, settings
from hypothesis import strategies as st

from sla_stream.core.timers import BUCKET_MS, TimerIndex

INSTANTS = st.one_of(
    st.integers(-3 * BUCKET_MS, 6 * BUCKET_MS),
    st.integers(-3, 6).map(lambda minute: minute * BUCKET_MS),
    st.integers(-3, 6).map(lambda minute: minute * BUCKET_MS - 1),
)
PUSH = st.tuples(st.just("push"), INSTANTS, st.sampled_from("abc"))
POP = st.tuples(st.just("pop"), INSTANTS, st.just(""))
FIRST = st.tuples(st.just("first"), st.just(0), st.just(""))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(PUSH, PUSH, POP, FIRST), max_size=60))
def test_equals_a_sorted_list(steps: list[tuple[str, int, str]]) -> None:
    index = TimerIndex()
    model: list[tuple[int, str]] = []
    for what, at, ticket in steps:
        if what == "push":
            index.push(at, ticket)
            insort(model, (at, ticket))
        elif what == "pop":
            expected = model.pop(0) if model and model[0][0] < at else None
            assert index.pop_before(at) == expected
        else:
            assert index.first() == (model[0][0] if model else None)
        assert len(index) == len(model)
    while model:
        assert index.pop_before(2**60) == model.pop(0)
    assert index.pop_before(2**60) is None
