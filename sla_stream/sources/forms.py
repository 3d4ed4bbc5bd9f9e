"""What a compiled reader or condition does, for the usual value: the material of `generating`.

A closure is the meaning of an expression, whatever a record holds. A form says in addition what it comes down to for
the values that most records hold, so that code without calls can be written for those. Where there is no form, or a
value is unusual, the closure is called: a form never has to be complete, only right.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sla_stream.sources.paths import Path
from sla_stream.sources.scope import Read, Scope

Condition = Callable[[Scope], bool]


@dataclass(frozen=True, slots=True)
class At:
    """What lies at a path. `let`: the position of the named value it starts from."""

    path: Path
    let: int


@dataclass(frozen=True, slots=True)
class Constant:
    """The same for every record."""

    value: Any


@dataclass(frozen=True, slots=True)
class Text:
    """Text and null pass as they are."""

    read: Read


@dataclass(frozen=True, slots=True)
class Changed:
    """`change` where `test` holds. Both are Python with `{v}` for the value, `names` what else occurs in them.

    A null becomes `on_null`.
    """

    read: Read
    test: str
    change: str
    on_null: Any
    names: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Looked:
    """Text that `met` has an entry for becomes that; a null becomes `on_null`."""

    read: Read
    met: dict[str, Any]
    on_null: Any


@dataclass(frozen=True, slots=True)
class Filled:
    """`value` where nothing is there, or a null."""

    read: Read
    value: Any


@dataclass(frozen=True, slots=True)
class Required:
    """Refused where nothing is there, or a null."""

    read: Read


@dataclass(frozen=True, slots=True)
class First:
    """The first that is there."""

    reads: list[Read]


@dataclass(frozen=True, slots=True)
class Chosen:
    """By conditions."""

    cases: list[tuple[Condition, Read]]
    rest: Read


@dataclass(frozen=True, slots=True)
class Among:
    """Whether a text is one of `words`."""

    read: Read
    words: frozenset[str]


@dataclass(frozen=True, slots=True)
class Present:
    """Whether there is something other than null."""

    read: Read
    wanted: bool


@dataclass(frozen=True, slots=True)
class Same:
    """Whether two texts are equal; what is no text is the closure's."""

    one: Read
    other: Read
    wanted: bool


@dataclass(frozen=True, slots=True)
class All:
    """Whether every one holds."""

    terms: list[Condition]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Whether one holds."""

    terms: list[Condition]


ReadForm = At | Constant | Text | Changed | Looked | Filled | Required | First | Chosen
ConditionForm = Among | Present | Same | All | AnyOf
Forms = dict[Callable[[Scope], Any], ReadForm | ConditionForm]
