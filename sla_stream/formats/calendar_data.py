"""Which data about time zones and public holidays this installation has: part of every answer's provenance."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Final

LIBRARIES: Final = ("tzdata", "holidays")


@cache
def calendar_data() -> dict[str, str | None]:
    """`{"tzdata": "2026.6", "holidays": "0.109"}`, read once; null for one that is not installed as a package.

    Deadlines rest on `tzdata`. Holidays became dates when the policy file was read: by this release of `holidays`, or
    for policies from the policies topic by that of whoever published them.
    """
    return {name: _version(name) for name in LIBRARIES}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
