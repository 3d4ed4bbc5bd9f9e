"""Folds under the policy sets known at one time or another: a ticket is folded under those it was judged by.

These are all sets, unless a newer one could not judge the ticket's past again (`Engine.unjudged`).
"""

from __future__ import annotations

from sla_stream.core.fold import Folder
from sla_stream.core.ticket import Ticket
from sla_stream.core.timeline import Timeline


class Folders:
    """`newest` knows every set of `timeline`."""

    __slots__ = ("_earlier", "newest", "timeline")

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        self.newest = Folder(timeline)
        self._earlier: dict[int, Folder] = {}

    def adopt(self, timeline: Timeline) -> None:
        """Go on with a timeline of one more set."""
        self._earlier[len(self.timeline.sets)] = self.newest
        self.timeline = timeline
        self.newest = Folder(timeline)

    def knowing(self, count: int) -> Folder:
        """The fold under the first `count` sets."""
        folder = self._earlier.get(count)
        if folder is None:
            folder = self._earlier[count] = Folder(Timeline(self.timeline.sets[:count], self.timeline.reach))
        return folder

    def of(self, ticket: Ticket) -> Folder:
        """The fold under the sets that the ticket was judged by."""
        if ticket.published >= self.timeline.published:
            return self.newest
        return self.knowing(self.timeline.known(ticket.published))
