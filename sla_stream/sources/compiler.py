"""From a mapping file to a `Mapping`: every error of the file at once, or closures that never look at it again."""

from __future__ import annotations

from typing import Any, Final

from sla_stream.core.events import ACTORS, KINDS, STATUSES
from sla_stream.formats.policy_file.findings import Findings, one_of, quote, show
from sla_stream.formats.policy_file.findings import Path as Place
from sla_stream.formats.policy_file.located import read
from sla_stream.sources.conditions import compile_condition
from sla_stream.sources.envelopes import OPENERS
from sla_stream.sources.expressions import compile_field, compile_value
from sla_stream.sources.fields import ATTRIBUTES, EVENT_FIELDS
from sla_stream.sources.forms import Condition
from sla_stream.sources.language import API_VERSION, Language, Traced
from sla_stream.sources.mapping import Mapping, Rule
from sla_stream.sources.scope import Read

_ABOUT: Final = ("apiVersion", "mapping", "about", "envelope", "each", "accept", "ignore", "let")
TOP_KEYS: Final = (*_ABOUT, *EVENT_FIELDS, "attributes", "events")
RULE_KEYS: Final = ("when", "continue", *EVENT_FIELDS, "attributes")
REQUIRED: Final = ("event_id", "ticket_id", "kind", "occurred_at")
_WORDS: Final[dict[str, tuple[str, ...]]] = {"kind": KINDS, "actor": ACTORS, "status": STATUSES}
"""Where one of these words stands alone, it means itself, and is no path."""


def compile_mapping(text: str, name: str, trace: Traced | None = None) -> Mapping:
    """The mapping in a text; `name` is the file's, for errors. ConfigError holds every error, one a line."""
    findings = Findings()
    if not text.strip():
        findings.error((), f"the file is empty; expected a mapping with `apiVersion: {API_VERSION}`")
        findings.raise_errors(name)
    value = read(text, name, findings)
    findings.raise_errors(name)
    mapping = _Compiler(Language(findings, trace=trace)).compile(value, text, name)
    findings.raise_errors(name)
    return mapping


