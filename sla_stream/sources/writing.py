"""Python code that reads values of a record and tests conditions, without a call where a form allows it.

A value that is read twice is walked to once: names of what was read are kept, for as long as the block lasts in which
it was read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from sla_stream.sources.forms import (
    All,
    Among,
    AnyOf,
    At,
    Changed,
    Chosen,
    Condition,
    Constant,
    Filled,
    First,
    Forms,
    Looked,
    Present,
    Required,
    Same,
    Text,
)
from sla_stream.sources.paths import Path
from sla_stream.sources.scope import MISSING, Read

_MOST_CASES: Final = 6
"""Cases written as nested blocks; more are left to their closure."""


class _Nulls(dict[str, Any]):
    """Stands for a null that a path leads through: whatever lies below is null."""

    def get(self, key: str, default: Any = None) -> Any:
        return None


class Writer:
    """Lines of a function body, and the objects that occur in it by name."""

    def __init__(self, forms: Forms) -> None:
        self.names: dict[str, Any] = {"MISSING": MISSING, "EMPTY": {}, "NULLS": _Nulls()}
        self.lines: list[str] = []
        self._forms = forms
        self._depth = 1
        self._count = 0
        self._read: list[dict[Any, str]] = [{}]

    def line(self, text: str) -> None:
        self.lines.append(f"{' ' * self._depth}{text}")

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """An indented block; what is read in it is not known after it."""
        self.line(head)
        self._depth += 1
        self._read.append({})
        yield
        self._read.pop()
        self._depth -= 1

    def fresh(self, stem: str = "v") -> str:
        """A name that is not used yet."""
        self._count += 1
        return f"{stem}{self._count}"

    def bind(self, value: Any, stem: str = "o") -> str:
        """A name for an object."""
        name = self.fresh(f"{stem}_")
        self.names[name] = value
        return name

    def constant(self, read: Read) -> Constant | None:
        """The form of a reader that always gives the same."""
        form = self._forms.get(read)
        if isinstance(form, Required):
            inner = self.constant(form.read)
            return inner if inner is not None and inner.value is not MISSING and inner.value is not None else None
        return form if isinstance(form, Constant) else None

    def may_be_missing(self, read: Read) -> bool:
        return not isinstance(self._forms.get(read), Required)

    def remember(self, let: int, name: str) -> None:
        """The named value at a position is in this variable."""
        self._read[-1]["let", let, ()] = name

    # -- values --------------------------------------------------------------------------------------------------

    def value(self, read: Read) -> str:
        """Writes what reads a value; the name of the variable that holds it then."""
        match self._forms.get(read):
            case At(path, let):
                return self._at(read, path, let)
            case Constant(value):
                return self.bind(value)
            case Required(inner):
                name = self.value(inner)
                if self.constant(read) is not None:
                    return name
                self.line(f"if {name} is MISSING or {name} is None: {self.bind(read)}(scope)")
                return name
            case Filled(inner, value):
                found, name = self.value(inner), self.fresh()
                self.line(f"{name} = {self.bind(value)} if {found} is MISSING or {found} is None else {found}")
                return name
            case Text(inner):
                found, name = self.value(inner), self.fresh()
                self.line(f"{name} = {found}")
                self.line(f"if {found}.__class__ is not str and {found} is not None and {found} is not MISSING:")
                self.line(f" {name} = {self.bind(read)}(scope)")
                return name
            case Changed(inner, test, change, on_null, names):
                self.names.update(names)
                found, name = self.value(inner), self.fresh()
                self.line(f"if {test.format(v=found)}: {name} = {change.format(v=found)}")
                return self._otherwise(read, found, name, on_null)
            case Looked(inner, met, on_null):
                found, name = self.value(inner), self.fresh()
                self.line(f"if {found}.__class__ is str:")
                self.line(f" {name} = {self.bind(met.get)}({found}, MISSING)")
                self.line(f" if {name} is MISSING: {name} = {self.bind(read)}(scope)")
                return self._otherwise(read, found, name, on_null)
            case First(reads):
                return self._first(read, reads)
            case Chosen(cases, rest) if len(cases) <= _MOST_CASES:
                name = self.fresh()
                self._choose(name, cases, rest)
                return name
            case _:
                return self._called(read)

    def text(self, read: Read, into: str, name: str) -> bool:
        """Writes what sets a field of text, the most frequent kind, in one go; False if it is of another kind."""
        form = self._forms.get(read)
        if not isinstance(form, Text):
            return False
        found, other = self.value(form.read), self.fresh()
        self.line(f"if {found}.__class__ is str or {found} is None: {into}[{name!r}] = {found}")
        self.line(f"elif {found} is not MISSING:")
        self.line(f" {other} = {self.bind(read)}(scope)")
        self.line(f" if {other} is not MISSING: {into}[{name!r}] = {other}")
        return True

    def _called(self, read: Read) -> str:
        name = self.fresh()
        self.line(f"{name} = {self.bind(read)}(scope)")
        return name

    def _otherwise(self, read: Read, found: str, name: str, on_null: Any) -> str:
        """The rest of an `if`: what is not there, null, and the unusual."""
        self.line(f"elif {found} is MISSING: {name} = MISSING")
        self.line(f"elif {found} is None: {name} = {self.bind(on_null)}")
        self.line(f"else: {name} = {self.bind(read)}(scope)")
        return name

    def _first(self, read: Read, reads: list[Read]) -> str:
        """The first two in place, the others by the closure."""
        name = self.fresh()
        self.line(f"{name} = {self.value(reads[0])}")
        with self.block(f"if {name} is MISSING or {name} is None:"):
            if len(reads) > 1:
                self.line(f"{name} = {self.value(reads[1])}")
            self.line(f"if {name} is MISSING or {name} is None: {name} = {self.bind(read)}(scope)")
        return name

    def _choose(self, name: str, cases: list[tuple[Condition, Read]], rest: Read) -> None:
        if not cases:
            self.line(f"{name} = {self.value(rest)}")
            return
        (when, read), *others = cases
        with self.block(f"if {self.condition(when)}:"):
            self.line(f"{name} = {self.value(read)}")
        with self.block("else:"):
            self._choose(name, others, rest)

    # -- paths ---------------------------------------------------------------------------------------------------

    def _at(self, read: Read, path: Path, let: int) -> str:
        if path.root == "header":
            return self._once(("header", path.name), f"scope.header({path.name!r})")
        if path.root not in ("body", "let") or not all(isinstance(step, str) for step in path.steps):
            return self._called(read)
        return self._walk(path.root, let, path.steps)

    def _walk(self, root: str, let: int, steps: tuple[Any, ...]) -> str:
        if steps:
            return self._once((root, let, steps), f"{self._node(root, let, steps[:-1])}.get({steps[-1]!r}, MISSING)")
        return self._known((root, let, ())) or f"scope.named[{let}]"

    def _node(self, root: str, let: int, steps: tuple[Any, ...]) -> str:
        """The object at a path, or something that answers as if one were there."""
        if root == "body" and not steps:
            return "body"
        value = self._walk(root, let, steps)
        return self._once(
            ("node", root, let, steps),
            f"{value} if {value}.__class__ is dict else NULLS if {value} is None else EMPTY",
        )

    def _once(self, key: Any, code: str) -> str:
        name = self._known(key)
        if name is None:
            name = self.fresh()
            self.line(f"{name} = {code}")
            self._read[-1][key] = name
        return name

    def _known(self, key: Any) -> str | None:
        return next((names[key] for names in reversed(self._read) if key in names), None)

    # -- conditions ----------------------------------------------------------------------------------------------

    def condition(self, condition: Condition) -> str:
        """Writes what tests a condition; the name of the variable that says whether it holds."""
        name = self.fresh("c")
        match self._forms.get(condition):
            case Among(read, words):
                found = self.value(read)
                test = f"{found} == {next(iter(words))!r}" if len(words) == 1 else f"{found} in {self.bind(words)}"
                there = f"{found} is not MISSING and {found} is not None"
                call = f"{self.bind(condition)}(scope)"
                self.line(f"{name} = {test} if {found}.__class__ is str else {there} and {call}")
            case Present(read, wanted):
                found = self.value(read)
                self.line(f"{name} = {'not ' * (not wanted)}({found} is not MISSING and {found} is not None)")
            case Same(one, other, wanted):
                left, right = self.value(one), self.value(other)
                texts = f"{left}.__class__ is str and {right}.__class__ is str"
                call = f"{self.bind(condition)}(scope)"
                self.line(f"{name} = {left} {'==' if wanted else '!='} {right} if {texts} else {call}")
            case All(terms):
                self._terms(name, terms, f"if {name}:")
            case AnyOf(terms):
                self._terms(name, terms, f"if not {name}:")
            case _:
                self.line(f"{name} = {self.bind(condition)}(scope)")
        return name

    def _terms(self, name: str, terms: list[Condition], go_on: str) -> None:
        self.line(f"{name} = {self.condition(terms[0])}")
        for term in terms[1:]:
            with self.block(go_on):
                self.line(f"{name} = {self.condition(term)}")


def compiled(writer: Writer, head: str, name: str) -> Callable[..., Any]:
    """The function whose body was written. `name` stands in tracebacks."""
    source = "\n".join([head, *writer.lines]) + "\n"
    exec(compile(source, f"<{name}>", "exec"), writer.names)
    function: Callable[..., Any] = writer.names["run"]
    return function
