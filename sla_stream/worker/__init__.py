"""The worker: a Faust app that carries ticket events into the engine and SLA events out, exactly once.

Read in this order: `running` (start to exit), `app` (wiring), `transport` and `fetching` (whole batches out of Faust),
`partition` (the loop), then what it uses: `recovery`, `table`, `processing`, `firing`, `transaction`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sla_stream.formats.setting_model import Settings
    from sla_stream.worker.clock import Clock

__all__ = ["run_worker"]


def run_worker(settings: Settings, clock: Clock | None = None) -> int:
    """Run one worker in the foreground; see `running.run_worker`. Imports Faust only now."""
    from sla_stream.worker import running

    return running.run_worker(settings, clock)
