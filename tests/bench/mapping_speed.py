"""How long a mapping takes for one record, by source: `python -m tests.bench.mapping_speed`.

Every sample record in turn; for Jira also issue updates alone, each of another ticket, time and delivery, so that no
memory of earlier values helps. In µs, decoding and writing included, the best of many short rounds: on a machine that
others use, too, the long ones measure the others. Beside it what the closures alone take, without the generated code.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import orjson

from tests.source_samples import SOURCES, mapping, source

ROUNDS = 100
Record = tuple[bytes | None, list[tuple[str, bytes]], bytes | None, int | None]


def best(work: Callable[[], object], records: int) -> float:
    """µs a record."""
    taken = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return min(taken) / records * 1e6


def one_source(name: str) -> tuple[float, float]:
    """µs by the generated function, and by the closures."""
    records = [sample.arguments() for sample in source(name).samples] * 10
    return best(lambda: _map_all(mapping(name).map, records), len(records)), best(
        lambda: _map_all(mapping(name).interpret, records), len(records)
    )


def _map_all(map_one: Callable[..., object], records: list[Record]) -> None:
    for record in records:
        map_one(*record)


def jira_updates() -> tuple[float, float, float]:
    """µs for an update of its own each; by the closures; and what of both is reading JSON."""
    sample = source("jira").samples[1]
    records: list[Record] = []
    for number in range(300):
        payload = orjson.loads(orjson.dumps(sample.payload))
        payload["timestamp"] += number * 61_007
        payload["issue"]["id"] = str(10_000 + number)
        payload["issue"]["fields"]["created"] = (
            f"2026-02-{1 + number % 28:02}T0{number % 10}:{number % 60:02}:00.{number % 1000:03}+0100"
        )
        records.append((orjson.dumps(payload), [("X-Atlassian-Webhook-Identifier", b"d-%d" % number)], None, None))
    jira = mapping("jira")
    values = [record[0] for record in records if record[0] is not None]
    return (
        best(lambda: _map_all(jira.map, records), len(records)),
        best(lambda: _map_all(jira.interpret, records), len(records)),
        best(lambda: _read_all(values), len(values)),
    )


def _read_all(values: list[bytes]) -> None:
    for value in values:
        orjson.loads(value)


def main() -> None:
    whole, closures, reading = jira_updates()
    print(f"{'':36} {'µs':>6} {'closures':>9}")
    print(
        f"{'jira, updates of different tickets':36} {whole:6.1f} {closures:9.1f}   of which reading JSON: {reading:.1f}"
    )
    for name in SOURCES:
        print("{:36} {:6.1f} {:9.1f}".format(name, *one_source(name)))


if __name__ == "__main__":
    main()
