"""The comparison: a Faust agent as its documentation teaches it. A table write and a send for each event.

python idiomatic_faust.py BOOTSTRAP INPUT OUTPUT EVENTS     prints {"events", "wall_s", "cpu_s"} when it has read them
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import faust


def main() -> None:
    bootstrap, source, sink, events = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    app = faust.App(
        f"{sink}-faust",
        broker=f"kafka://{bootstrap}",
        store="memory://",
        web_enabled=False,
        topic_partitions=8,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
    )
    tickets = app.topic(source, key_type=str, value_type=bytes, value_serializer="raw", key_serializer="raw")
    warnings = app.topic(sink, key_serializer="raw")
    table = app.Table("tickets", partitions=8)
    seen: dict[str, Any] = {"count": 0, "at": 0.0, "cpu": 0.0}

    @app.agent(tickets)  # type: ignore[untyped-decorator]
    async def watch(stream: Any) -> None:
        async for key, value in stream.items():
            if seen["count"] == 0:
                seen["at"], seen["cpu"] = time.perf_counter(), time.process_time()
            event = json.loads(value)
            table[event["ticket_id"]] = {"status": event.get("status"), "at": event["occurred_at"]}
            await warnings.send(key=key, value={"ticket_id": event["ticket_id"], "kind": event["kind"]})
            seen["count"] += 1
            if seen["count"] == events:
                wall, cpu = time.perf_counter() - seen["at"], time.process_time() - seen["cpu"]
                line = json.dumps({"events": events, "wall_s": wall, "cpu_s": cpu})
                os.write(1, line.encode() + b"\n")
                os._exit(0)

    faust.Worker(app, loglevel="ERROR").execute_from_commandline()


if __name__ == "__main__":
    main()
