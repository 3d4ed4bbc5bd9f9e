"""Run the whole campaign: `make chaos`, or parts of it: `make chaos ARGS="--only network --short --seed 7"`.

Prints a table and keeps it as JSON. Ends with 1 when a row is not what the oracle says.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
import tempfile
import traceback
from pathlib import Path

from tests.chaos.arena import Fault, Row, strike
from tests.chaos.faults import FAULTS
from tests.kafka_support import broker, delete_topics, fresh_prefix

HEAD = (
    "fault", "rounds", "events", "outputs", "lost", "duplicated", "early", "wrong", "set aside", "states",
    "uncommitted", "hanging", "worst lateness", "recovery", "took",
)  # fmt: skip
LIMIT = 3_600
"""Seconds for one fault at most."""


def line(row: Row) -> str:
    found = row.verdict
    counts = (
        row.rounds, found.events, found.outputs, found.lost, found.duplicated, found.early, found.wrong,
        found.set_aside_wrong, found.states, found.uncommitted, found.hanging,
    )  # fmt: skip
    times = (row.worst_lateness, row.recovery, row.seconds)
    cells = [
        row.fault,
        *(f"{count:,}" for count in counts),
        *("" if each is None else f"{each:.1f} s" for each in times),
    ]
    return "| " + " | ".join(cells) + " |"


async def one(fault: Fault, kafka: str, seed: int, long: bool) -> Row:
    prefix = fresh_prefix()
    with tempfile.TemporaryDirectory() as directory:
        try:
            async with asyncio.timeout(LIMIT):
                return await strike(fault, kafka, prefix, Path(directory), seed, long=long)
        finally:
            if fault.broker is None:
                await delete_topics(kafka, prefix)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="faults whose name contains this")
    parser.add_argument("--short", action="store_true", help="the number of rounds that `make test` has")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, default=Path("build/chaos.json"))
    args = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # the watcher's own troubles are part of the game
    rows, failed = [], False
    print("| " + " | ".join(HEAD) + " |", "| --- |" + " ---: |" * (len(HEAD) - 1), sep="\n", flush=True)
    with broker() as kafka:
        for fault in [each for each in FAULTS if args.only in each.name]:
            try:
                row = asyncio.run(one(fault, kafka, args.seed, not args.short))
            except Exception:
                failed = True
                print(f"| {fault.name} | the recipe failed, seed {args.seed} |", flush=True)
                traceback.print_exc()
                continue
            rows.append(row.as_json())
            failed = failed or not row.verdict.green
            print(line(row), flush=True)
            for note in row.notes[-3:]:
                print(f"|   {note} |", flush=True)
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps({"seed": args.seed, "rows": rows}, indent=2) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
