"""Pages people for breached promises: opens a page for a breach, closes it when it is taken back or the clock ends.

    pip install confluent-kafka
    python pager.py --kafka localhost:9092 --state pager.db

Three steps for every record, in this order: act, remember, commit. A crash after the first repeats the action with the
same key (`incident`), which every paging service takes for the same page; a crash after the second brings the record
again, and its id is known by then. So nothing is lost, and nobody is called twice.
"""

from __future__ import annotations

import argparse
import json
import signal
import sqlite3

from confluent_kafka import Consumer, KafkaException

TABLES = """
    create table if not exists said (id text primary key, incident text not null, type text not null);
    create table if not exists gone (id text primary key);
    create table if not exists pages (incident text primary key);
"""


def page(action: str, incident: str, summary: str) -> None:
    """Put the call to your paging service here; `incident` is its deduplication key."""
    print(f"{action}\t{incident}\t{summary}", flush=True)


class Pager:
    """A page is open exactly while a breach of its incident stands and no outcome does."""

    def __init__(self, path: str) -> None:
        self._db = sqlite3.connect(path)
        self._db.executescript(TABLES)

    def take(self, value: bytes) -> None:
        """One SLA event; one that was taken before changes nothing."""
        event = json.loads(value)
        data = event["data"]
        if data.get("kind") == "kpi":
            return  # a goal that nobody is woken for
        with self._db:  # one transaction: all of it is remembered, or nothing
            new = self._db.execute(
                "insert or ignore into said values (?, ?, ?)", (event["id"], data["incident"], event["type"])
            )
            if new.rowcount == 0:
                return
            for other in (data["retracts"], data["supersedes"]):
                if other is not None:
                    self._db.execute("insert or ignore into gone values (?)", (other,))
            self._update(data["incident"], data["reason"] if data["retracts"] else data["summary"])

    def _update(self, incident: str, summary: str) -> None:
        wanted = self._stands(incident, "sla.breach.v1") and not self._stands(incident, "sla.outcome.v1")
        is_open = self._db.execute("select 1 from pages where incident = ?", (incident,)).fetchone() is not None
        if wanted and not is_open:
            page("open", incident, summary)
            self._db.execute("insert into pages values (?)", (incident,))
        elif is_open and not wanted:
            page("close", incident, summary)
            self._db.execute("delete from pages where incident = ?", (incident,))

    def _stands(self, incident: str, kind: str) -> bool:
        query = "select 1 from said where incident = ? and type = ? and id not in (select id from gone)"
        return self._db.execute(query, (incident, kind)).fetchone() is not None


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kafka", default="localhost:9092")
    parser.add_argument("--prefix", default="", help="topic prefix")
    parser.add_argument("--group", default="pager")
    parser.add_argument("--state", default="pager.db")
    args = parser.parse_args()
    pager = Pager(args.state)
    consumer = Consumer(
        {
            "bootstrap.servers": args.kafka,
            "group.id": args.group,
            "isolation.level": "read_committed",  # what an aborted transaction wrote was never said
            "enable.auto.commit": False,  # else an offset is committed before its record is done
            "auto.offset.reset": "earliest",
        }
    )
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
    signal.signal(signal.SIGINT, lambda *_: stop.append(True))
    consumer.subscribe([f"{args.prefix}sla.breaches.v1", f"{args.prefix}sla.outcomes.v1"])
    try:
        while not stop:
            messages = consumer.consume(num_messages=500, timeout=0.2)
            for message in messages:
                if message.error():
                    raise KafkaException(message.error())
                if message.value() is not None:
                    pager.take(message.value())
            if messages:
                consumer.commit(asynchronous=False)
    finally:
        consumer.close()


if __name__ == "__main__":
    main()
