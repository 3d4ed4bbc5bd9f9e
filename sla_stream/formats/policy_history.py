"""The records of the policies topic, in order, as policy sets in force: which are good, and since when each holds.

The first set holds from the beginning, every later one from its publication. A record that cannot be used is refused
and changes nothing. Whoever reads the topic comes to the same result.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sla_stream.core.policy import PolicySet
from sla_stream.core.ticket import NEVER
from sla_stream.errors import InvalidRecord
from sla_stream.formats.policy_set_record import PushedSet, decode_policy_set
from sla_stream.formats.policy_sharing import share
from sla_stream.formats.policy_trial import try_out


@dataclass(frozen=True, slots=True)
class PublishedSet:
    """A set and the instant (ms) of its publication; instants of successive sets rise."""

    offset: int
    published: int
    pushed: PushedSet


@dataclass(frozen=True, slots=True)
class RefusedSet:
    """A record of the topic that is not applied, or a hole in it, and why."""

    offset: int
    detail: str


class PolicyHistory:
    """Takes records in offset order."""

    def __init__(self) -> None:
        self.sets: list[PublishedSet] = []
        self.refused: list[RefusedSet] = []
        self.next_number = 1
        """The number for the next set."""

    @property
    def newest(self) -> PublishedSet | None:
        return self.sets[-1] if self.sets else None

    def timeline(self) -> list[tuple[int, PolicySet]]:
        """(in force since, set) for an engine."""
        return [
            (one.published if index else NEVER, one.pushed.policies) for index, one in enumerate(self.sets)
        ]  # fmt: skip

    def take(self, offset: int, timestamp: int, key: bytes | None, value: bytes | None) -> PublishedSet | None:
        """One record; the set that it adds, None if it is refused. `timestamp`: ms, the broker's stamp."""
        try:
            pushed = decode_policy_set(key, value)
            self._check(pushed, timestamp)
        except InvalidRecord as bad:
            self._refuse(offset, bad.detail)
            self._skip(key)
            return None
        if pushed.number > self.next_number:
            self._refuse(offset, f"set {pushed.number} follows, but set {self.next_number} is missing before it")
        self.next_number = pushed.number + 1
        if self.sets:
            pushed = replace(pushed, policies=share(pushed.policies, self.sets[-1].pushed.policies))
        found = PublishedSet(offset, self._instant(timestamp), pushed)
        self.sets.append(found)
        return found

    def _check(self, pushed: PushedSet, timestamp: int) -> None:
        if pushed.number < self.next_number:
            raise InvalidRecord("key", f"set {pushed.number} came before; published sets never change")
        try:
            try_out(pushed.policies, self._instant(timestamp), self.sets[-1].pushed.policies if self.sets else None)
        except Exception as error:  # it decodes, and yet means nothing: never a reason for a worker to end
            raise InvalidRecord("schema", f"set: cannot be put in force: {type(error).__name__}: {error}") from None

    def _instant(self, timestamp: int) -> int:
        """The stamp, but after the set before: a broker's clock may have been set back."""
        return max(timestamp, self.sets[-1].published + 1) if self.sets else timestamp

    def _skip(self, key: bytes | None) -> None:
        """A number that was used, even for nothing good, is not given again: it would replace that record."""
        if key is not None and len(key) <= 9 and key.isdigit():
            self.next_number = max(self.next_number, int(key) + 1)

    def _refuse(self, offset: int, detail: str) -> None:
        self.refused.append(RefusedSet(offset, detail))
