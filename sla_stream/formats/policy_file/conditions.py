"""Conditions and matches of a policy file, compiled to terms; unknown keys and impossible values are
reported.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Literal

from sla_stream.core.events import ACTORS, KINDS, STATUSES, TEXT_ATTRIBUTES
from sla_stream.core.policy import CONDITION_KEYS, Condition, Conditions, Match
from sla_stream.formats.policy_file.findings import Findings, Path, did_you_mean, one_of, quote, show

MATCHED: Final = (*TEXT_ATTRIBUTES, "tags")
"""Attributes that `match` and conditions can ask for, `custom.NAME` aside."""
NAMED: Final = (*TEXT_ATTRIBUTES, "status", "tags", "due_at", "url")
"""Attributes that `changed` and `has` can name, `custom.NAME` aside."""
MOMENTARY: Final = ("kind", "left_status", "changed", "actor", "public")
"""Keys that speak of one event: in a pause they need `resume`."""

_WORDS: Final = {
    "kind": KINDS,
    "status": STATUSES,
    "left_status": STATUSES,
    "actor": ACTORS,
    "changed": NAMED,
    "has": NAMED,
}
_CUSTOM: Final = "custom."

Term = tuple[str, tuple[Any, ...]]
MatchTerm = tuple[str, Literal["any", "all"], tuple[Any, ...]]


def compile_conditions(written: list[dict[str, Any]], path: Path, findings: Findings) -> Conditions:
    """One condition for each entry of the list; those with errors are left out."""
    compiled = []
    for index, terms in enumerate(written):
        place = (*path, index)
        if not terms:
            findings.error(place, "an empty condition; expected at least one key")
            continue
        found = [term for key in terms if (term := _term(key, terms[key], (*place, key), findings)) is not None]
        compiled.append(Condition(tuple(found)))
    return tuple(compiled)


def check_pause(written: list[dict[str, Any]], path: Path, findings: Findings) -> None:
    """A pause without `resume` holds while it is true; what is true at one event only cannot hold."""
    for index, terms in enumerate(written):
        for key in terms:
            if key in MOMENTARY:
                findings.error(
                    (*path, index, key),
                    f"`{key}` is true at one event only, and this pause holds while it is true; "
                    f"expected a status or an attribute, or `resume` beside `pause`",
                    key=True,
                )


def _term(key: str, value: Any, path: Path, findings: Findings) -> Term | None:
    if not _known(key, (*CONDITION_KEYS, *MATCHED)):
        expected = one_of((*CONDITION_KEYS, *MATCHED, "custom.NAME"))
        hint = did_you_mean(key, (*CONDITION_KEYS, *MATCHED))
        findings.error(path, f"unknown key {quote(key)}; expected {expected}{hint}", key=True)
        return None
    values = []
    for place, item in _items(value, path, findings):
        if key == "public":
            good = isinstance(item, bool) or _refuse(place, item, "true or false", findings)
        elif key in _WORDS:
            good = _check_word(item, _WORDS[key], place, findings, custom=key in ("changed", "has"))
        else:
            good = _check_attribute(key, item, place, findings)
        if good:
            values.append(item)
    return key, tuple(values)


def compile_match(written: dict[str, Any], path: Path, findings: Findings) -> Match:
    terms: list[MatchTerm] = []
    negated = None
    for key, value in written.items():
        place = (*path, key)
        if key == "not" and path[-1] != "not":
            negated = _negated(value, place, findings)
        elif not _known(key, MATCHED):
            known = MATCHED if path[-1] == "not" else (*MATCHED, "not")
            expected = one_of((*known, "custom.NAME"))
            findings.error(place, f"unknown key {quote(key)}; expected {expected}{did_you_mean(key, known)}", key=True)
        elif key == "tags" and isinstance(value, dict):
            terms += _tag_terms(value, place, findings)
        else:
            terms.append((key, "any", _values(key, value, place, findings)))
    return Match(tuple(terms), negated)


def _negated(value: Any, path: Path, findings: Findings) -> Match | None:
    if not isinstance(value, dict) or not value:
        findings.error(path, f"found {show(value)}; expected a mapping of attributes to values")
        return None
    return compile_match(value, path, findings)


def _tag_terms(written: dict[str, Any], path: Path, findings: Findings) -> list[MatchTerm]:
    terms: list[MatchTerm] = []
    if not written:
        findings.error(path, "an empty mapping; expected any or all")
    for mode, value in written.items():
        if mode in ("any", "all"):
            values = _values("tags", value, (*path, mode), findings)
            terms.append(("tags", "all" if mode == "all" else "any", values))
        else:
            hint = did_you_mean(mode, ("any", "all"))
            findings.error((*path, mode), f"unknown key {quote(mode)}; expected any or all{hint}", key=True)
    return terms


def _values(key: str, value: Any, path: Path, findings: Findings) -> tuple[Any, ...]:
    items = _items(value, path, findings)
    return tuple(item for place, item in items if _check_attribute(key, item, place, findings))


def _items(value: Any, path: Path, findings: Findings) -> list[tuple[Path, Any]]:
    """The scalars of a scalar or a list, each with its place. An empty list is an error: it could never hold."""
    if not isinstance(value, list):
        return [(path, value)]
    if not value:
        findings.error(path, "an empty list; expected at least one value")
    return [((*path, index), item) for index, item in enumerate(value)]


def _check_word(item: Any, known: Iterable[str], path: Path, findings: Findings, *, custom: bool) -> bool:
    if not isinstance(item, str):
        return _refuse(path, item, one_of(known), findings)
    if item in known or (custom and _is_custom(item)):
        return True
    expected = one_of((*known, "custom.NAME") if custom else known)
    findings.error(path, f"{quote(item)}; expected {expected}{did_you_mean(item, known)}")
    return False


def _check_attribute(key: str, item: Any, path: Path, findings: Findings) -> bool:
    if item is None or (isinstance(item, str) and item):
        return item is not None
    if _is_custom(key):
        return isinstance(item, (bool, int, float)) or _refuse(path, item, "text, a number, true or false", findings)
    quoted = " in quotes" if isinstance(item, (int, float)) else ""
    return _refuse(path, item, f"text{quoted}", findings)


def _refuse(path: Path, item: Any, expected: str, findings: Findings) -> bool:
    if item is not None:  # reported already, as a key without a value
        findings.error(path, f"found {show(item)}; expected {expected}")
    return False


def _known(key: str, words: Iterable[str]) -> bool:
    return key in words or _is_custom(key)


def _is_custom(key: str) -> bool:
    return key.startswith(_CUSTOM) and len(key) > len(_CUSTOM)
