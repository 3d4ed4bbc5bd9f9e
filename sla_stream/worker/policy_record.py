"""The policy sets a partition has lived under, kept in its changelog.

A running cycle keeps the policies of its start, so an edited policy file must not lose the earlier ones. Each start
compares the file with the newest set stored; if they differ, the file's set is in force from the log time reached.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from sla_stream.core.policy import PolicySet
from sla_stream.core.policy_form import pack_policies, unpack_policies
from sla_stream.core.ticket import NEVER, unpack_ticket

Stored = list[tuple[int, bytes]]
"""(published at, packed policy set), oldest first."""

KEEP_UNASKED = 8
"""Up to so many sets are kept without asking whether a ticket still needs them."""


def read_record(value: bytes) -> Stored:
    """The stored sets of a changelog record."""
    return msgspec.msgpack.decode(value, type=Stored)


def write_record(stored: Stored) -> bytes:
    """The changelog record of these sets."""
    return msgspec.msgpack.encode(stored)


def extended(stored: Stored, current: PolicySet, log_time: int) -> Stored | None:
    """The stored sets with `current` behind them, in force from after `log_time`; None if it is the newest already."""
    packed = pack_policies(current)
    if not stored:
        return [(NEVER, packed)]
    if stored[-1][1] == packed:
        return None
    return [*stored, (max(log_time, stored[-1][0]) + 1, packed)]


def pruned(stored: Stored, states: Mapping[str, bytes]) -> Stored:
    """Without the oldest sets that no ticket refers to any more."""
    if len(stored) <= KEEP_UNASKED:
        return stored
    used = _refs(states.values())
    while len(stored) > 1 and not _only_in_first(stored) & used:
        stored = stored[1:]
    return stored


def timeline(stored: Stored) -> list[tuple[int, PolicySet]]:
    """The sets, for the engine."""
    return [(published, unpack_policies(packed)) for published, packed in stored]


def _only_in_first(stored: Stored) -> set[int]:
    first, *later = (_targets(unpack_policies(packed)) for _, packed in stored)
    return first.difference(*later)


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
