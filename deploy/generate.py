"""Makes the deployment files that follow from others, on standard output (a test holds that those kept here agree).

python deploy/generate.py topics > deploy/strimzi/topics.yaml            our topics as Strimzi's KafkaTopic
python deploy/generate.py topics --topic-prefix eu- --partitions 24      ... under other settings
    python deploy/generate.py users > deploy/strimzi/users.yaml              who may do what, as Strimzi's KafkaUser
python deploy/generate.py rule > deploy/monitoring/prometheusrule.yaml   alerts.yaml for the Prometheus operator
python deploy/generate.py rule --runbooks https://wiki.example/runbook   ... with the runbook where you keep it
python deploy/generate.py dashboard > deploy/monitoring/dashboard.json   panels.yaml for Grafana
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from sla_stream.formats.settings import TOPIC_SETTINGS, Settings, add_settings_arguments, settings_from_arguments
from sla_stream.gateway.topic_check import gateway_rights
from sla_stream.ingest.topic_check import ingest_rights
from sla_stream.kafka.admin import FoundTopic
from sla_stream.kafka.rights import Right, consumer_rights, pusher_rights, worker_rights
from sla_stream.kafka.topics import WantedTopic, wanted_topics

MONITORING: Final = Path(__file__).parent / "monitoring"
RUNBOOK: Final = "docs/runbook.md"
CLUSTER: Final = "kafka"
SOURCES: Final = ("zendesk.webhooks", "jira.webhooks")
"""Topics that the gateway writes and ingest reads."""
COPIES: Final = 3
"""Copies of a topic where the settings say nothing: a resource says what a broker's default would."""

NOTE: Final = "# Made by `python deploy/generate.py {verb}`; change what it is made from.\n"
JOBS: Final = "(.+/)?sla-stream-(worker|gateway|ingest)"
COLUMNS: Final = 24
"""Grafana's grid."""


def kafka_topics(wanted: Iterable[WantedTopic], cluster: str = CLUSTER) -> Iterator[dict[str, Any]]:
    """Each topic as a KafkaTopic resource of the Strimzi cluster named `cluster`."""
    for topic in wanted:
        target = topic.on(COPIES)
        name = re.sub(r"[^a-z0-9.-]", "-", topic.name.lower()).strip("-.")
        spec: dict[str, Any] = {} if name == topic.name else {"topicName": topic.name}
        config = {key: _value(text) for key, text in target.config.items()}
        spec |= {"partitions": target.partitions, "replicas": target.replication, "config": config}
        yield {
            "apiVersion": "kafka.strimzi.io/v1",
            "kind": "KafkaTopic",
            "metadata": {"name": name, "labels": {"strimzi.io/cluster": cluster}},
            "spec": spec,
        }


def kafka_users(
    settings: Settings, cluster: str = CLUSTER, sources: Sequence[str] = SOURCES
) -> Iterator[dict[str, Any]]:
    """Each process with the rights that it needs and no other, as KafkaUser resources with a client certificate."""
    for name, rights in users(settings, sources).items():
        yield {
            "apiVersion": "kafka.strimzi.io/v1",
            "kind": "KafkaUser",
            "metadata": {"name": name, "labels": {"strimzi.io/cluster": cluster}},
            "spec": {"authentication": {"type": "tls"}, "authorization": {"type": "simple", "acls": _acls(rights)}},
        }


def users(settings: Settings, sources: Sequence[str] = SOURCES) -> dict[str, list[Right]]:
    """Rights by user. The last is an example: somebody who pages on breaches."""
    found = {topic: FoundTopic(topic, {0: 0}, COPIES, {}) for topic in sources}
    return {
        "sla-stream-worker": worker_rights(settings, settings.partitions),
        "sla-stream-policies": pusher_rights(settings),
        "sla-stream-gateway": gateway_rights(sources),
        "sla-stream-ingest": ingest_rights(settings, sources, found),
        "sla-stream-consumer": consumer_rights(settings.topic("breaches"), f"{settings.topic_prefix}sla-consumer"),
    }


def _acls(rights: Iterable[Right]) -> list[dict[str, Any]]:
    """One rule a resource. A right on several ids is one on what they begin with."""
    rules: dict[tuple[str, str, str], list[str]] = {}
    for right in rights:
        resource = (right.kind, right.name, "prefix" if right.prefixed else "literal")
        rules.setdefault(resource, []).append(right.operation)
    return [
        {
            "resource": {"type": kind.replace("transactional-id", "transactionalId"), "name": name, "patternType": how},
            "operations": operations,
        }
        for (kind, name, how), operations in rules.items()
    ]


