"""The policy sets a partition lives under, kept in its changelog: a running cycle keeps the policies of its start.

Sets come from the policies topic, each with its number there, and hold from their publication. As long as that topic
holds none, they come from the file: number 0, in force from the log time at which a start first finds them. They are
stored in the transaction of the first states under them, so a state never refers to a set that its changelog lacks,
even if the next owner of the partition has not heard of the set yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from sla_stream.core.policy import PolicySet
from sla_stream.core.policy_form import pack_policies, unpack_policies
from sla_stream.core.ticket import NEVER, unpack_ticket
from sla_stream.errors import SlaStreamError
from sla_stream.formats.policy_history import PublishedSet

PREFIX: Final = b"\xffpolicies/"
"""Keys of the changelog records; the instant from which on the set holds follows."""

FROM_FILE: Final = 0
KEEP_UNASKED: Final = 8
"""Up to so many sets from files are kept without asking whether a ticket still needs them."""


class PoliciesRemade(SlaStreamError):
    """The policies topic holds other sets than those that were adopted: it was deleted and made anew."""


class Stored(NamedTuple):
    """A set in the changelog."""

    number: int
    packed: bytes


class _Known(NamedTuple):
    """A set in memory: what it says is shared by all partitions of a worker, and with the sets before it."""

    number: int
    policies: PolicySet


def key_of(since: int) -> bytes:
    return PREFIX + b"%d" % since


def since_of(key: bytes) -> int:
    return int(key.removeprefix(PREFIX))


def read_record(value: bytes) -> Stored:
    """The set of a changelog record."""
    return Stored(*msgspec.msgpack.decode(value, type=tuple[int, bytes]))


class Adopted:
    """The sets of one partition by the instant (ms) from which on they hold."""

    def __init__(self, stored: Mapping[int, Stored], published: Iterable[PublishedSet] = ()) -> None:
        """`published`: sets of the topic, which are not unpacked again where the changelog holds the same."""
        at_hand = {one.pushed.number: one.pushed for one in published}
        self._sets: dict[int, _Known] = {}
        for since, one in sorted(stored.items()):
            pushed = at_hand.get(one.number)
            same = pushed is not None and pushed.packed == one.packed
            self._sets[since] = _Known(one.number, pushed.policies if pushed and same else _unpacked(one.packed))
        self._number = max((one.number for one in self._sets.values()), default=FROM_FILE)
        self._changes: dict[int, Stored | None] = {}
        self._looked_at = 0

    @property
    def number(self) -> int:
        """Number of the newest set from the topic, 0 when there is none."""
        return self._number

    def timeline(self) -> list[tuple[int, PolicySet]]:
        """The sets, for the engine."""
        return [(since, one.policies) for since, one in self._sets.items()]

    def check(self, published: Iterable[PublishedSet], topic: str) -> None:
        """PoliciesRemade if the topic says another thing under a number that was adopted."""
        known = {one.pushed.number: one.pushed.policies.digest for one in published}
        for one in self._sets.values():
            if known.get(one.number, one.policies.digest) != one.policies.digest:
                raise PoliciesRemade(
                    f"{topic} holds another set {one.number} than the one that tickets live under: was the topic made "
                    "anew? Expected the topic that was followed before, or another `app_id`"
                )

    def take(self, published: Sequence[PublishedSet]) -> list[tuple[int, PublishedSet]]:
        """Adopt what is new in a growing list of sets; (in force since, set) of those that say something new."""
        if len(published) == self._looked_at:
            return []
        found = []
        for one in published[self._looked_at :]:
            if one.pushed.number > self._number and self._says_something_new(one.pushed.policies):
                since = max(one.published, next(reversed(self._sets)) + 1) if self._sets else NEVER
                self._add(since, _Known(one.pushed.number, one.pushed.policies), one.pushed.packed)
                found.append((since, one))
        self._looked_at = len(published)
        return found

    def take_file(self, policies: PolicySet, log_time: int) -> bool:
        """Adopt the file's set if it is not the newest one already, in force from after `log_time`."""
        if not self._says_something_new(policies):
            return False
        since = max(log_time, next(reversed(self._sets))) + 1 if self._sets else NEVER
        self._add(since, _Known(FROM_FILE, policies), pack_policies(policies))
        return len(self._sets) > 1

    def prune(self, states: Mapping[str, bytes]) -> None:
        """Forget the oldest sets if there are many and no ticket refers to them any more."""
        if len(self._sets) <= KEEP_UNASKED:
            return
        used = _refs(states.values())
        while len(self._sets) > 1 and not self._only_in_first() & used:
            first = next(iter(self._sets))
            del self._sets[first]
            self._changes[first] = None

    def changes(self) -> list[tuple[bytes, bytes | None]]:
        """Changelog records (key, value) to write in the next transaction; they count as written from now on."""
        changes, self._changes = self._changes, {}
        return [(key_of(since), one and msgspec.msgpack.encode(one)) for since, one in changes.items()]

    def _add(self, since: int, one: _Known, packed: bytes) -> None:
        self._sets[since] = one
        self._changes[since] = Stored(one.number, packed)
        self._number = max(self._number, one.number)

    def _says_something_new(self, policies: PolicySet) -> bool:
        newest = next(reversed(self._sets.values()), None)
        return newest is None or newest.policies.digest != policies.digest

    def _only_in_first(self) -> set[int]:
        first, *later = (_targets(one.policies) for one in self._sets.values())
        return first.difference(*later)


@lru_cache(maxsize=64)
def _unpacked(packed: bytes) -> PolicySet:
    """Every partition of a worker asks for the same ones."""
    return unpack_policies(packed)


def _targets(policies: PolicySet) -> set[int]:
    found = set()
    for policy in policies.policies:
        for target in policy.targets:
            found |= {each.ref for each in target.by_priority.values()}
            if target.default is not None:
                found.add(target.default.ref)
    return found


def _refs(states: Iterable[bytes]) -> set[int]:
    return {cycle.ref for packed in states for cycles in unpack_ticket(packed).fold.clocks.values() for cycle in cycles}
