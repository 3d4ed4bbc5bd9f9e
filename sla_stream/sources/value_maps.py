"""Value maps: a source's words, and what they mean here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sla_stream.formats.policy_file.findings import Path as Place
from sla_stream.formats.policy_file.findings import show
from sla_stream.sources.coercions import as_text
from sla_stream.sources.forms import Forms, Looked
from sla_stream.sources.language import Language
from sla_stream.sources.scope import MISSING, Read, Scope

_REMEMBERED: Final = 2_000

Unknown = Callable[[Scope, str], Any]
"""What a value means that has no entry; may raise InvalidRecord."""


@dataclass(frozen=True, slots=True)
class ValueMap:
    """`entries`: the source's word -> what is written."""

    entries: dict[str, Any]

    def reader(
        self, forms: Forms, read: Read, change: Callable[[str], str] | None, unknown: Unknown, on_null: Any
    ) -> Read:
        """Reads a value, changes its text if so told, and looks it up.

        What is missing stays so; a null becomes `on_null`.
        """
        entries = self.entries
        met: dict[str, Any] = {} if change is not None else entries

        def look_up(scope: Scope) -> Any:
            value = read(scope)
            if value.__class__ is not str:
                if value is MISSING:
                    return value
                if value is None:
                    return on_null
                value = as_text(value)
            found = met.get(value, MISSING)
            if found is not MISSING:
                return found
            word = value if change is None else change(value)
            found = entries.get(word, MISSING)
            if found is MISSING:
                return unknown(scope, word)
            if len(met) < _REMEMBERED:
                met[value] = found
            return found

        forms[look_up] = Looked(read, met, on_null)
        return look_up


def compile_map(language: Language, node: Any, at: Place, finished: Callable[[Any, Place], Any]) -> ValueMap:
    """The map at `at`; each of its values must be what the field may hold."""
    if not isinstance(node, dict) or not node:
        language.error(at, f"found {show(node)}; expected a mapping of the source's values to ours")
        return ValueMap({})
    return ValueMap({word: finished(value, (*at, word)) for word, value in node.items()})
