"""The tickets of one partition: packed at rest, unpacked while a batch touches them.

The packed form costs a tenth of the unpacked one, and it is the changelog record: what `flush` returns is what is
stored.
"""

from __future__ import annotations

from collections.abc import Iterator

from sla_stream.core.ticket import Ticket, pack_ticket, unpack_ticket


class TicketStore:
    """Ticket states by id. One got with `get` may be changed until the next `flush`, with its id put into `touched`.

    `hot`: those unpacked since the last `flush`; None: forgotten.
    """

    __slots__ = ("_rest", "hot", "touched")

    def __init__(self) -> None:
        self._rest: dict[str, bytes] = {}
        self.hot: dict[str, Ticket | None] = {}
        self.touched: set[str] = set()

    def get(self, ticket_id: str) -> Ticket | None:
        """The ticket, unpacked; None if unknown or forgotten."""
        hot = self.hot
        if ticket_id in hot:
            return hot[ticket_id]
        packed = self._rest.get(ticket_id)
        if packed is None:
            return None
        ticket = hot[ticket_id] = unpack_ticket(packed)
        return ticket

    def peek(self, ticket_id: str) -> Ticket | None:
        """The ticket as it is, to look at only."""
        if ticket_id in self.hot:
            return self.hot[ticket_id]
        packed = self._rest.get(ticket_id)
        return None if packed is None else unpack_ticket(packed)

    def add(self, ticket: Ticket) -> Ticket:
        """Keep a new ticket."""
        self.hot[ticket.ticket_id] = ticket
        return ticket

    def put_away(self, ticket_id: str) -> Ticket:
        """Pack a hot ticket; returns it as it was."""
        ticket = self.hot.pop(ticket_id)
        assert ticket is not None
        self._rest[ticket_id] = pack_ticket(ticket)
        self.touched.discard(ticket_id)
        return ticket

    def forget(self, ticket_id: str) -> None:
        """Drop the ticket; a tombstone is stored."""
        self.hot[ticket_id] = None
        self.touched.add(ticket_id)

    def put_packed(self, ticket_id: str, packed: bytes) -> None:
        """Take over a stored state."""
        self._rest[ticket_id] = packed

    def flush(self) -> list[tuple[str, bytes | None]]:
        """(ticket id, packed state) of each ticket touched since the last flush; None: forgotten."""
        changed: list[tuple[str, bytes | None]] = []
        for ticket_id, ticket in self.hot.items():
            packed = None if ticket is None else pack_ticket(ticket)
            if packed is None:
                self._rest.pop(ticket_id, None)
            else:
                self._rest[ticket_id] = packed
            if ticket_id in self.touched:
                changed.append((ticket_id, packed))
        self.hot = {}
        self.touched = set()
        return changed

    def packed(self) -> list[tuple[str, bytes]]:
        """Every state at rest; call `flush` before."""
        return list(self._rest.items())

    def __iter__(self) -> Iterator[str]:
        """Every ticket known, in no order."""
        yield from [ticket_id for ticket_id in self._rest if ticket_id not in self.hot]
        yield from [ticket_id for ticket_id, ticket in self.hot.items() if ticket is not None]
