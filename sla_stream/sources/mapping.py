"""A compiled mapping: one source record in, ticket events v1 out.

`map` is on the hot path of ingestion. It gives no event for a record that means nothing, several for one that tells
of several things, and raises InvalidRecord for what is not as the mapping says. The same record always gives the same
events with the same ids.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from sla_stream.errors import InvalidRecord
from sla_stream.formats.wire_errors import not_json, shown
from sla_stream.sources.envelopes import MAY_BE_EMPTY, OPENERS, without_prefix
from sla_stream.sources.forms import Condition, Forms
from sla_stream.sources.generating import Keyed, Run, generate
from sla_stream.sources.scope import MISSING, Headers, Read, Scope

_STATUS_OF_KIND: Final = {"resolved": "resolved", "closed": "closed", "reopened": "open"}
_FIRST: Final[tuple[str, ...]] = ("event_id", "ticket_id", "kind", "occurred_at")
_PREFIXED: Final = (b"\0", b"\1")
_CUSTOM: Final = "custom."
_MOST_ELEMENTS: Final = 10_000


@dataclass(slots=True)
class Rule:
    """One entry of `events`: when it holds, and how its fields are read.

    `goes_on`: the entries after it are looked at, too. `own_id`: its event id is not the one of all entries.
    """

    when: Condition | None
    goes_on: bool
    own_id: bool
    place: str
    fields: dict[str, Read]
    attributes: dict[str, Read]
    plain: tuple[tuple[str, Read], ...] = field(init=False)
    custom: tuple[tuple[str, Read], ...] = field(init=False)

    def __post_init__(self) -> None:
        reads = {name: self.fields[name] for name in _FIRST if name in self.fields}
        reads.update(self.fields)
        reads.update(self.attributes)
        self.plain = tuple((name, read) for name, read in reads.items() if not name.startswith(_CUSTOM))
        self.custom = tuple(
            (name.removeprefix(_CUSTOM), read) for name, read in reads.items() if name.startswith(_CUSTOM)
        )

    def event(self, scope: Scope, before: int) -> dict[str, Any]:
        """The ticket event as the contract writes it; the `before` + 1st of this record with the shared id."""
        event = {name: value for name, read in self.plain if (value := read(scope)) is not MISSING}
        if self.custom:
            custom = {name: value for name, read in self.custom if (value := read(scope)) is not MISSING}
            if custom:
                event["custom"] = custom
        self.finish(event, before)
        return event

    def finish(self, event: dict[str, Any], before: int) -> None:
        """Number the id; kind and fields in agreement: a created event needs no `created_at`, kind wins over status."""
        if before and not self.own_id:
            # Ids that extend each other keep the order of several events in one instant.
            event["event_id"] = _id_within_limit(f"{event['event_id']}/{before + 1}", self.place)
        kind = event["kind"]
        if kind == "created":
            event.pop("created_at", None)
        elif kind in _STATUS_OF_KIND:
            event["status"] = _STATUS_OF_KIND[kind]
        elif kind == "merged" and "merged_into" not in event:
            raise InvalidRecord("schema", f"merged_into: missing; expected the ticket merged into ({self.place})")


@dataclass(slots=True)
class Mapping:
    """A source's mapping, ready to map. `text` and `file` are where it came from."""

    name: str
    about: str
    envelope: str
    each: Read | None
    lets: list[Read]
    accept: Condition | None
    accepted_by: list[tuple[str, Read]]
    ignore: Condition | None
    rules: list[Rule]
    text: str
    file: str
    let_names: tuple[str, ...] = ()
    forms: Forms = field(default_factory=dict)
    _run: Run | None = None

    def map(
        self, payload: bytes | None, headers: Headers = (), key: bytes | None = None, recorded_at: int | None = None
    ) -> list[bytes]:
        """The ticket events (JSON) that a record tells of; see `keyed`."""
        return [event for _, event in self.keyed(payload, headers, key, recorded_at)]

    def keyed(
        self, payload: bytes | None, headers: Headers = (), key: bytes | None = None, recorded_at: int | None = None
    ) -> Keyed:
        """The ticket events that a record tells of, each with its ticket's id, in the order of the mapping.

        `recorded_at` (ms) is the record's own time, for sources that tell none. Raises InvalidRecord (`json`,
        `schema`); its detail says field, path, finding, expectation and the line of the mapping.
        """
        run = self._run
        if run is None:
            run = self._run = generate(self, self.forms)
        events: Keyed = []
        if self.each is None and payload is not None:  # the usual case, without detour
            if payload[:1] in _PREFIXED:
                payload = without_prefix(payload)
            if self.envelope == "none":
                try:
                    scope = Scope(orjson.loads(payload), payload, headers, key, recorded_at)
                except orjson.JSONDecodeError as error:
                    raise not_json(error) from None
                run(scope, events)
                return events
            scope = OPENERS[self.envelope](payload, headers, key, recorded_at)
            if scope.body is not None or self.envelope not in MAY_BE_EMPTY:
                run(scope, events)
            return events
        for scope in self.scopes(payload, headers, key, recorded_at):
            run(scope, events)
        return events

    def interpret(
        self, payload: bytes | None, headers: Headers = (), key: bytes | None = None, recorded_at: int | None = None
    ) -> list[bytes]:
        """The same step by step, by the closures alone: what `map` must agree with."""
        events: Keyed = []
        for scope in self.scopes(payload, headers, key, recorded_at):
            self._interpret_one(scope, events)
        return [event for _, event in events]

    def scopes(
        self, payload: bytes | None, headers: Headers = (), key: bytes | None = None, recorded_at: int | None = None
    ) -> list[Scope]:
        """What is to be mapped: the record, or each of its elements."""
        if payload is None:
            if self.envelope in MAY_BE_EMPTY:
                return []
            raise InvalidRecord("json", "no value: found a null record; expected JSON")
        scope = OPENERS[self.envelope](without_prefix(payload), headers, key, recorded_at)
        if scope.body is None and self.envelope in MAY_BE_EMPTY:
            return []
        return [scope] if self.each is None else self._elements(scope, self.each)

    def _elements(self, scope: Scope, each: Read) -> list[Scope]:
        found = each(scope)
        if not isinstance(found, list) or len(found) > _MOST_ELEMENTS:
            what = "nothing" if found is MISSING else shown(found)
            raise InvalidRecord("schema", f"each: found {what}; expected an array of at most {_MOST_ELEMENTS} elements")
        try:
            return [scope.element(item, orjson.dumps(item)) for item in found]
        except orjson.JSONEncodeError:
            raise InvalidRecord("schema", "each: nested too deep; expected flatter elements") from None

    def prepare(self, scope: Scope) -> bool:
        """Whether the record means anything; fills in `let`. Raises InvalidRecord if it is not for this mapping."""
        if not isinstance(scope.body, dict):
            raise InvalidRecord("schema", f"found {shown(scope.body)}; expected one JSON object")
        if self.lets:
            scope.named = []
            for read in self.lets:
                scope.named.append(read(scope))
        if self.accept is not None and not self.accept(scope):
            raise InvalidRecord("schema", f"not a record for mapping {self.name}: {self._why(scope)}")
        return self.ignore is None or not self.ignore(scope)

    def _interpret_one(self, scope: Scope, events: Keyed) -> None:
        if not self.prepare(scope):
            return
        before = len(events)
        shared = 0
        for rule in self.rules:
            if rule.when is not None and not rule.when(scope):
                continue
            event = rule.event(scope, shared)
            events.append((event["ticket_id"], orjson.dumps(event)))
            if not rule.goes_on:
                return
            shared += not rule.own_id
        if len(events) == before:
            raise self.no_rule()

    def no_rule(self) -> InvalidRecord:
        """The refusal of a record that fits none of `events`."""
        return InvalidRecord(
            "schema", f"none of `events` of mapping {self.name} holds; expected one, or a condition under `ignore`"
        )

    def _why(self, scope: Scope) -> str:
        found = [(path, read(scope)) for path, read in self.accepted_by]
        told = [f"{path}: found {'nothing' if value is MISSING else _short(value)}" for path, value in found]
        return "; ".join(told) or "`accept` does not hold"


def _short(value: Any) -> str:
    return shown(value) if not isinstance(value, bytes) else "bytes"


def _id_within_limit(event_id: str, place: str) -> str:
    if len(event_id) > 200:
        raise InvalidRecord("schema", f"event_id: found {len(event_id)} characters; expected at most 200 ({place})")
    return event_id
