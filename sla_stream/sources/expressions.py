"""Expressions of a mapping file: where a value comes from, and what is done to it on the way.

    issue.key                                                     a path
    {path: timestamp, as: epoch_ms}                               a path and what its value means
    {path: prio, map: {1: urgent, 2: high}, default: normal}      a value map; without default, others are refused
    {path: state, map: {...}, otherwise: {path: category, ...}}   where the map has no entry, look there
    {first: [a.b, {path: c, as: lower}]}                          the first that is there
    {text: "{account}:{ticket.id}"}                               put together
    {find: changelog.items, where: {field: status}, take: to}     the first element that fits, and what of it
    {cases: [{when: {...}, then: pending}], otherwise: ...}       by conditions
    {value: chat} · {hash: "@body"} · {jmespath: "..."}           a constant, a fingerprint, the escape hatch

Source, then `as`, then `map`. `absent: X` stands for what is missing or null, `required: true` refuses it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from zoneinfo import ZoneInfo

from sla_stream.formats.instants import format_instant
from sla_stream.formats.policy_file.findings import Path as Place
from sla_stream.formats.policy_file.findings import did_you_mean, one_of, quote, show
from sla_stream.formats.policy_file.scalars import read_timezone
from sla_stream.sources.assembled import compile_find, compile_hash, compile_text
from sla_stream.sources.coercions import PLAIN, TIMES, ZONED, Coercion, Instant
from sla_stream.sources.conditions import compile_condition
from sla_stream.sources.fields import INSTANTS, Finish, finish_of, scalar, text_or_null
from sla_stream.sources.forms import Changed, Chosen, Constant, Filled, First, Looked, ReadForm, Required, Text
from sla_stream.sources.jmes import compile_jmespath
from sla_stream.sources.language import Language, nothing, refusal
from sla_stream.sources.scope import MISSING, Read, Scope
from sla_stream.sources.usual import NOTHING_USUAL, REMEMBERED, USUAL, USUAL_TIMES, Usual
from sla_stream.sources.value_maps import Unknown, compile_map

SOURCES: Final = ("path", "value", "first", "text", "find", "cases", "hash", "jmespath")
MODIFIERS: Final = ("as", "zone", "map", "otherwise", "default", "absent", "required")
_BESIDE: Final = {"find": ("where", "take")}


def compile_field(language: Language, node: Any, at: Place, field: str, required: bool = False) -> Read:
    """Reads a field of a ticket event, ready to be written. Raises InvalidRecord for what it may not hold."""
    return _Expression(language, field, finish_of(field)).compile(node, at, required)


def compile_value(language: Language, node: Any, at: Place, name: str) -> Read:
    """Reads a value of any kind, as `let` names it."""
    return _Expression(language, name, None).compile(node, at, False)


class _Expression:
    """Compiles the expressions of one field."""

    def __init__(self, language: Language, field: str, finish: Finish | None) -> None:
        self.language = language
        self.field = field
        self.finish = finish

    def compile(self, node: Any, at: Place, required: bool) -> Read:
        if not isinstance(node, dict):
            node = {"path": node}
        source = self._source_name(node, at)
        if source is None:
            return nothing
        language = self.language
        language.known_keys(node, at, (source, *_BESIDE.get(source, ()), *MODIFIERS))
        required = required or self._flag(node, at)
        about = self._about(node, source)
        if source in ("cases", "value"):
            read = self._cases(node, at) if source == "cases" else self._constant(node, at)
        else:
            read = self._changed(self._source(node, source, at), node, at, about)
        return self._guarded(read, node, at, about, required)

    def _source_name(self, node: dict[str, Any], at: Place) -> str | None:
        found = [name for name in SOURCES if name in node]
        if len(found) == 1:
            return found[0]
        if not found and node:
            hints = (did_you_mean(key, SOURCES) for key in node if key not in MODIFIERS)
            hint = next((text for text in hints if text), "")
            self.language.error(at, f"found none of {one_of(SOURCES)}; expected one{hint}")
        else:
            several = " and ".join(found) or "an empty mapping"
            self.language.error(at, f"found {several}; expected one of {one_of(SOURCES)}")
        return None

    def _flag(self, node: dict[str, Any], at: Place) -> bool:
        flag = node.get("required", False)
        if not isinstance(flag, bool):
            self.language.error((*at, "required"), f"found {show(flag)}; expected true or false")
        return flag is True

    def _about(self, node: dict[str, Any], source: str) -> str:
        found = node[source]
        if source in ("path", "text", "find"):
            return str(found)
        if source == "first" and isinstance(found, list):
            return " or ".join(str(item.get("path", "...") if isinstance(item, dict) else item) for item in found)
        return source

    # -- sources -------------------------------------------------------------------------------------------------

    def _source(self, node: dict[str, Any], source: str, at: Place) -> Read:
        place = (*at, source) if (*at, source) in self.language.findings.places.values else at
        found = node[source]
        if source == "path":
            return self.language.reader(found, place)
        if source == "jmespath":
            return compile_jmespath(self.language, found, place)
        if source == "first":
            return self._first(found, place)
        if source == "text":
            return compile_text(self.language, found, place, self.field)
        if source == "hash":
            return compile_hash(self.language, found, place, self.field)
        return compile_find(self.language, node, at)

    def _first(self, node: Any, at: Place) -> Read:
        if not isinstance(node, list) or not node:
            self.language.error(at, f"found {show(node)}; expected a list of paths or expressions")
            return nothing
        inner = _Expression(self.language, self.field, None)
        reads = [inner.compile(item, (*at, index), False) for index, item in enumerate(node)]

        def first(scope: Scope) -> Any:
            empty: Any = MISSING
            for read in reads:
                value = read(scope)
                if value is None:
                    empty = None
                elif value is not MISSING:
                    return value
            return empty

        return self._noted(first, First(reads))

    def _cases(self, node: dict[str, Any], at: Place) -> Read:
        cases = node["cases"]
        if not isinstance(cases, list) or not cases or not all(isinstance(case, dict) for case in cases):
            self.language.error((*at, "cases"), "expected a list of `{when: ..., then: ...}`")
            return nothing
        for name in ("as", "map", "default", "zone"):
            if name in node:
                self.language.error((*at, name), f"`{name}` does not go with `cases`; put it into a case", key=True)
        compiled = []
        for index, case in enumerate(cases):
            place = (*at, "cases", index)
            self.language.known_keys(case, place, ("when", "then", "use"))
            if "when" not in case or ("then" in case) == ("use" in case):
                self.language.error(place, "expected `when`, and `then` (a value) or `use` (an expression)")
                continue
            when = compile_condition(self.language, case["when"], (*place, "when"))
            if "then" in case:
                read = self._constant({"value": case["then"]}, (*place, "then"))
            else:
                read = self.compile(case["use"], (*place, "use"), False)
            compiled.append((when, read))
        rest = self.compile(node["otherwise"], (*at, "otherwise"), False) if "otherwise" in node else nothing

        def choose(scope: Scope) -> Any:
            for when, read in compiled:
                if when(scope):
                    return read(scope)
            return rest(scope)

        return self._noted(choose, Chosen(compiled, rest))

    def _constant(self, node: dict[str, Any], at: Place) -> Read:
        value = self._finished(node["value"], at)
        return self._noted(lambda scope: value, Constant(value))

    def _noted(self, read: Read, form: ReadForm) -> Read:
        self.language.forms[read] = form
        return read

    # -- what is done to a value ---------------------------------------------------------------------------------

    def _changed(self, read: Read, node: dict[str, Any], at: Place, about: str) -> Read:
        """Source, `as`, `map`, and the last step."""
        coerce = self._coercion(node, at)
        if "map" in node:
            lower = node.get("as") == "lower"
            if coerce is not None and not lower:
                read = self._applied(read, coerce, at, about)
            table = compile_map(self.language, node["map"], (*at, "map"), self._finished)
            on_null = None if self.finish is None else self.finish(None)
            unknown = self._unknown(node, at, about, list(table.entries))
            return table.reader(self.language.forms, read, str.lower if lower else None, unknown, on_null)
        for name in ("default", "otherwise"):
            if name in node:
                self.language.error(
                    (*at, name), f"`{name}` is for values without an entry in `map`; for missing ones use `absent`",
                    key=True,
                )  # fmt: skip
        finish = self.finish
        if coerce is not None and finish is not None:
            if self.field in INSTANTS and node["as"] in TIMES:
                time, usual = coerce, USUAL_TIMES.get(node["as"])
                if node["as"] == "end_of_day":
                    return self._day(read, time, at, about, finish)
                return self._applied(read, lambda value: format_instant(time(value)), at, about, finish, usual)
            both, last = coerce, finish
            return self._applied(read, lambda value: last(both(value)), at, about, finish)
        if coerce is not None:
            time = coerce
            marked = (lambda value: Instant(time(value))) if node["as"] in TIMES else coerce
            return self._applied(read, marked, at, about)
        if finish is None:
            return read
        if finish in (text_or_null, scalar):
            return self._text(read, at, about, finish)
        return self._applied(read, finish, at, about, finish, USUAL.get(self.field))

    def _text(self, read: Read, at: Place, about: str, finish: Finish) -> Read:
        """Text as it stands, which is what most values of most records are."""
        field, place = self.field, self.language.place(at)

        def text(scope: Scope) -> Any:
            value = read(scope)
            if value.__class__ is str or value is None or value is MISSING:
                return value
            try:
                return finish(value)
            except ValueError as error:
                raise refusal(field, about, str(error), place) from None

        return self._noted(text, Text(read))

    def _applied(
        self,
        read: Read,
        change: Callable[[Any], Any],
        at: Place,
        about: str,
        on_null: Finish | None = None,
        usual: Usual | None = None,
    ) -> Read:
        """`change` what is there; a null goes to `on_null`. `usual`: the same in short, for most values."""
        field, place = self.field, self.language.place(at)

        def apply(scope: Scope) -> Any:
            value = read(scope)
            if value is MISSING:
                return value
            if value is None:
                return None if on_null is None else on_null(None)
            try:
                return change(value)
            except ValueError as error:
                raise refusal(field, about, str(error), place) from None

        test, short, names = usual or NOTHING_USUAL
        return self._noted(apply, Changed(read, test, short, None if on_null is None else on_null(None), names))

    def _day(self, read: Read, time: Coercion, at: Place, about: str, on_null: Finish) -> Read:
        """Dates promised: few, and the same again and again."""
        met: dict[str, str] = {}

        def last_instant(value: Any) -> str:
            text = format_instant(time(value))
            if len(met) >= REMEMBERED:
                met.clear()
            met[value] = text
            return text

        return self._noted(self._applied(read, last_instant, at, about, on_null), Looked(read, met, on_null(None)))

    def _coercion(self, node: dict[str, Any], at: Place) -> Coercion | None:
        name = node.get("as")
        zone = self._zone(node, at)
        if "as" not in node:
            return None
        if isinstance(name, str) and name in ZONED:
            if zone is None and "zone" not in node:
                self.language.error(at, f"`as: {name}` needs `zone`, such as Europe/Berlin or UTC", key=True)
            return ZONED[name](zone or ZoneInfo("UTC"))
        if isinstance(name, str) and name in PLAIN:
            if "zone" in node:
                self.language.error((*at, "zone"), f"does not go with `as: {name}`; expected with {one_of(ZONED)}")
            return PLAIN[name]
        known = (*PLAIN, *ZONED)
        hint = did_you_mean(name, known) if isinstance(name, str) else ""
        self.language.error((*at, "as"), f"found {show(name)}; expected {one_of(known)}{hint}")
        return None

    def _zone(self, node: dict[str, Any], at: Place) -> ZoneInfo | None:
        if "zone" not in node:
            return None
        text = self.language.text(node["zone"], (*at, "zone"), "an IANA time zone such as Europe/Berlin")
        try:
            return None if text is None else read_timezone(text)
        except ValueError as error:
            self.language.error((*at, "zone"), str(error))
            return None

    def _unknown(self, node: dict[str, Any], at: Place, about: str, known: list[str]) -> Unknown:
        """What becomes of a value that the map has no entry for."""
        if "default" in node and "otherwise" in node:
            self.language.error((*at, "default"), "does not go with `otherwise`; put it in there", key=True)
        if "otherwise" in node:
            other = self.compile(node["otherwise"], (*at, "otherwise"), False)
            return lambda scope, value: other(scope)
        if "default" in node:
            value = self._finished(node["default"], (*at, "default"))
            return lambda scope, _: value
        field, place = self.field, self.language.place((*at, "map"))
        names = ", ".join(known[:20]) + (", ..." if len(known) > 20 else "")

        def refuse(scope: Scope, value: str) -> Any:
            short = value if len(value) <= 60 else f"{value[:50]}..."
            raise refusal(field, about, f"found {quote(short)}; expected one of {names}", place)

        return refuse

    def _finished(self, value: Any, at: Place) -> Any:
        """A constant as it is written into the event."""
        if self.finish is None:
            return value
        try:
            return self.finish(value)
        except ValueError as error:
            self.language.error(at, str(error).removesuffix(" (is there a `map` missing?)"))
            return MISSING

    def _guarded(self, read: Read, node: dict[str, Any], at: Place, about: str, required: bool) -> Read:
        """`absent` and `required`."""
        if "absent" in node:
            absent = self._finished(node["absent"], (*at, "absent"))

            def filled(scope: Scope) -> Any:
                value = read(scope)
                return absent if value is MISSING or value is None else value

            return self._noted(filled, Filled(read, absent))
        if not required:
            return read
        field, place = self.field, self.language.place(at)

        def checked(scope: Scope) -> Any:
            value = read(scope)
            if value is MISSING or value is None:
                raise refusal(field, about, "found nothing; expected a value", place)
            return value

        return self._noted(checked, Required(read))
