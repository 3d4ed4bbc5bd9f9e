"""Public holidays of countries and their subdivisions, resolved when the file is loaded."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Final

import holidays

from sla_stream.formats.policy_file.findings import did_you_mean, one_of, quote

YEARS: Final = range(2015, 2046)
"""The years for which holidays are resolved; later years have none."""


class UnknownPlace(ValueError):
    """`key` says which of `country` and `subdivision` is unknown."""

    def __init__(self, key: str, sentence: str) -> None:
        super().__init__(sentence)
        self.key = key


@lru_cache(maxsize=256)
def public_holidays(country: str, subdivision: str | None) -> frozenset[date]:
    """Their dates in YEARS, days observed in place of a weekend included. UnknownPlace says what is not
    known.
    """
    known = _countries()
    if country not in known:
        hint = did_you_mean(country, known)
        raise UnknownPlace("country", f"unknown country {quote(country)}; expected a code of ISO 3166 such as DE{hint}")
    if subdivision is not None and subdivision not in known[country]:
        raise UnknownPlace("subdivision", _unknown_subdivision(country, subdivision, known[country]))
    found = holidays.country_holidays(country, subdiv=subdivision, years=YEARS)
    return frozenset(day for day in found if day.year in YEARS)


@lru_cache(maxsize=1)
def _countries() -> dict[str, list[str]]:
    supported: dict[str, list[str]] = holidays.list_supported_countries(include_aliases=True)
    return supported


def _unknown_subdivision(country: str, subdivision: str, known: list[str]) -> str:
    found = f"unknown subdivision {quote(subdivision)} of {country}"
    if not known:
        return f"{found}; expected none: no subdivisions are known for {country}"
    return f"{found}; expected {one_of(sorted(known))}{did_you_mean(subdivision, known)}"
