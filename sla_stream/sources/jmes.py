"""The escape hatch: JMESPath, for what paths and maps cannot say. About ten times slower than a path."""

from __future__ import annotations

from typing import Any, Final

import jmespath
from jmespath.exceptions import JMESPathError

from sla_stream.errors import InvalidRecord
from sla_stream.formats.policy_file.findings import Path as Place
from sla_stream.sources.language import Language, nothing
from sla_stream.sources.scope import MISSING, Read, Scope

_FAILURES: Final = (JMESPathError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)


def compile_jmespath(language: Language, node: Any, at: Place) -> Read:
    """Searches the body. A null result, which JMESPath also gives for what is not there, counts as MISSING."""
    text = language.text(node, at, "a JMESPath expression")
    if text is None:
        return nothing
    try:
        expression = jmespath.compile(text)
    except (*_FAILURES, KeyError) as error:
        language.error(at, f"not a JMESPath expression: {str(error).splitlines()[0]}")
        return nothing
    place = language.place(at)

    def search(scope: Scope) -> Any:
        try:
            value = expression.search(scope.body)
        except _FAILURES as error:
            reason = str(error).splitlines()[0]
            raise InvalidRecord("schema", f"jmespath {text}: {reason} ({place})") from None
        return MISSING if value is None else value

    return language.traced(f"jmespath {text}", search)
