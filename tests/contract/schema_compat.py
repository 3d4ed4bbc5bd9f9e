"""Whether every document that one JSON Schema allows is allowed by another: by structure, keyword by keyword.

The comparison knows the keywords that our schemas use, fails on one that it does not know, and where it cannot tell
(a pattern that changed, a condition that was added) it says so as a reason: a person decides then.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import jsonschema_rs

Schema = dict[str, Any]
ANNOTATIONS: Final = {"$schema", "$id", "$defs", "title", "description", "default", "contentEncoding", "examples"}
TYPES: Final = frozenset({"null", "boolean", "object", "array", "number", "integer", "string"})
LOWER: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
UPPER: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
SAME: Final = ("pattern", "format", "propertyNames", "patternProperties")
CONDITION: Final = ("if", "then", "else")
KNOWN: Final = (
    ANNOTATIONS | {*LOWER, *UPPER, *SAME, *CONDITION}
    | {"$ref", "type", "const", "enum", "anyOf", "oneOf", "allOf", "required", "properties", "additionalProperties"}
    | {"items", "uniqueItems"}
)  # fmt: skip
ABOUT: Final = {
    "string": {"minLength", "maxLength", "pattern", "format"},
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"},
    "array": {"items", "minItems", "maxItems", "uniqueItems"},
    "object": {
        "required", "properties", "additionalProperties", "propertyNames", "patternProperties", "minProperties",
        "maxProperties",
    },
}  # fmt: skip
"""Keywords that say something of one type only."""


def reasons(narrow: Schema, wide: Schema, *, may_add: bool) -> list[str]:
    """Why a document that `narrow` allows may not be allowed by `wide`; empty: each one is.

    `may_add`: `wide` may name optional properties that `narrow` leaves to chance (a producer's unknown fields, which
    were ignored before).
    """
    return list(_Comparison(narrow, wide, may_add).compare(narrow, wide, ""))


@dataclass
class _Comparison:
    narrow: Schema
    wide: Schema
    may_add: bool
    _under_way: set[tuple[str, str]] = field(default_factory=set)

    def compare(self, a: Any, b: Any, at: str) -> Iterator[str]:
        """The reasons at one place. A schema that refers to itself is compared once."""
        pair = (repr(a), repr(b))
        if a is False or b is True or pair in self._under_way:
            return
        if b is False:
            yield f"{at or '/'}: nothing is allowed there any more"
            return
        self._under_way.add(pair)
        yield from self._compare(self._opened({} if a is True else a, self.narrow), self._opened(b, self.wide), at)
        self._under_way.discard(pair)

    def _compare(self, a: Schema, b: Schema, at: str) -> Iterator[str]:
        values = _values(a)
        if values is not None:
            frame = {"$schema": self.wide["$schema"], "$defs": self.wide.get("$defs", {})}
            check = jsonschema_rs.validator_for(frame | b)
            yield from (f"{at}: {value!r} is not allowed any more" for value in values if not check.is_valid(value))
            return
        if alternatives := a.get("anyOf") or a.get("oneOf"):
            rest = {name: value for name, value in a.items() if name not in ("anyOf", "oneOf")}
            for one in alternatives:
                yield from self.compare(_both(rest, self._opened(one, self.narrow)), b, at)
            return
        if alternatives := b.get("anyOf") or b.get("oneOf"):
            # of oneOf exactly one must fit; ours never overlap
            if all(list(self.compare(a, one, at)) for one in alternatives):
                yield f"{at}: none of the alternatives allows all of it"
            b = {name: value for name, value in b.items() if name not in ("anyOf", "oneOf")}
        if _values(b) is not None:
            yield f"{at}: only {_values(b)} is allowed"
            return
        types = _types(a)
        if types - _types(b):
            yield f"{at}: type {', '.join(sorted(types - _types(b)))} is not allowed"
        yield from self._bounds(a, b, at, types)
        if "object" in types:
            yield from self._object(a, b, at)
        if "array" in types and "items" in b:
            yield from self.compare(a.get("items", True), b["items"], f"{at}[]")
        yield from self._conditions(a, b, at)

    def _bounds(self, a: Schema, b: Schema, at: str, types: frozenset[str]) -> Iterator[str]:
        kinds = {"number" if one == "integer" else one for one in types}
        about = {name for kind in kinds for name in ABOUT.get(kind, ())}
        for name in about & b.keys():
            lower = name in LOWER and a.get(name, float("-inf")) < b[name]
            if lower or (name in UPPER and a.get(name, float("inf")) > b[name]):
                yield f"{at}: {name} is {b[name]}, was {a.get(name)}"
            elif name in SAME and a.get(name) != b[name]:
                yield f"{at}: {name} is {b[name]!r}, was {a.get(name)!r}"
            elif name == "uniqueItems" and b[name] and not a.get(name):
                yield f"{at}: uniqueItems"

    def _object(self, a: Schema, b: Schema, at: str) -> Iterator[str]:
        missing = set(b.get("required", ())) - set(a.get("required", ()))
        yield from (f"{at}/{name}: required" for name in sorted(missing))
        ours, theirs = a.get("properties", {}), b.get("properties", {})
        others, allowed = a.get("additionalProperties", True), b.get("additionalProperties", True)
        for name, inner in theirs.items():
            if name in ours:
                yield from self.compare(ours[name], inner, f"{at}/{name}")
            elif not (self.may_add and others is True):
                yield from self.compare(others, inner, f"{at}/{name}")
        if "patternProperties" not in b:
            for name in sorted(ours.keys() - theirs.keys()):
                yield from self.compare(ours[name], allowed, f"{at}/{name}")
        yield from self.compare(others, allowed, f"{at}/*")

    def _conditions(self, a: Schema, b: Schema, at: str) -> Iterator[str]:
        """`allOf` and `if`: a condition is kept if there is one with the same `if` that asks for as much."""
        kept = [{name: one.get(name) for name in CONDITION} for one in (a, *a.get("allOf", ())) if "if" in one]
        for wanted in (b, *b.get("allOf", ())):
            if "if" not in wanted:
                if wanted is not b:
                    yield from self.compare(a, wanted, at)
                continue
            same = next((one for one in kept if one["if"] == wanted["if"]), None)
            if same is None:
                yield f"{at}: a condition that was not there, or another: if {wanted['if']}"
                continue
            for branch in ("then", "else"):
                yield from self.compare(same[branch] or {}, wanted.get(branch, True), f"{at}({branch})")

    def _opened(self, schema: Any, root: Schema) -> Schema:
        """The schema with what it refers to in place. Fails on a keyword that the comparison does not know."""
        assert isinstance(schema, dict), schema
        unknown = schema.keys() - KNOWN
        assert not unknown, f"the comparison does not know {', '.join(sorted(unknown))}: teach it"
        if "$ref" not in schema:
            return schema
        found: Any = root
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        rest = {name: value for name, value in schema.items() if name not in ANNOTATIONS | {"$ref"}}
        return _both(rest, self._opened(found, root))


def _both(a: Schema, b: Schema) -> Schema:
    """A schema that asks for both; ours say nothing twice beside a reference or an alternative."""
    twice = (a.keys() & b.keys()) - ANNOTATIONS
    clash = {name for name in twice if a[name] != b[name]}
    assert not clash, f"the comparison cannot join {', '.join(sorted(clash))} said twice: teach it"
    return {**a, **b}


def _values(schema: Schema) -> list[Any] | None:
    """The values of `const` or `enum`; None where there are endlessly many."""
    if "const" in schema:
        return [schema["const"]]
    found: list[Any] | None = schema.get("enum")
    return found


def _types(schema: Schema) -> frozenset[str]:
    said = schema.get("type")
    if said is None:
        return TYPES
    found = {said} if isinstance(said, str) else set(said)
    return frozenset(found | ({"integer"} if "number" in found else set()))
