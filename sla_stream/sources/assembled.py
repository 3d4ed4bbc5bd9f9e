"""Values put together from several places of a record: `text`, `hash` and `find`."""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final

import orjson

from sla_stream.formats.policy_file.findings import Path as Place
from sla_stream.formats.wire_errors import shown
from sla_stream.sources.coercions import as_text
from sla_stream.sources.conditions import compile_where
from sla_stream.sources.language import Language, nothing, refusal
from sla_stream.sources.paths import walk
from sla_stream.sources.scope import MISSING, Read, Scope

_HOLE: Final = re.compile(r"\{([^{}]+)\}")


def compile_text(language: Language, node: Any, at: Place, field: str) -> Read:
    """`text`: paths in braces, and what stands between them. MISSING if one of them leads nowhere."""
    text = language.text(node, at, "text with paths in braces, such as '{account}:{ticket.id}'")
    if text is None:
        return nothing
    holes = _HOLE.findall(text)
    if not holes:
        language.error(at, "found no path in braces; expected for example '{account}:{ticket.id}'")
    form = _HOLE.sub("\0", text)
    reads = [language.reader(hole, at) for hole in holes]
    place = language.place(at)

    def fill(scope: Scope) -> Any:
        filled = form
        for read in reads:
            value = read(scope)
            if value is MISSING or value is None:
                return MISSING
            if isinstance(value, bool) or not isinstance(value, str | int):
                raise refusal(field, text, f"found {shown(value)}; expected text or whole numbers", place)
            filled = filled.replace("\0", as_text(value).replace("\0", ""), 1)
        return filled

    return fill


def compile_hash(language: Language, node: Any, at: Place, field: str) -> Read:
    """`hash`: a fingerprint of values, or of the whole record; the order of keys does not matter in values."""
    nodes = node if isinstance(node, list) else [node]
    reads = [language.reader(item, at, whole=True) for item in nodes]
    place = language.place(at)

    def fingerprint(scope: Scope) -> str:
        digest = hashlib.sha256()
        for read in reads:
            value = read(scope)
            if not isinstance(value, bytes):
                try:
                    value = orjson.dumps(None if value is MISSING else value, option=orjson.OPT_SORT_KEYS)
                except (TypeError, orjson.JSONEncodeError):
                    raise refusal(field, "hash", "nested too deep; expected a flatter value", place) from None
            digest.update(b"%d:" % len(value) + value)
        return digest.hexdigest()[:32]

    return fingerprint


def compile_find(language: Language, node: dict[str, Any], at: Place) -> Read:
    """`find`: the first element of a list that fits `where`, and of it what lies at `take`."""
    elements = language.reader(node["find"], (*at, "find"))
    if "where" in node:
        fits = compile_where(language, node["where"], (*at, "where"))
    else:
        language.error(at, "`where` is missing; expected what the element must hold", key=True)
        return nothing
    path = language.path(node["take"], (*at, "take")) if "take" in node else None
    steps = path.steps if path is not None else ()

    def find(scope: Scope) -> Any:
        found = elements(scope)
        if isinstance(found, list):
            for item in found:
                if fits(item):
                    return walk(item, steps)
        return MISSING

    return find
