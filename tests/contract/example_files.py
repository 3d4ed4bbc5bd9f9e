"""The examples of SLA events and timer states: made by a replay of `example_run`, kept in `schemas/examples`.

`python tests/contract/example_files.py` writes them anew after an intended change.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sla_stream.core.engine import Engine, EngineSettings
from sla_stream.formats.calendar_data import calendar_data
from sla_stream.formats.policy_file import load_policies
from sla_stream.formats.sla_event import SlaEventRenderer, source_of
from sla_stream.formats.timer_state import render_ticket_view, render_timer_state
from sla_stream.history.log import BadRecord, LogFile
from sla_stream.history.replay import Replay

ROOT = Path(__file__).parents[2]
RUN = Path(__file__).parent / "example_run"
EXAMPLES = ROOT / "schemas" / "examples"
LIBRARIES = {"tzdata": "2026.6", "holidays": "0.109"}
"""The examples must not change with what is installed."""


def produced() -> dict[str, Any]:
    """`{path under schemas/examples: object}` as the code makes them now."""
    engine = Engine(load_policies(str(RUN / "policies.yaml")), EngineSettings(retain_closed=None))
    replay = Replay(engine, LogFile(str(RUN / "events.jsonl")), _refuse)
    renderer = SlaEventRenderer(source_of(), "sla.ticket-events.v1", 3)
    found: dict[str, Any] = {}
    for events in replay.run():
        for event in events:
            name = event.type.split(".")[1]
            if name == "outcome":
                name = f"outcome_{event.outcome}"
            found.setdefault(f"sla-event/v1/{name}.json", json.loads(renderer.render(event)))
    for view in replay.views():
        for state in view.cycles:
            found.setdefault(f"timer-state/v1/{state.stage}.json", json.loads(render_timer_state(state)))
    view = engine.view("4711", replay.as_of or 0)
    assert view is not None
    record = json.loads(render_ticket_view(view))
    assert record["libraries"] == calendar_data()
    found["timer-state/v1/ticket_record.json"] = record | {"libraries": LIBRARIES}
    return found


def _refuse(record: BadRecord) -> None:
    raise AssertionError(record)


if __name__ == "__main__":
    for path, example in produced().items():
        (EXAMPLES / path).write_text(json.dumps(example, indent=2, ensure_ascii=False) + "\n")
