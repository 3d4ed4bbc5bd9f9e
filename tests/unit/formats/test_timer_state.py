"""Timer states to bytes."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Any

from sla_stream.core.views import TicketView, TimerState
from sla_stream.formats.timer_state import (
    FIELDS,
    render_csv_header,
    render_csv_row,
    render_ticket_view,
    render_timer_state,
)

T0 = 1_772_438_400_000  # 2026-03-02T08:00:00Z
RUNNING: dict[str, Any] = {
    "ticket_id": "T-1", "metric": "resolution", "policy": "p", "policy_version": "v", "schedule": "s", "cycle": 2,
    "stage": "running", "breached": False, "breached_at": None, "started_at": T0, "due_at": T0 + 60_000,
    "ended_at": None, "target": 60_000, "elapsed": 1_500, "paused": 500, "as_of": T0 + 2_000, "open_hours": True,
}  # fmt: skip


def state(**changed: Any) -> TimerState:
    return TimerState(**(RUNNING | changed))


def test_a_running_clock() -> None:
    found = json.loads(render_timer_state(state()))
    assert tuple(found) == FIELDS
    assert found == {
        "ticket_id": "T-1",
        "metric": "resolution",
        "policy": "p",
        "policy_version": "v",
        "schedule": "s",
        "cycle": 2,
        "stage": "running",
        "breached": False,
        "breached_at": None,
        "started_at": "2026-03-02T08:00:00.000Z",
        "due_at": "2026-03-02T08:01:00.000Z",
        "ended_at": None,
        "target_s": 60,
        "elapsed_s": 1.5,
        "remaining_s": 58.5,
        "paused_s": 0.5,
        "wall_elapsed_s": 2,
        "open_hours": True,
    }


def test_an_ended_clock_stands_still() -> None:
    found = json.loads(
        render_timer_state(
            state(stage="missed", breached=True, breached_at=T0 + 60_000, due_at=None, ended_at=T0 + 90_000,
                  elapsed=90_000, as_of=T0 + 900_000, open_hours=False)
        )
    )  # fmt: skip
    assert found["wall_elapsed_s"] == 90
    assert found["remaining_s"] == -30
    assert (found["breached"], found["open_hours"]) == (True, False)
    assert found["breached_at"] == "2026-03-02T08:01:00.000Z"


def test_a_ticket_record() -> None:
    view = TicketView("T-1", {"status": "open", "url": "https://t", "group": None}, [state(), state(cycle=3)], T0)
    found = json.loads(render_ticket_view(view))
    assert list(found) == ["ticket_id", "ticket", "url", "cycles", "as_of", "libraries"]
    assert found["libraries"] == {"tzdata": version("tzdata"), "holidays": version("holidays")}
    assert found["ticket"] == {"status": "open"}
    assert found["url"] == "https://t"
    assert [cycle["cycle"] for cycle in found["cycles"]] == [2, 3]
    assert found["cycles"][0] == json.loads(render_timer_state(state()))
    assert found["as_of"] == "2026-03-02T08:00:00.000Z"


def test_a_ticket_without_clocks_or_link() -> None:
    found = json.loads(render_ticket_view(TicketView('T"1', {}, [], T0)))
    assert (found["ticket_id"], found["cycles"], found["url"]) == ('T"1', [], None)


def test_csv() -> None:
    assert render_csv_header().decode() == ",".join(FIELDS) + "\n"
    assert render_csv_row(state(due_at=None)).decode() == (
        "T-1,resolution,p,v,s,2,running,false,,2026-03-02T08:00:00.000Z,,,60,1.5,58.5,0.5,2,true\n"
    )
