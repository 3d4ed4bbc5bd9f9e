"""What the engine takes without Kafka: `python -m tests.bench.bench_engine` (`--rounds 5 --json build/engine.json`).

The bundled history (141,712 events) goes through each stage in turn, several rounds; the median CPU time is reported,
in µs for each event and in events for each CPU second. `reference` is a loop of fixed work that has nothing to do with
us: its ratio to another sitting's says how much of a difference is the machine's. With the compiled form in another
place (docs/architecture.md, Speed) put that in front: `PYTHONPATH=DIR`; the first line says which form is measured.

    decode      JSON to ticket events
    live        batches of 500: apply, packed states, SLA events rendered; what a worker does between two polls
    summary     the whole of `replay --out summary`: read, sort, engine, count
    one metric  the same with one metric and one warning
    events      the whole of `replay --out events`: read, sort, engine, render
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml

import sla_stream.core.engine
import sla_stream.demo
from sla_stream.core.engine import Engine, EngineSettings
from sla_stream.core.events import TicketEvent
from sla_stream.core.policy import PolicySet
from sla_stream.core.sla_events import SlaEvent
from sla_stream.demo.history import read_history
from sla_stream.formats.codec import decode_ticket_event
from sla_stream.formats.policy_file import load_policies, parse_policies
from sla_stream.formats.sla_event import SlaEventRenderer
from sla_stream.history.log import BadRecord, LogFile
from sla_stream.history.replay import Replay
from sla_stream.history.summary import Summary

POLICIES = Path(sla_stream.demo.__file__).parent / "policies.yaml"
BATCH = 500


def one_metric() -> PolicySet:
    """The history's policy with nothing but a resolution target."""
    written = yaml.safe_load(POLICIES.read_text(encoding="utf-8"))
    policy = written["policies"][0]
    written["policies"] = [policy | {"targets": {"resolution": {"target": "16h"}}}]
    return parse_policies(yaml.safe_dump(written), "one metric")


def live(policies: PolicySet, events: list[TicketEvent]) -> None:
    engine, render = Engine(policies), SlaEventRenderer("/bench", "in", 0).render
    for start in range(0, len(events), BATCH):
        for offset, event in enumerate(events[start : start + BATCH], start):
            engine.apply(event, event.at, offset)
        engine.flush()
        for output in engine.take_outputs():
            render(output)


def replay(policies: PolicySet, path: str, take: Callable[[list[SlaEvent]], None]) -> Replay:
    run = Replay(Engine(policies, EngineSettings(retain_closed=None)), LogFile(path), refuse)
    for said in run.run():
        take(said)
    return run


def refuse(record: BadRecord) -> None:
    raise AssertionError(record.detail)


def summary(policies: PolicySet, path: str) -> None:
    counted = Summary()
    for view in replay(policies, path, counted.add).views(ended=False):
        counted.add_view(view)


def rendered(policies: PolicySet, path: str) -> None:
    render = SlaEventRenderer("/bench", None, None).render
    with Path(os.devnull).open("wb") as nowhere:
        replay(policies, path, lambda said: nowhere.writelines(map(render, said)))


def reference(count: int) -> None:
    """About what a simple event costs: look-ups, a tuple, some arithmetic, a call."""
    table: dict[tuple[int, str], int] = {}
    for number in range(count):
        key = (number & 1023, "open")
        table[key] = max(table.get(key, 0), number)


def cpu_seconds(work: Callable[[], None]) -> float:
    gc.collect()
    began = time.process_time()
    work()
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", metavar="FILE", help="keep the figures there, too")
    args = parser.parse_args()
    module = str(sla_stream.core.engine.__file__)
    print(f"engine: {'pure Python' if module.endswith('.py') else 'compiled'}, {module}")
    three, one = load_policies(POLICIES), one_metric()
    lines = [line.value for line in read_history()]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "events.jsonl"
        log.write_bytes(b"\n".join(lines) + b"\n")
        stages: dict[str, Callable[[], None]] = {
            "reference": lambda: reference(len(lines)),
            "decode": lambda: [None for line in lines if decode_ticket_event(line) is None].clear(),
            "live": lambda: live(three, [decode_ticket_event(line) for line in lines]),
            "summary": lambda: summary(three, str(log)),
            "one metric": lambda: summary(one, str(log)),
            "events": lambda: rendered(three, str(log)),
        }
        gc.set_threshold(100_000, 50, 50)
        taken = {name: [cpu_seconds(work) for _ in range(args.rounds)] for name, work in stages.items()}
    figures = {name: statistics.median(seconds) / len(lines) * 1e6 for name, seconds in taken.items()}
    spread = {name: (max(seconds) - min(seconds)) / len(lines) * 1e6 for name, seconds in taken.items()}
    print(f"{'':12} {'µs an event':>12} {'spread':>8} {'events/CPU-s':>14}")
    for name, each in figures.items():
        print(f"{name:12} {each:12.2f} {spread[name]:8.2f} {1e6 / each:14,.0f}")
    if args.json:
        Path(args.json).write_text(json.dumps({"engine": module, "us": figures, "spread_us": spread}, indent=1) + "\n")


if __name__ == "__main__":
    main()
