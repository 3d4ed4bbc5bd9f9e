"""Whatever happens to a policy file, it is either understood or refused with sentences that name a place."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sla_stream.core.policy import PolicySet
from sla_stream.errors import ConfigError
from sla_stream.formats.policy_file import lint_policies, parse_policies

EXAMPLES = Path(__file__).parents[3] / "schemas" / "examples" / "policies" / "v1"
TEXT = (EXAMPLES / "complete.yaml").read_text()
TREE: dict[str, Any] = yaml.load(TEXT, Loader=yaml.BaseLoader)
PLACE = re.compile(r"p\.(?:yaml|json):[1-9][0-9]*:[1-9][0-9]*: .+")

SNIPPETS = st.sampled_from(
    ["{", "}", "[", "]", ":", ": ", "- ", "\n", "  ", "&a", "*a", "*", "!", "!!int ", "'", '"', "#", "|", ">", "%",
     "@", "~", "null", "true", "1", "-1", "1e9", ".nan", "0x", "2bd", "100%", "24x7", "<<", "? ", "\t", "\x00",
     "\ufeff", "\u2028", "é", "😀", "---", "...", "apiVersion", "mon-fri", "policies"]
)  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=8),
    st.sampled_from(["1h", "0s", "2bd", "80%", "+1h", "mon", "08:00-09:00", "2026-01-01", "24x7", "UTC", "open"]),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=6,
)


def check(text: str, name: str) -> None:
    try:
        assert isinstance(parse_policies(text, name, EXAMPLES), PolicySet)
        refused = False
    except ConfigError as error:
        refused = True
        for line in str(error).split("\n"):
            assert PLACE.fullmatch(line), line
    findings = lint_policies(text, name, EXAMPLES)
    assert any(finding.severity == "error" for finding in findings) == refused


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, len(TEXT)), st.integers(0, 12), st.one_of(SNIPPETS, st.text(max_size=4))),
        min_size=1,
        max_size=4,
    )
)
def test_any_edit_of_the_text(edits: list[tuple[int, int, str]]) -> None:
    text = TEXT
    for position, removed, added in edits:
        text = text[:position] + added + text[position + removed :]
    check(text, "p.yaml")


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for step, item in below for found in paths(item, (*path, step)))]


PATHS = paths(TREE)[1:]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PATHS), VALUES), min_size=1, max_size=4), st.booleans())
def test_any_value_in_any_place(changes: list[tuple[tuple[Any, ...], Any]], remove: bool) -> None:
    tree = json.loads(json.dumps(TREE))
    for path, value in changes:
        parent = tree
        try:
            for step in path[:-1]:
                parent = parent[step]
            if remove and isinstance(parent, dict):
                del parent[path[-1]]
            else:
                parent[path[-1]] = value
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took the place away
    check(json.dumps(tree), "p.json")
    check(json.dumps(tree, ensure_ascii=False, indent=1), "p.yaml")
