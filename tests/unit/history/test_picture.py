"""The picture of a cycle: every character is what held for most of its slice."""

from __future__ import annotations

from sla_stream.core.explain import ClockStory, Interval, Moment
from sla_stream.history.picture import PLAIN, bar, marks


def clock(*intervals: tuple[int, int, str], moments: tuple[tuple[int, str], ...] = ()) -> ClockStory:
    return ClockStory(
        None,  # type: ignore[arg-type]  # a picture does not look at the state
        [Interval(start, end, what, None, None) for start, end, what in intervals],  # type: ignore[arg-type]
        [Moment(at, what, None, None, "p", 1) for at, what in moments],
    )


def drawn(story: ClockStory, width: int) -> str:
    return "".join(each.character for each in bar(story, width, PLAIN))


def test_each_slice_shows_what_holds_for_most_of_it() -> None:
    story = clock((0, 50, "running"), (50, 70, "paused"), (70, 100, "closed_hours"))
    assert drawn(story, 10) == "#####~~..."
    assert drawn(story, 4) == "##~."


def test_more_slices_than_milliseconds() -> None:
    assert drawn(clock((5, 7, "running"), (7, 8, "paused")), 9) == "######~~~"


def test_nothing_to_draw() -> None:
    assert drawn(clock(), 10) == ""
    assert marks(clock(moments=((0, "started"),)), 10) == ""


def test_marks_stand_where_it_happened_and_the_serious_one_wins() -> None:
    story = clock(
        (0, 100, "running"),
        moments=((0, "started"), (50, "warning 50%"), (51, "breached"), (99, "escalation +1h"), (100, "missed")),
    )
    assert marks(story, 10) == "     X   e"
    assert marks(clock((0, 10, "running"), moments=((50, "breached"),)), 4) == "   X"
