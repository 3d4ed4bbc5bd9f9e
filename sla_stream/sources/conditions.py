"""Conditions of a mapping: `when`, `accept`, `ignore`, and `where` of a `find`.

A mapping of paths to what is expected there, all of which must hold; a list of such mappings, any of which may.
Values are compared as text, so 3 and "3" are equal. Expected may be a scalar, a list of them (any), null (nothing
there), or one of `not`, `present`, `starts_with`, `contains`, `same_as`, `not_same_as`, `near` (two instants at most
a minute apart).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sla_stream.formats.policy_file.findings import Path as Place
from sla_stream.formats.policy_file.findings import did_you_mean, one_of, show
from sla_stream.sources.coercions import any_time, as_text
from sla_stream.sources.forms import All, Among, AnyOf, Condition, ConditionForm, Present, Same
from sla_stream.sources.jmes import compile_jmespath
from sla_stream.sources.language import Language
from sla_stream.sources.paths import walk
from sla_stream.sources.scope import MISSING

Test = Callable[[Any], bool]
"""Of a read value, which may be MISSING or None."""

OPERATORS: Final = ("not", "present", "starts_with", "contains", "same_as", "not_same_as", "near")
_TWO_PATHS: Final = ("same_as", "not_same_as", "near")
_NEAR_MS: Final = 60_000
_JMESPATH: Final = "jmespath"


def compile_condition(language: Language, node: Any, at: Place) -> Condition:
    """The condition that stands at `at`; errors of the file go to the language's findings."""
    if isinstance(node, list):
        if not node:
            language.error(at, "found an empty list; expected at least one condition")
        any_of = [compile_condition(language, item, (*at, index)) for index, item in enumerate(node)]
        return _any(language, any_of)
    if not isinstance(node, dict) or not node:
        language.error(at, f"found {show(node)}; expected a mapping of paths to values, as in `kind: [a, b]`")
        return _never
    terms = [_term(language, path, value, (*at, path)) for path, value in node.items()]
    return _all(language, terms)


def compile_where(language: Language, node: Any, at: Place) -> Test:
    """A condition on an element of a list; its paths start at the element."""
    if not isinstance(node, dict) or not node:
        language.error(at, f"found {show(node)}; expected a mapping of paths to values, as in `field: status`")
        return _never
    terms: list[Test] = []
    for text, value in node.items():
        path = language.path(text, (*at, text))
        if path is not None and path.root != "body":
            language.error((*at, text), "expected a path within the element", key=True)
        steps = path.steps if path is not None else ()
        test = _test(language, value, (*at, text))
        terms.append(lambda item, steps=steps, test=test: test(walk(item, steps)))  # type: ignore[misc]
    return lambda item: all(term(item) for term in terms)


def _any(language: Language, terms: list[Condition]) -> Condition:
    if len(terms) == 1:
        return terms[0]
    return _noted(language, lambda scope: any(term(scope) for term in terms), AnyOf(terms))


def _all(language: Language, terms: list[Condition]) -> Condition:
    if len(terms) == 1:
        return terms[0]
    return _noted(language, lambda scope: all(term(scope) for term in terms), All(terms))


def _term(language: Language, path: str, node: Any, at: Place) -> Condition:
    if path == _JMESPATH:
        search = compile_jmespath(language, node, at)
        return lambda scope: bool(search(scope))
    read = language.reader(path, at)
    if isinstance(node, dict) and len(node) == 1 and (op := next(iter(node))) in _TWO_PATHS:
        other = language.reader(node[op], (*at, op))
        if op == "near":
            return lambda scope: _near(read(scope), other(scope))
        wanted = op == "same_as"
        return _noted(language, lambda scope: _same(read(scope), other(scope)) is wanted, Same(read, other, wanted))
    if node is not None and not isinstance(node, dict):
        words = _words(language, node, at)
        return _noted(language, lambda scope: _among(read(scope), words), Among(read, words))
    test = _test(language, node, at)
    form = Present(read, node is not None and node.get("present") is True)
    plain = node is None or "present" in node
    return _noted(language, lambda scope: test(read(scope)), form if plain else None)


def _noted(language: Language, condition: Condition, form: ConditionForm | None) -> Condition:
    if form is not None:
        language.forms[condition] = form
    return condition


def _among(value: Any, words: frozenset[str]) -> bool:
    return value in words if value.__class__ is str else _word(value) in words


def _test(language: Language, node: Any, at: Place) -> Test:
    if isinstance(node, dict):
        return _operator(language, node, at)
    if node is None:
        return lambda value: value is None or value is MISSING
    words = _words(language, node, at)
    return lambda value: _among(value, words)


def _operator(language: Language, node: dict[str, Any], at: Place) -> Test:
    name = next(iter(node), "")
    if len(node) != 1 or name not in OPERATORS:
        hint = did_you_mean(name, OPERATORS)
        language.error(at, f"found {show(name or None)}; expected one of {one_of(OPERATORS)}, or values{hint}")
        return _never
    inside, place = node[name], (*at, name)
    if name == "not":
        test = _test(language, inside, place)
        return lambda value: not test(value)
    if name == "present":
        if not isinstance(inside, bool):
            language.error(place, f"found {show(inside)}; expected true or false")
        return lambda value: (value is not MISSING and value is not None) is inside
    if name in _TWO_PATHS:
        language.error(place, "not possible here; expected a value", key=True)
        return _never
    words = _words(language, inside, place)
    if name == "starts_with":
        starts = tuple(words)
        return lambda value: isinstance(value, str) and value.startswith(starts)
    return lambda value: _contains(value, words)


def _words(language: Language, node: Any, at: Place) -> frozenset[str]:
    """The expected values as text."""
    found = node if isinstance(node, list) else [node]
    if not found or any(item is None or isinstance(item, dict | list) for item in found):
        language.error(at, f"found {show(node)}; expected a value or a list of values")
        return frozenset()
    return frozenset(as_text(item) for item in found)


def _word(value: Any) -> str | None:
    """A value as text; None if it is none, an object or an array."""
    if value is None or value is MISSING or isinstance(value, dict | list):
        return None
    return as_text(value)


def _contains(value: Any, words: frozenset[str]) -> bool:
    if isinstance(value, list):
        return any(_word(item) in words for item in value)
    return isinstance(value, str) and any(word in value for word in words)


def _same(one: Any, other: Any) -> bool:
    word = _word(one)
    return word is not None and word == _word(other)


def _near(one: Any, other: Any) -> bool:
    if _word(one) is None or _word(other) is None:
        return False
    try:
        return abs(any_time(one) - any_time(other)) <= _NEAR_MS
    except ValueError:
        return False


def _never(value: Any) -> bool:
    return False
