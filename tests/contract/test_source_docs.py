"""The pages about sources: their mappings load, the bodies they tell people to paste give ticket events."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import orjson
import pytest

from sla_stream.errors import InvalidRecord
from sla_stream.sources import load_mapping, mapping_names
from sla_stream.sources.coercions import PLAIN, ZONED
from sla_stream.sources.compiler import ATTRIBUTES, TOP_KEYS, compile_mapping
from sla_stream.sources.conditions import OPERATORS
from sla_stream.sources.expressions import SOURCES

DOCS = Path(__file__).parents[2] / "docs" / "sources"


def blocks(page: str, language: str) -> list[str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_the_table_names_every_mapping() -> None:
    rows = re.findall(r"^\| .*? \| `([a-z-]+)` \|", (DOCS / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(rows) == list(mapping_names())


def test_the_smallest_mapping_loads_and_maps() -> None:
    mapping = compile_mapping(blocks("mapping-files.md", "yaml")[0], "docs.yaml")
    assert mapping.map(b'{"ticket": 1, "id": "e", "at": 1772442000, "what": "opened", "state": "new"}')


def test_the_reference_names_the_whole_language() -> None:
    text = (DOCS / "mapping-files.md").read_text(encoding="utf-8")
    for word in (*TOP_KEYS, *ATTRIBUTES, *SOURCES, *OPERATORS, *PLAIN, *ZONED):
        assert re.search(rf"\b{word}\b", text), f"{word} is not explained"


WORDS = {
    "status": "Open",
    "ticket_status": "Open",
    "created_at": "2026-03-02 09:00:00",
    "changed_at": "2026-03-02 09:30:00",
}


@pytest.mark.parametrize("name", ["freshdesk", "liveagent", "webim"])
def test_a_body_to_paste_gives_a_ticket_event(name: str) -> None:
    body: dict[str, Any] = orjson.loads(blocks(f"{name}.md", "json")[0])
    for inner in body.values():
        if isinstance(inner, dict) and name != "webim":
            inner.update({word: value for word, value in WORDS.items() if word in inner})
            inner.pop("ticket_priority", None)
            inner.pop("triggered_event", None)
    (event,) = load_mapping(name).map(orjson.dumps(body), (), None, 1772442000000)
    assert orjson.loads(event)["kind"] == "agent_replied"


def test_the_outbox_payload_gives_a_ticket_event() -> None:
    (body,) = blocks("debezium.md", "json")
    headers = [("id", b"e-1"), ("eventType", b"AgentReplied")]
    (event,) = load_mapping("debezium-outbox").map(body.encode(), headers, b"4401")
    assert orjson.loads(event)["status"] == "pending"
    with pytest.raises(InvalidRecord, match="header:id: found nothing"):
        load_mapping("debezium-outbox").map(body.encode(), headers[1:], b"4401")
