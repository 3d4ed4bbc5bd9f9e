"""Taking up published policy sets while the partition runs.

A set is adopted between two transactions. What it changes in the past of tickets is worked off in slices, a share of
each transaction: input and timers go on meanwhile, and a ticket whose turn comes before is judged anew then. What is
left when the process ends is done by its successor: each ticket's state says by which sets it was judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sla_stream.core.engine import Engine
from sla_stream.formats.instants import format_instant
from sla_stream.formats.policy_history import PublishedSet
from sla_stream.observe.logs import get_logger
from sla_stream.observe.metrics import Metrics
from sla_stream.worker.policy_record import Adopted
from sla_stream.worker.turns import MAX_WORK, Turns

log = get_logger(__name__)

SHARE: Final = 0.1
"""Seconds of looking back in one transaction while input or timers wait."""

SLICE: Final = 20
"""Tickets looked at between two looks at the clock."""

TOLD: Final = 20
"""Tickets told of one by one that a set could not judge; the metric counts all."""


class Amendments:
    """One partition's policy sets, from the topic to its tickets."""

    def __init__(self, partition: int, engine: Engine, adopted: Adopted, metrics: Metrics) -> None:
        self._partition = partition
        self._engine = engine
        self._adopted = adopted
        self._metrics = metrics
        self._told = 0

    @property
    def pending(self) -> bool:
        """Tickets wait to be looked at."""
        return self._engine.looks_back

    def adopt(self, published: Sequence[PublishedSet]) -> None:
        """Take up the policy sets that are new. Between two transactions: what they change is in the next ones."""
        for since, one in self._adopted.take(published):
            self._engine.adopt(since, one.pushed.policies)
            self._told = 0
            log.info(
                "policies.adopted", partition=self._partition, number=one.pushed.number, since=format_instant(since),
                log_time=format_instant(self._engine.log_time),
            )  # fmt: skip
        self._metrics.policy_set.labels(self._partition).set(self._adopted.number)

    async def look_back(self, busy: bool) -> None:
        """A share of the tickets that wait. `busy`: input or timers wait too."""
        turns = Turns(SHARE if busy else MAX_WORK)
        while self._engine.looks_back:
            self._engine.look_back(SLICE)
            if not await turns.go_on():
                break
        self._tell()

    def _tell(self) -> None:
        """Alarm for each ticket that could not be judged since the last time."""
        unjudged = self._engine.unjudged
        fresh = list(unjudged.items())[self._told :]
        self._metrics.tickets_unjudged.inc(len(fresh))
        for ticket_id, error in fresh[: max(0, TOLD - self._told)]:
            log.error(
                "policies.ticket_not_judged", partition=self._partition, ticket_id=ticket_id,
                number=self._adopted.number, why=f"{type(error).__name__}: {error}", exc_info=error,
                help="a fault of this program: the ticket goes on under the sets before; report it, and push a set "
                "without what is new there",
            )  # fmt: skip
        self._told = len(unjudged)