def prometheus_rule(runbooks: str = RUNBOOK) -> dict[str, Any]:
    """alerts.yaml as a PrometheusRule resource."""
    groups = yaml.safe_load((MONITORING / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
    for rule in (rule for group in groups for rule in group["rules"]):
        where = rule["annotations"]["runbook_url"]
        rule["annotations"]["runbook_url"] = runbooks + where.removeprefix(RUNBOOK)
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "sla-stream"},
        "spec": {"groups": groups},
    }


def dashboard() -> dict[str, Any]:
    """panels.yaml as a Grafana dashboard."""
    source = yaml.safe_load((MONITORING / "panels.yaml").read_text(encoding="utf-8"))
    panels: list[dict[str, Any]] = []
    top = 0
    for row in source["rows"]:
        height = 4 if all(panel.get("kind") == "stat" for panel in row["panels"]) else 8
        width = 4 if height == 4 else 8
        panels.append(_panel(len(panels) + 1, "row", row["title"], (COLUMNS, 1, 0, top)))
        top += 1
        for number, panel in enumerate(row["panels"]):
            left, line = number * width % COLUMNS, number * width // COLUMNS
            place = (width, height, left, top + line * height)
            panels.append(_panel(len(panels) + 1, panel.get("kind", "timeseries"), panel["title"], place, panel))
        top += height * (1 + (len(row["panels"]) - 1) * width // COLUMNS)
    return {
        "uid": "sla-stream",
        "title": source["title"],
        "tags": ["sla-stream"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [_source(), _job()]},
        "panels": panels,
    }


def _panel(
    number: int, kind: str, title: str, place: tuple[int, int, int, int], panel: dict[str, Any] | None = None
) -> dict[str, Any]:
    grid = dict(zip(("w", "h", "x", "y"), place, strict=True))
    made: dict[str, Any] = {"id": number, "type": kind, "title": title, "gridPos": grid}
    if panel is None:
        return made | {"collapsed": False, "panels": []}
    targets = [
        {"refId": chr(ord("A") + n), "legendFormat": legend, "expr": query, "datasource": _data_source()}
        for n, (legend, query) in enumerate(panel["queries"].items())
    ]
    made |= {"description": panel["tells"], "datasource": _data_source(), "targets": targets}
    return made | {"fieldConfig": {"defaults": {"unit": panel["unit"]}, "overrides": []}}


def _data_source() -> dict[str, str]:
    return {"type": "prometheus", "uid": "${source}"}


def _source() -> dict[str, Any]:
    return {"name": "source", "label": "Data source", "type": "datasource", "query": "prometheus"}


def _job() -> dict[str, Any]:
    query = f'label_values(up{{job=~"{JOBS}"}}, job)'
    return {
        "name": "job",
        "label": "Job",
        "type": "query",
        "datasource": _data_source(),
        "definition": query,
        "query": {"query": query, "refId": "job"},
        "refresh": 2,
        "includeAll": True,
        "multi": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }


def _value(text: str) -> int | float | str:
    """A topic config as YAML's own number where it is one."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _yaml(verb: str, documents: Iterable[dict[str, Any]]) -> str:
    text = yaml.safe_dump_all(documents, sort_keys=False, width=200, explicit_start=True)
    return NOTE.format(verb=verb) + text


def main(words: list[str]) -> str:
    """The text that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb, kind in (("topics", "KafkaTopic"), ("users", "KafkaUser")):
        strimzi = verbs.add_parser(verb, help=f"{kind} resources")
        strimzi.add_argument("--cluster", default=CLUSTER, help=f"Strimzi's name of the cluster (default: {CLUSTER})")
        add_settings_arguments(strimzi, (*TOPIC_SETTINGS, "timers_topic"))
    what = "a topic that the gateway writes and ingest reads; may be given several times"
    verbs.choices["users"].add_argument("--source-topic", action="append", metavar="NAME", help=what)
    rule = verbs.add_parser("rule", help="a PrometheusRule resource")
    rule.add_argument("--runbooks", default=RUNBOOK, help=f"where the runbook is read (default: {RUNBOOK})")
    verbs.add_parser("dashboard", help="a Grafana dashboard")
    args = parser.parse_args(words)
    if args.verb == "topics":
        return _yaml("topics", kafka_topics(wanted_topics(settings_from_arguments(args)), args.cluster))
    if args.verb == "users":
        return _yaml("users", kafka_users(settings_from_arguments(args), args.cluster, args.source_topic or SOURCES))
    if args.verb == "rule":
        return _yaml("rule", [prometheus_rule(args.runbooks)])
    return json.dumps(dashboard(), indent=1) + "\n"


if __name__ == "__main__":
    sys.stdout.write(main(sys.argv[1:]))
