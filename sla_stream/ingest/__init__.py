"""The ingest worker: vendors' records in from any topics, ticket events out, keyed by ticket, exactly once.

Read in this order: `running` (start to exit), `group` (membership and fetching), `lane` (one source partition, one
producer, one transaction at a time), `feeding` (records to ticket events and dead letters), then what says how:
`sources_file`, `route`, and for values that are not JSON `schemas`, `registry`, `avro`, `protobuf`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sla_stream.formats.setting_model import Settings

__all__ = ["run_ingest"]


def run_ingest(settings: Settings, settings_file: str | None = None) -> int:
    """Run one ingest worker in the foreground; see `running.run_ingest`."""
    from sla_stream.ingest.running import run_ingest as run

    return run(settings, settings_file)