class _Compiler:
    def __init__(self, language: Language) -> None:
        self.language = language

    def compile(self, node: Any, text: str, name: str) -> Mapping:
        language = self.language
        if not isinstance(node, dict):
            language.error((), f"found {show(node)}; expected a mapping with `apiVersion: {API_VERSION}`")
            node = {"apiVersion": API_VERSION, "mapping": "?"}
        language.known_keys(node, (), TOP_KEYS)
        self._check_version(node)
        language.mapping = self._name(node)
        self._let(node)
        return Mapping(
            name=language.mapping,
            about=self._about(node),
            envelope=self._envelope(node),
            each=language.reader(node["each"], ("each",)) if "each" in node else None,
            lets=self._let_reads,
            accept=self._condition(node, "accept"),
            accepted_by=self._accepted_by(node),
            ignore=self._condition(node, "ignore"),
            rules=self._rules(node),
            text=text,
            file=name,
            let_names=tuple(language.lets),
            forms=language.forms,
        )

    # -- the head ------------------------------------------------------------------------------------------------

    def _check_version(self, node: dict[str, Any]) -> None:
        found = node.get("apiVersion")
        if found is None:
            self.language.error((), f"`apiVersion` is missing; expected `apiVersion: {API_VERSION}`")
        elif found != API_VERSION:
            self.language.error(("apiVersion",), f"found {show(found)}; expected {API_VERSION}")

    def _name(self, node: dict[str, Any]) -> str:
        if "mapping" not in node:
            self.language.error((), "`mapping` is missing; expected a name such as jira")
            return "?"
        return self.language.text(node["mapping"], ("mapping",), "a name such as jira") or "?"

    def _about(self, node: dict[str, Any]) -> str:
        return self.language.text(node["about"], ("about",), "a sentence") or "" if "about" in node else ""

    def _envelope(self, node: dict[str, Any]) -> str:
        found = node.get("envelope", "none")
        if found not in OPENERS:
            self.language.error(("envelope",), f"found {show(found)}; expected {one_of(OPENERS)}")
            return "none"
        return str(found)

    def _let(self, node: dict[str, Any]) -> None:
        """Each may use those before it."""
        self._let_reads: list[Read] = []
        lets = node.get("let", {})
        if not isinstance(lets, dict):
            self.language.error(("let",), f"found {show(lets)}; expected a mapping of names to expressions")
            return
        for name, value in lets.items():
            self._let_reads.append(compile_value(self.language, value, ("let", name), name))
            self.language.lets[name] = len(self._let_reads) - 1

    def _condition(self, node: dict[str, Any], key: str) -> Condition | None:
        return compile_condition(self.language, node[key], (key,)) if key in node else None

    def _accepted_by(self, node: dict[str, Any]) -> list[tuple[str, Read]]:
        """The paths that `accept` looks at, for the sentence that refuses."""
        accept = node.get("accept", {})
        conditions = accept if isinstance(accept, list) else [accept]
        texts = [text for one in conditions if isinstance(one, dict) for text in one if text != "jmespath"]
        quiet = Language(Findings(), lets=self.language.lets)
        return [(text, quiet.reader(text, ())) for text in dict.fromkeys(texts)]

    # -- the events ----------------------------------------------------------------------------------------------

    def _rules(self, node: dict[str, Any]) -> list[Rule]:
        shared: dict[str, tuple[Any, Place]] = {name: (node[name], (name,)) for name in EVENT_FIELDS if name in node}
        attributes = self._attributes(node.get("attributes", {}), ("attributes",))
        if "events" not in node:
            return [self._rule(shared, {}, attributes, (), set())]
        if "kind" in node:
            self.language.error(("kind",), "does not go with `events`; each of them has its own `kind`", key=True)
        events = node["events"]
        if not isinstance(events, list) or not events:
            self.language.error(("events",), f"found {show(events)}; expected a list of events, each with a `kind`")
            return []
        rules = []
        for index, event in enumerate(events):
            at: Place = ("events", index)
            if not isinstance(event, dict):
                self.language.error(at, f"found {show(event)}; expected a mapping with `kind`")
                continue
            self.language.known_keys(event, at, RULE_KEYS)
            own = {name: (event[name], (*at, name)) for name in EVENT_FIELDS if name in event}
            kept = self._kept(event, attributes, at)
            rules.append(self._rule({**shared, **own}, event, kept, at, set(own)))
        return rules

    def _kept(self, event: dict[str, Any], shared: dict[str, Read], at: Place) -> dict[str, Read]:
        """The attributes that an event of `events` sets: those of all, none, or with its own."""
        found = event.get("attributes", {})
        if found is False:
            return {}
        return {**shared, **self._attributes(found, (*at, "attributes"))}

    def _attributes(self, node: Any, at: Place) -> dict[str, Read]:
        if not isinstance(node, dict):
            self.language.error(at, f"found {show(node)}; expected a mapping of attributes, or false in an event")
            return {}
        self.language.known_keys(node, at, (*ATTRIBUTES, "custom"))
        reads = {name: self._field(value, (*at, name), name) for name, value in node.items() if name in ATTRIBUTES}
        custom = node.get("custom", {})
        if not isinstance(custom, dict):
            self.language.error((*at, "custom"), f"found {show(custom)}; expected a mapping of names to expressions")
            custom = {}
        for name, value in custom.items():
            reads[f"custom.{name}"] = self._field(value, (*at, "custom", name), f"custom.{name}")
        return reads

    def _rule(
        self,
        fields: dict[str, tuple[Any, Place]],
        event: dict[str, Any],
        attributes: dict[str, Read],
        at: Place,
        own: set[str],
    ) -> Rule:
        for name in REQUIRED:
            if name not in fields:
                where = "" if at == () or name == "kind" else ", here or at the top"
                self.language.error(at, f"`{name}` is missing; expected a path or an expression{where}", key=True)
        reads = {
            name: self._field(node, place, name, required=name in REQUIRED) for name, (node, place) in fields.items()
        }
        goes_on = event.get("continue", False)
        if not isinstance(goes_on, bool):
            self.language.error((*at, "continue"), f"found {show(goes_on)}; expected true or false")
        when = compile_condition(self.language, event["when"], (*at, "when")) if "when" in event else None
        return Rule(when, goes_on is True, "event_id" in own, self.language.place(at), reads, attributes)

    def _field(self, node: Any, at: Place, field: str, required: bool = False) -> Read:
        """A field's expression; a word of ours, or true and false, may stand for itself."""
        if (isinstance(node, str) and node in _WORDS.get(field, ())) or (field == "public" and isinstance(node, bool)):
            node = {"value": node}
        elif not isinstance(node, str | dict):
            self.language.error(at, f"found {show(node)}; expected a path, or a constant as {{value: {node}}}")
            node = {"value": None}
        elif isinstance(node, str) and " " in node and '"' not in node:
            self.language.error(at, f"{quote(node)} is not a path; expected a constant as {{value: ...}}")
            node = {"value": None}
        return compile_field(self.language, node, at, field, required)
