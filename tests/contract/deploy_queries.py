"""The queries of alerts and dashboard, read by a parser of PromQL, and promtool."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import promql_parser

from sla_stream.broker.kafka_jars import cache_directory
from tests.contract.deploy_files import load

ADDED_BY_PROMETHEUS = {"job", "instance", "le"}
"""Labels that a scrape adds; `le` is the histogram's own."""
GRAFANAS = {"$__rate_interval": "5m", "$job": ".*"}


@dataclass(frozen=True)
class Query:
    """One query and where it stands."""

    place: str
    text: str

    def selectors(self) -> Iterator[tuple[str, set[str]]]:
        """(metric, labels it is chosen by) of each selector."""
        found: list[tuple[str, set[str]]] = []

        def visit(node: Any) -> None:
            if isinstance(node, promql_parser.MatrixSelector):
                node = node.vector_selector
            if isinstance(node, promql_parser.VectorSelector):
                found.append((node.name, {one.name for one in node.matchers.matchers}))

        promql_parser.walk(promql_parser.parse(self.text), visit)
        return iter(found)

    def grouping(self) -> set[str]:
        """Labels that results are grouped by."""
        found: set[str] = set()

        def visit(node: Any) -> None:
            if isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None:
                found.update(node.modifier.labels)

        promql_parser.walk(promql_parser.parse(self.text), visit)
        return found


def alerts() -> list[dict[str, Any]]:
    return [rule for group in load("monitoring/alerts.yaml")["groups"] for rule in group["rules"]]


def alert_queries() -> list[Query]:
    return [Query(f"alert {rule['alert']}", rule["expr"]) for rule in alerts()]


def panel_queries() -> list[Query]:
    found = []
    for panel in load("monitoring/dashboard.json")["panels"]:
        for target in panel.get("targets", ()):
            text = target["expr"]
            for variable, value in GRAFANAS.items():
                text = text.replace(variable, value)
            found.append(Query(f"panel {panel['title']}/{target['legendFormat']}", text))
    return found


@cache
def promtool() -> str:
    """Prometheus' own checker: $PROMTOOL, the PATH's, or Debian's, unpacked (not installed) beside Kafka's jars.

    Fails with what to do where none can be had, since a check that did not run must not look like one that did.
    """
    kept = cache_directory() / "promtool"
    for one in (os.environ.get("PROMTOOL"), shutil.which("promtool"), kept if kept.is_file() else None):
        if one:
            return str(one)
    if shutil.which("apt-get") is None:
        raise AssertionError("promtool is missing: install Prometheus, or say where it is: PROMTOOL=/path/to/promtool")
    with tempfile.TemporaryDirectory() as folder:
        if not _debian(folder, "apt-get", "download", "prometheus"):
            _debian(folder, "apt-get", "update")
            assert _debian(folder, "apt-get", "download", "prometheus"), "promtool: apt-get cannot download prometheus"
        package = next(Path(folder).glob("prometheus_*.deb"))
        assert _debian(folder, "dpkg-deb", "--extract", str(package), folder)
        kept.parent.mkdir(parents=True, exist_ok=True)
        partial = kept.with_suffix(f".{os.getpid()}")
        shutil.copy2(Path(folder) / "usr/bin/promtool", partial)
        partial.replace(kept)
    return str(kept)


def _debian(folder: str, *words: str) -> bool:
    done = subprocess.run(words, cwd=folder, capture_output=True, timeout=120, check=False)
    return done.returncode == 0
