"""Documents that a JSON Schema of ours allows, as a Hypothesis strategy: also those that no example shows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import jsonschema_rs
from hypothesis import strategies as st

Schema = dict[str, Any]
ANY: Final = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5)
_BEGIN, _END = datetime(1970, 1, 1), datetime(9999, 12, 31)


def documents(schema: Schema) -> st.SearchStrategy[Any]:
    """Valid documents, `format` included."""
    check = jsonschema_rs.validator_for(schema, validate_formats=True)
    return _Maker(schema).make(schema).filter(check.is_valid)


class _Maker:
    def __init__(self, root: Schema) -> None:
        self._root = root

    def make(self, schema: Any) -> st.SearchStrategy[Any]:
        """Documents that fit mostly; what does not is filtered out at the end."""
        if schema is True:
            return ANY
        schema = self._opened(schema)
        conditions = [one for one in (schema, *schema.get("allOf", ())) if "if" in one]
        if conditions:
            return self._conditional(schema, conditions)
        if "const" in schema:
            return st.just(schema["const"])
        if "enum" in schema:
            fits = jsonschema_rs.validator_for({"type": schema["type"]}).is_valid if "type" in schema else _anything
            return st.sampled_from([value for value in schema["enum"] if fits(value)])
        if alternatives := schema.get("anyOf") or schema.get("oneOf"):
            opened = [self._opened(one) for one in alternatives]
            asked = schema.get("type")
            return st.one_of(*(self.make(one) for one in opened if asked is None or one.get("type") in (asked, None)))
        types = schema.get("type", "object" if "properties" in schema else None)
        if types is None:
            return ANY
        return st.one_of(*(self._of_type(one, schema) for one in ([types] if isinstance(types, str) else types)))

    def _conditional(self, schema: Schema, conditions: list[Schema]) -> st.SearchStrategy[Any]:
        """First what the conditions ask about, then the rest as they want it."""
        plain = {name: value for name, value in schema.items() if name not in ("if", "then", "else", "allOf")}
        asked = {name for one in conditions for name in one["if"].get("properties", {})}
        first = st.fixed_dictionaries({name: self.make(plain["properties"][name]) for name in sorted(asked)})

        def rest(found: dict[str, Any]) -> st.SearchStrategy[Any]:
            wanted = _overlaid(plain, {"properties": {name: {"const": value} for name, value in found.items()}})
            for one in conditions:
                holds = jsonschema_rs.validator_for(one["if"]).is_valid(found)
                wanted = _overlaid(wanted, one.get("then" if holds else "else", {}))
            return self.make(wanted)

        return first.flatmap(rest)

    def _of_type(self, kind: str, schema: Schema) -> st.SearchStrategy[Any]:
        low, high = schema.get("minimum"), schema.get("maximum")
        match kind:
            case "null":
                return st.none()
            case "boolean":
                return st.booleans()
            case "integer":
                return st.integers(low, high)
            case "number":
                return st.integers(low, high) | st.floats(low, high, allow_nan=False, allow_infinity=False, width=32)
            case "array":
                items = self.make(schema.get("items", True))
                return st.lists(items, min_size=schema.get("minItems", 0), max_size=3)
            case "object":
                return self._object(schema)
            case _:
                return self._text(schema)

    def _text(self, schema: Schema) -> st.SearchStrategy[str]:
        if schema.get("format") == "date-time":
            return st.datetimes(_BEGIN, _END, timezones=st.just(UTC)).map(
                lambda at: at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            )
        if schema.get("format") == "uuid":
            return st.uuids().map(str)
        if "pattern" in schema:
            return st.from_regex(schema["pattern"], alphabet=st.characters(max_codepoint=126, min_codepoint=32))
        if "format" in schema:
            return st.just("/source")
        low, high = schema.get("minLength", 0), min(schema.get("maxLength", 12), 12)
        return st.text(st.characters(exclude_categories=("Cs",)), min_size=low, max_size=high)

    def _object(self, schema: Schema) -> st.SearchStrategy[dict[str, Any]]:
        properties, required = schema.get("properties", {}), set(schema.get("required", ()))
        made = {name: self.make(inner) for name, inner in properties.items()}
        fixed = st.fixed_dictionaries(
            {name: made.get(name, ANY) for name in sorted(required)},
            optional={name: inner for name, inner in made.items() if name not in required},
        )
        others = schema.get("additionalProperties", True)
        if others is False:
            return fixed
        names = st.text("abcxyz_", min_size=1, max_size=6).filter(lambda name: name not in properties)
        more = st.dictionaries(names, self.make(others), max_size=2)
        return st.builds(lambda foreign, known: {**foreign, **known}, more, fixed)

    def _opened(self, schema: Schema) -> Schema:
        if "$ref" not in schema:
            return schema
        found: Any = self._root
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return self._opened(_overlaid(found, {name: value for name, value in schema.items() if name != "$ref"}))


def _anything(_: Any) -> bool:
    return True


def _overlaid(base: Schema, more: Schema) -> Schema:
    """The base with what a condition adds; where both say something of one thing the addition counts."""
    joined = dict(base)
    for name, value in more.items():
        there = joined.get(name)
        if name == "properties" and isinstance(there, dict):
            more_of_it = {key: _overlaid(there[key], one) if key in there else one for key, one in value.items()}
            joined[name] = {**there, **more_of_it}
        elif name == "required" and isinstance(there, list):
            joined[name] = [*there, *value]
        else:
            joined[name] = value
    return joined
