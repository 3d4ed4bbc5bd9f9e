"""Sample records of the sources: read from `tests/contract/sources`, mapped, and lived through by the engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import yaml

from sla_stream.core.engine import Engine, EngineSettings
from sla_stream.core.events import TicketEvent
from sla_stream.core.sla_events import RETRACTION, SlaEvent
from sla_stream.formats.codec import decode_ticket_event
from sla_stream.formats.instants import format_instant, parse_instant
from sla_stream.formats.policy_file import parse_policies
from sla_stream.sources import Mapping, load_mapping

FOLDER = Path(__file__).parent / "contract" / "sources"
SOURCES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
DAY_MS = 86_400_000

PROMISES = """\
apiVersion: sla-stream/v1
policies:
  - name: promises
    schedule: 24x7
    warn: ["80%"]
    targets:
      first_response: {target: 1h}
      next_response: {target: 1h}
      resolution: {target: 4h, pause: [{status: [pending, on_hold]}]}
"""


class _Loader(yaml.CSafeLoader):
    """YAML without dates: an instant in a sample is the text that the source writes."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True)
class Sample:
    """One record of a source and the ticket events it is expected to give."""

    name: str
    payload: Any
    events: list[dict[str, Any]]
    headers: dict[str, str] = field(default_factory=dict)
    key: str | None = None
    recorded_at: str | None = None

    def arguments(self) -> tuple[bytes | None, list[tuple[str, bytes]], bytes | None, int | None]:
        """What `Mapping.map` takes."""
        return (
            None if self.payload is None else orjson.dumps(self.payload),
            [(name, value.encode()) for name, value in self.headers.items()],
            None if self.key is None else self.key.encode(),
            None if self.recorded_at is None else parse_instant(self.recorded_at),
        )


@dataclass(frozen=True)
class Source:
    """A source's records in the order of a ticket's life, and what the engine is expected to say."""

    name: str
    samples: list[Sample]
    said: list[str]
    policies: str


@cache
def source(name: str) -> Source:
    document = yaml.load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"), Loader=_Loader)
    samples = [Sample(**record) for record in document["records"]]
    return Source(name, samples, document["said"], document.get("policies", PROMISES))


@cache
def mapping(name: str) -> Mapping:
    return load_mapping(name)


def live(samples: list[Sample], mapped: Mapping, policies: str) -> list[str]:
    """The whole life through mapping, codec and engine: what was said, one line each, in the order of log time."""
    engine = Engine(parse_policies(policies, "policies.yaml"), EngineSettings(settle_for=0))
    said: list[SlaEvent] = []
    offset = 0
    last = 0
    for sample in samples:
        for value in mapped.map(*sample.arguments()):
            event: TicketEvent = decode_ticket_event(value)
            last = max(last, event.at)
            engine.apply(event, last, offset)
            said += engine.take_outputs()
            offset += 1
    engine.advance(last + DAY_MS)
    return [line(fact) for fact in [*said, *engine.take_outputs()]]


def line(fact: SlaEvent) -> str:
    """`2026-03-02T10:00:00.000Z 8801 first_response#1 breach`."""
    kind = (fact.retracts_type or fact.type).split(".")[1]
    sign = "retract " if fact.type == RETRACTION else ""
    what = fact.outcome or fact.threshold or ""
    return f"{format_instant(fact.at)} {fact.ticket_id} {fact.metric}#{fact.cycle} {sign}{kind} {what}".rstrip()
