"""Which topics are read, and how: the list `sources`, in the settings file or in a file of its own.

    sources:
      - {topic: jira.webhooks, mapping: jira}
      - topic: [helpdesk.emea, helpdesk.apac]
        header: x-source                          # the value of this header names the mapping
        mappings: {jira: jira, zd: zendesk, crm: ./crm.yaml}
        otherwise: own-queue                      # for records without it; left out: they are dead letters
      - {topic: crm.tickets, mapping: ./crm.yaml, value: avro, key: avro, nulls: skip}

Paths of mappings start at the file's directory.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from pathlib import Path
from typing import Any, Final

from sla_stream.errors import ConfigError
from sla_stream.formats.policy_file.findings import Findings, did_you_mean, one_of, quote, show
from sla_stream.formats.policy_file.findings import Path as Place
from sla_stream.formats.policy_file.located import read
from sla_stream.formats.settings import SETTING_NAMES
from sla_stream.ingest.route import ByHeader, Chosen, Route
from sla_stream.ingest.schemas import FORMS, Form, installed
from sla_stream.sources import Mapping, load_mapping, mapping_names

_KEYS: Final = ("topic", "mapping", "header", "mappings", "otherwise", "value", "key", "nulls")
_PLAIN: Final = {"value": "json", "key": "text"}
_NULLS: Final = ("refuse", "skip")


def load_sources(path: str, *, with_settings: bool) -> dict[str, Route]:
    """Routes by topic. `with_settings`: the file holds settings, too.

    ConfigError with every error, one a line.
    """
    findings = Findings()
    try:
        text = Path(path).read_bytes().decode()
    except OSError as error:
        raise ConfigError(f"sources: {path}: cannot be read: {error.strerror}; expected a file of sources") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"sources: {path}: byte {error.start} is not UTF-8; expected YAML or JSON in UTF-8") from None
    if not text.strip():
        findings.error((), "the file is empty; expected `sources`, a list of topics and their mappings")
        findings.raise_errors(path)
    root = read(text, path, findings)
    findings.raise_errors(path)
    routes = _Reader(findings, Path(path).resolve().parent).routes(root, with_settings)
    findings.raise_errors(path)
    return routes


class _Reader:
    def __init__(self, findings: Findings, folder: Path) -> None:
        self._findings = findings
        self._folder = folder

    def routes(self, root: Any, with_settings: bool) -> dict[str, Route]:
        if not isinstance(root, dict) or not isinstance(root.get("sources"), list) or not root["sources"]:
            at: Place = ("sources",) if isinstance(root, dict) and "sources" in root else ()
            self._error(at, "expected `sources`, a list of topics and their mappings")
            return {}
        self._known(root, (), ("sources", *SETTING_NAMES) if with_settings else ("sources",))
        found: dict[str, Route] = {}
        for index, entry in enumerate(root["sources"]):
            at = ("sources", index)
            if not isinstance(entry, dict):
                self._error(at, f"found {show(entry)}; expected a mapping with `topic` and `mapping`")
                continue
            self._known(entry, at, _KEYS)
            route = self._route(entry, at)
            for topic in self._topics(entry, at):
                if topic in found:
                    self._error((*at, "topic"), f"{quote(topic)} stands twice; expected once")
                found[topic] = route
        return found

    def _topics(self, entry: MappingOf[str, Any], at: Place) -> list[str]:
        found = entry.get("topic")
        names = [name for name in (found if isinstance(found, list) else [found]) if isinstance(name, str) and name]
        if not names or len(names) != (len(found) if isinstance(found, list) else 1):
            self._error((*at, "topic"), f"found {show(found)}; expected the name of a topic, or a list of names")
        return names

    def _route(self, entry: MappingOf[str, Any], at: Place) -> Route:
        nulls = entry.get("nulls", "refuse")
        if nulls not in _NULLS:
            self._error((*at, "nulls"), f"found {show(nulls)}; expected {one_of(_NULLS)}")
        return Route(
            self._choice(entry, at), self._form(entry, at, "value"), self._form(entry, at, "key"), nulls == "skip"
        )

    def _choice(self, entry: MappingOf[str, Any], at: Place) -> Chosen | ByHeader:
        if ("mapping" in entry) == ("header" in entry):
            self._error(at, "expected either `mapping`, or `header` and `mappings`")
        if "mapping" in entry:
            for name in ("mappings", "otherwise"):
                if name in entry:
                    self._error((*at, name), "goes with `header` only", key=True)
            return Chosen(self._mapping(entry["mapping"], (*at, "mapping")))
        header, mappings = entry.get("header", "?"), entry.get("mappings")
        if not isinstance(header, str) or not header:
            self._error((*at, "header"), f"found {show(header)}; expected the name of a header")
            header = "?"
        if not isinstance(mappings, dict) or not mappings:
            self._error((*at, "mappings"), f"found {show(mappings)}; expected the header's values and their mappings")
            mappings = {}
        chosen = {value: self._mapping(name, (*at, "mappings", value)) for value, name in mappings.items()}
        otherwise = self._mapping(entry["otherwise"], (*at, "otherwise")) if "otherwise" in entry else None
        return ByHeader(header.lower(), chosen, otherwise)

    def _mapping(self, name: Any, at: Place) -> Mapping:
        if not isinstance(name, str) or not name:
            self._error(at, f"found {show(name)}; expected a mapping's name (`sources list`), or a file")
            return load_mapping("own-queue")
        own = (self._folder / name).is_file() or name.endswith((".yaml", ".yml", ".json"))
        try:
            return load_mapping(self._folder / name if own and name not in mapping_names() else name)
        except ConfigError as error:
            for line in str(error).splitlines():
                self._error(at, line)
            return load_mapping("own-queue")

    def _form(self, entry: MappingOf[str, Any], at: Place, part: str) -> Form | None:
        plain = _PLAIN[part]
        found = entry.get(part, plain)
        if found == plain:
            return None
        for form in FORMS:
            if found == form:
                if not installed(form):
                    self._error((*at, part), f'{form} needs an extra: pip install "sla-stream[{form}]"')
                return form
        known = (plain, *FORMS)
        hint = did_you_mean(found, known) if isinstance(found, str) else ""
        self._error((*at, part), f"found {show(found)}; expected {one_of(known)}{hint}")
        return None

    def _known(self, node: MappingOf[str, Any], at: Place, names: tuple[str, ...]) -> None:
        for key in node:
            if key not in names:
                expected = one_of(names) if len(names) < 20 else "a setting, or `sources`"
                text = f"unknown key {quote(key)}; expected {expected}{did_you_mean(key, names)}"
                self._error((*at, key), text, key=True)

    def _error(self, at: Place, text: str, *, key: bool = False) -> None:
        self._findings.error(at, text, key=key)
