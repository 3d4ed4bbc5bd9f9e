"""Alerts, dashboard and runbook: checked by Prometheus' own tool, and against what is exported.

That running processes really serve these series, labels included, is in test_deploy_run.py.
"""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import pytest
import yaml

from sla_stream.gateway.metrics import NAMES as GATEWAY_NAMES
from sla_stream.gateway.metrics import GatewayMetrics
from sla_stream.ingest.metrics import NAMES as INGEST_NAMES
from sla_stream.ingest.metrics import IngestMetrics
from sla_stream.observe.metrics import NAMES, Metrics
from tests.contract.deploy_files import DEPLOY, ROOT, generate, load
from tests.contract.deploy_queries import Query, alert_queries, alerts, panel_queries, promtool

MONITORING = DEPLOY / "monitoring"
RUNBOOK = ROOT / "docs" / "runbook.md"
QUERIES = alert_queries() + panel_queries()
RULES = alerts()


def exported() -> set[str]:
    """Every series name of our registries, and `up`, which Prometheus makes."""
    names = {"up"}
    for metrics in (Metrics(), GatewayMetrics(), IngestMetrics()):
        for family in metrics.registry.collect():
            ends = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
            names |= {family.name + end for end in ends}
    return names


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.place)
def test_every_query_uses_exported_metrics_only(query: Query) -> None:
    names = {name for name, _ in query.selectors()}
    assert names and names <= exported()


def test_a_metric_that_nobody_exports_is_noticed() -> None:
    assert {name for name, _ in Query("made up", "rate(sla_event_total[5m]) > 0").selectors()} - exported()


def test_every_metric_is_looked_at() -> None:
    """What no alert and no panel shows is exported in vain."""
    used = {name for query in QUERIES for name, _ in query.selectors()}
    every = (*NAMES, *GATEWAY_NAMES, *INGEST_NAMES)
    unused = [name for name in every if not {name, f"{name}_bucket", f"{name}_sum"} & used]
    assert not unused


@pytest.mark.parametrize("words", ["check config prometheus.yaml", "test rules alerts_test.yaml"])
def test_rules_are_valid_and_do_what_their_unit_tests_say(words: str) -> None:
    """The check of the configuration reads the rules, too."""
    done = subprocess.run(
        [promtool(), *words.split()], cwd=MONITORING, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, f"promtool {words}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_each_alert_is_tested_both_ways(rule: dict[str, Any]) -> None:
    """It fires in some unit test, on one series while others that look alike stay quiet, or not yet at first."""
    name, fires, quiet = rule["alert"], False, False
    for group in load("monitoring/alerts_test.yaml")["tests"]:
        for case in (case for case in group["alert_rule_test"] if case["alertname"] == name):
            fires |= bool(case["exp_alerts"])
            quiet |= not case["exp_alerts"] or len(group["input_series"]) > len(case["exp_alerts"])
    assert fires and quiet


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_each_alert_says_how_bad_it_is_and_has_its_place_in_the_runbook(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning"}
    page, anchor = rule["annotations"]["runbook_url"].split("#")
    assert ROOT / page == RUNBOOK and anchor == rule["alert"].lower()
    section = sections()[rule["alert"]]
    assert f"**{rule['labels']['severity']}**" in section
    for part in ("**Means**", "**Look**", "**Do**"):
        assert part in section, f"{rule['alert']}: the runbook does not say {part}"


def sections() -> dict[str, str]:
    parts = re.split(r"^### (\w+)\n", RUNBOOK.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_runbook_has_no_alert_that_does_not_exist() -> None:
    assert list(sections()) == [rule["alert"] for rule in RULES], "in the order of alerts.yaml"


def test_summaries_name_labels_that_their_alert_has() -> None:
    for rule in RULES:
        used = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
        grouped = Query(rule["alert"], rule["expr"]).grouping()
        assert used <= (grouped or {"job", "instance"}), rule["alert"]


def test_dashboard_and_rule_are_what_the_generator_makes() -> None:
    for verb, file in (("dashboard", "dashboard.json"), ("rule", "prometheusrule.yaml")):
        made = (MONITORING / file).read_text(encoding="utf-8")
        assert made == generate().main([verb]), f"run `python deploy/generate.py {verb} > deploy/monitoring/{file}`"


def test_the_operators_rule_has_the_same_groups_and_the_runbook_where_it_is_kept() -> None:
    made = yaml.safe_load(generate().main(["rule", "--runbooks", "https://wiki.example/sla"]))
    assert (made["kind"], made["apiVersion"]) == ("PrometheusRule", "monitoring.coreos.com/v1")
    found = [rule for group in made["spec"]["groups"] for rule in group["rules"]]
    assert [rule["expr"] for rule in found] == [rule["expr"] for rule in RULES]
    assert found[0]["annotations"]["runbook_url"] == f"https://wiki.example/sla#{found[0]['alert'].lower()}"


def test_panels_are_whole_and_do_not_overlap() -> None:
    board = load("monitoring/dashboard.json")
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        grid = panel["gridPos"]
        cells = {(grid["x"] + x, grid["y"] + y) for x in range(grid["w"]) for y in range(grid["h"])}
        assert grid["x"] + grid["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells
        if panel["type"] != "row":
            assert panel["targets"] and panel["description"] and panel["fieldConfig"]["defaults"]["unit"]
    variables = {one["name"] for one in board["templating"]["list"]}
    assert set(re.findall(r"\$(?!__)\{?(\w+)", json.dumps(panels))) <= variables


def test_jobs_have_the_names_that_alerts_look_for() -> None:
    down = next(rule["expr"] for rule in RULES if rule["alert"] == "SlaStreamDown")
    pattern = re.search(r'job=~"(.+?)"}', down)
    assert pattern is not None
    jobs = [one["job_name"] for one in load("monitoring/prometheus.yaml")["scrape_configs"]]
    monitors = yaml.safe_load_all((MONITORING / "podmonitor.yaml").read_text(encoding="utf-8"))
    jobs += [f"sla-stream/{one['metadata']['name']}" for one in monitors]
    assert jobs and all(re.fullmatch(pattern[1], job) for job in jobs)
