"""How long a mapping takes for one record, by source: `python -m tests.bench.mapping_speed`.

Every sample record in turn, each a thousand times; for Jira also issue updates alone, each of another ticket, time and
delivery, so that no memory of earlier values helps. The best of several rounds, in µs, decoding and writing included.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import orjson

from tests.source_samples import SOURCES, mapping, source

ROUNDS = 15
Record = tuple[bytes | None, list[tuple[str, bytes]], bytes | None, int | None]


def best(work: Callable[[], object], records: int) -> float:
    """µs a record."""
    taken = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return min(taken) / records * 1e6


def one_source(name: str) -> float:
    records = [sample.arguments() for sample in source(name).samples]
    return best(lambda: _map_all(name, records * 50), len(records) * 50)


def _map_all(name: str, records: list[Record]) -> None:
    map_one = mapping(name).map
    for record in records:
        map_one(*record)


def jira_updates() -> tuple[float, float]:
    """µs for an update of its own each, and what of it is reading JSON."""
    sample = source("jira").samples[1]
    records: list[Record] = []
    for number in range(2000):
        payload = orjson.loads(orjson.dumps(sample.payload))
        payload["timestamp"] += number * 61_007
        payload["issue"]["id"] = str(10_000 + number)
        payload["issue"]["fields"]["created"] = (
            f"2026-02-{1 + number % 28:02}T0{number % 10}:{number % 60:02}:00.{number % 1000:03}+0100"
        )
        records.append((orjson.dumps(payload), [("X-Atlassian-Webhook-Identifier", b"d-%d" % number)], None, None))
    whole = best(lambda: _map_all("jira", records), len(records))
    values = [record[0] for record in records if record[0] is not None]
    return whole, best(lambda: _read_all(values), len(values))


def _read_all(values: list[bytes]) -> None:
    for value in values:
        orjson.loads(value)


def main() -> None:
    whole, reading = jira_updates()
    print(f"{'jira, updates of different tickets':40} {whole:6.1f} µs   (of which reading the JSON: {reading:.1f})")
    for name in SOURCES:
        print(f"{name:40} {one_source(name):6.1f} µs")


if __name__ == "__main__":
    main()
