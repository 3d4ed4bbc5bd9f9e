"""From a filter of the other product to `match`: all of these conditions, and one of those.

`match` holds attributes that all must fit, each with a list of values of which one must, and one exclusion. An "any of
these conditions" over several attributes becomes several alternatives: one policy each, with the same targets.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

TAGS = "tags"


class Unsayable(ValueError):
    """The conditions cannot be said in one `match`; the text says why."""


@dataclass(frozen=True, slots=True)
class Term:
    """The attribute has (`negative`: has none of) these values."""

    attribute: str
    values: tuple[Any, ...]
    negative: bool = False


def alternatives(required: Sequence[Term], optional: Sequence[Term]) -> list[dict[str, Any]]:
    """Matches of which one must hold: all of `required`, and one of `optional` if there are any.

    An alternative that no ticket can fit is left out. Unsayable if some alternative cannot be said.
    """
    found: list[dict[str, Any]] = []
    for option in _options(optional):
        match = _match([*required, *option])
        if match is not None and match not in found:
            found.append(match)
    return found


def _options(optional: Sequence[Term]) -> list[list[Term]]:
    """Conditions on one attribute are one list of values; the others stand for themselves."""
    merged: dict[str, tuple[Any, ...]] = {}
    for term in optional:
        if not term.negative:
            merged[term.attribute] = _joined(merged.get(term.attribute, ()), term.values)
    options = [[Term(attribute, values)] for attribute, values in merged.items()]
    options += [[term] for term in optional if term.negative]
    return options or [[]]


def _match(terms: Sequence[Term]) -> dict[str, Any] | None:
    """All of them; None if no ticket can fit."""
    wanted: dict[str, tuple[Any, ...]] = {}
    excluded: dict[str, tuple[Any, ...]] = {}
    tags = _tags([term for term in terms if term.attribute == TAGS and not term.negative])
    for term in terms:
        if term.negative:
            excluded[term.attribute] = _joined(excluded.get(term.attribute, ()), term.values)
        elif term.attribute != TAGS:
            before = wanted.get(term.attribute, term.values)
            wanted[term.attribute] = tuple(value for value in before if value in term.values)
    for attribute in [attribute for attribute in excluded if attribute in wanted]:
        gone = excluded.pop(attribute)
        wanted[attribute] = tuple(value for value in wanted[attribute] if value not in gone)
    if not all(wanted.values()):
        return None
    match: dict[str, Any] = {attribute: _plain(values) for attribute, values in wanted.items()}
    if tags:
        match[TAGS] = tags
    if excluded:
        match["not"] = _exclusion(excluded)
    return match


def _tags(terms: Sequence[Term]) -> dict[str, list[Any]]:
    """A ticket has many tags: one list of which some must be there, and single ones that all must."""
    lists = list(dict.fromkeys(term.values for term in terms if len(term.values) > 1))
    if len(lists) > 1:
        raise Unsayable("two lists of tags, one tag of each list; a `match` holds one such list")
    singles = _joined((), [term.values[0] for term in terms if len(term.values) == 1])
    if len(singles) == 1 and not lists:
        return {"any": list(singles)}
    tags = {"all": list(singles)} if singles else {}
    return tags | ({"any": list(lists[0])} if lists else {})


def _exclusion(excluded: dict[str, tuple[Any, ...]]) -> dict[str, Any]:
    if len(excluded) > 1:
        names = " and ".join(excluded)
        raise Unsayable(f"exclusions by {names}: the attributes of one `not` must all fit before it excludes")
    [(attribute, values)] = excluded.items()
    return {attribute: {"any": list(values)} if attribute == TAGS else _plain(values)}


def _plain(values: tuple[Any, ...]) -> Any:
    return values[0] if len(values) == 1 else list(values)


def _joined(before: Iterable[Any], more: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys([*before, *more]))
