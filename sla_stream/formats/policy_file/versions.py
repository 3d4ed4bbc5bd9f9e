"""Versions, digests and references: names for content, the same in every process that reads the same file.

Everything is a SHA-256 of canonical JSON of the *compiled* policy, so that layout, comments, the order of
keys and `1h` against `60m` make no version of their own, while a holiday more or less does. Fields that hold
their default are left out: a field added to the language later changes no version that does not use it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final

from sla_stream.core.policy import Match, Policy, Relaxation
from sla_stream.core.schedule import Schedule

_VERSION_DIGITS: Final = 12
_REF_BYTES: Final = 6
_NAMED_ELSEWHERE: Final = ("ref", "policy", "policy_version", "version")


def policy_version(
    name: str, level: str, match: Match, targets: Iterable[Any], valid_from: int | None = None, on_change: str = "pin"
) -> str:
    """First 12 hex digits of the hash of a policy with its schedules and their resolved holidays."""
    content = {"name": name, "level": level, "match": canonical(match), "targets": canonical(tuple(targets))}
    if valid_from is not None:
        content["valid_from"] = valid_from
    if on_change != "pin":
        content["on_change"] = on_change
    return _hash(content).hex()[:_VERSION_DIGITS]


def digest(policies: Iterable[Policy], relaxations: Iterable[Relaxation] = ()) -> str:
    """Hash of everything in the file that can decide something, the order of policies included.

    Versions hold the schedules and rules of their targets; what no target uses decides nothing.
    """
    content: list[Any] = [[policy.name, policy.version] for policy in policies]
    relief = [canonical(relaxation) for relaxation in relaxations]
    return _hash([*content, {"relaxations": relief}] if relief else content).hex()


def target_ref(version: str, metric: str, entry: str, taken: set[int]) -> int:
    """A number of 48 bits, not 0 and not `taken`, for one target; `entry` is the priority or `default`."""
    salt = 0
    while True:
        content = [version, metric, entry] if salt == 0 else [version, metric, entry, salt]
        ref = int.from_bytes(_hash(content)[:_REF_BYTES], "big")
        if ref and ref not in taken:
            taken.add(ref)
            return ref
        salt += 1


def canonical(value: Any) -> Any:
    """Plain JSON values for compiled ones."""
    if isinstance(value, Schedule):
        return _schedule_hash(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: canonical(item)
            for field in dataclasses.fields(value)
            if field.name not in _NAMED_ELSEWHERE and (item := getattr(value, field.name)) != _default(field)
        }
    if isinstance(value, dict):
        return {str(canonical(key)): canonical(item) for key, item in value.items()}
    if isinstance(value, frozenset):
        return sorted(canonical(item) for item in value)
    if isinstance(value, (list, tuple)):
        return [canonical(item) for item in value]
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return value


@lru_cache(maxsize=1024)
def _schedule_hash(schedule: Schedule) -> str:
    """Stands for the rules, which many targets share and which may hold hundreds of holidays."""
    return _hash(canonical(schedule.rules)).hex()


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _hash(content: Any) -> bytes:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).digest()
