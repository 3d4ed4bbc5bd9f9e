"""deploy/kubernetes: rendered by kubectl, valid for Kubernetes, hardened, and in agreement with the program.

No cluster runs here: what only an API server or a kubelet could say is listed as unrun in docs/deploy.md.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from sla_stream.formats.policy_file import load_policies
from sla_stream.formats.settings import Settings
from sla_stream.gateway.running import STOP_LIMIT_S as gateway_stop
from sla_stream.ingest.running import STOP_LIMIT as ingest_stop
from sla_stream.observe.health import HealthServer
from sla_stream.observe.metrics import Metrics
from sla_stream.worker.running import STOP_LIMIT as worker_stop
from tests.contract.deploy_files import (
    OVERLAYS,
    containers,
    generate,
    hooks_of,
    of_kind,
    rendered,
    settings_of,
    sources_of,
    workloads,
)

VERSIONS = ("1.31", "1.37")
CUSTOM = {"KafkaTopic", "KafkaUser", "PodMonitor", "PrometheusRule"}
INSIDE = "/etc/sla-stream"
EVERY = [(overlay, one) for overlay in OVERLAYS for one in workloads(overlay)]
each_workload = pytest.mark.parametrize(
    ("overlay", "workload"), EVERY, ids=[f"{overlay}-{one['metadata']['name']}" for overlay, one in EVERY]
)
each_overlay = pytest.mark.parametrize("overlay", OVERLAYS)


@each_overlay
@pytest.mark.parametrize("version", VERSIONS)
def test_every_resource_is_valid(overlay: str, version: str) -> None:
    checked = 0
    for one in rendered(overlay):
        if one["kind"] not in CUSTOM:
            kubernetes_validate.validate(one, version, strict=True)
            checked += 1
    assert checked >= 8


def test_the_validation_notices_a_wrong_field() -> None:
    worker = yaml.safe_load(yaml.safe_dump(workloads("single")[-1]))
    worker["spec"]["template"]["spec"]["containers"][0]["readinesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(worker, VERSIONS[-1], strict=True)


@each_overlay
def test_everything_is_in_one_namespace_and_named_once(overlay: str) -> None:
    names = [(one["kind"], one["metadata"]["name"]) for one in rendered(overlay)]
    assert len(names) == len(set(names))
    assert {one["metadata"]["namespace"] for one in rendered(overlay) if one["kind"] != "Namespace"} == {"sla-stream"}


@each_workload
def test_pods_have_no_rights(overlay: str, workload: dict[str, Any]) -> None:
    for container, pod in containers(workload):
        assert pod["automountServiceAccountToken"] is False and pod["enableServiceLinks"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True and pod["securityContext"]["runAsUser"] >= 10_000
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"] and container["resources"]["requests"]["cpu"]
        assert "cpu" not in container["resources"]["limits"], "a throttled worker is late with its alarms"
        assert {"name": "tmp", "mountPath": "/tmp"} in container["volumeMounts"]
        assert re.search(r":\d+\.\d+\.\d+$", container["image"])


@each_workload
def test_secrets_come_by_reference_only(overlay: str, workload: dict[str, Any]) -> None:
    for container, pod in containers(workload):
        for variable in container.get("env", ()):
            secret = any(word in variable["name"] for word in ("PASSWORD", "SECRET", "TOKEN"))
            assert not secret or "secretKeyRef" in variable["valueFrom"]
        for volume in pod["volumes"]:
            assert set(volume) & {"secret", "configMap", "emptyDir"}
    assert not of_kind(overlay, "Secret")


def lay_out(overlay: str, container: dict[str, Any], pod: dict[str, Any], root: Path) -> None:
    """The container's files under `root`; what a secret would hold is made up."""
    maps = {one["metadata"]["name"]: one["data"] for one in of_kind(overlay, "ConfigMap")}
    volumes = {one["name"]: one for one in pod["volumes"]}
    for mount in container["volumeMounts"]:
        volume, folder = volumes[mount["name"]], root / mount["mountPath"].lstrip("/")
        folder.mkdir(parents=True, exist_ok=True)
        if "configMap" in volume:
            for name, text in maps[volume["configMap"]["name"]].items():
                (folder / name).write_text(text.replace(INSIDE, f"{root}{INSIDE}"), encoding="utf-8")
        if "secret" in volume:
            for name in names_in(volume["secret"], mount["mountPath"], maps):
                (folder / name).write_text("made up\n", encoding="utf-8")


def names_in(secret: dict[str, Any], path: str, maps: dict[str, Any]) -> set[str]:
    """The files of a mounted secret. Without `items` it has whatever settings of the overlay look for there."""
    if "items" in secret:
        return {item["path"] for item in secret["items"]}
    texts = [text for data in maps.values() for text in data.values()]
    return {name for text in texts for name in re.findall(rf"{re.escape(path)}/([\w.-]+)", text)}


def words_of(container: dict[str, Any], root: Path) -> list[str]:
    """What `sla-stream` is called with, also when a shell calls it: then one that prints its words is in its place."""
    if "command" not in container:
        return list(container["args"])
    assert container["command"] == ["/bin/sh", "-c"]
    program = root / "bin" / "sla-stream"
    program.parent.mkdir(exist_ok=True)
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    environment = {"POD_NAME": "sla-stream-worker-0", "PATH": str(program.parent)}
    done = subprocess.run(
        ["/bin/sh", "-c", *container["args"]], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def environment_of(container: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one.get("value", "sla-stream-worker-0") for one in container.get("env", ())}


def read(overlay: str, root: Path) -> Iterator[tuple[dict[str, Any], list[str], Settings]]:
    """(container, words, settings) of every container of the overlay; each must be accepted by the program."""
    for workload in workloads(overlay):
        for container, pod in containers(workload):
            own = root / container["name"]
            own.mkdir()
            lay_out(overlay, container, pod, own)
            words = [word.replace(INSIDE, f"{own}{INSIDE}") for word in words_of(container, own)]
            yield container, words, settings_of(words, environment_of(container))


@each_overlay
def test_commands_and_settings_are_the_programs_own(overlay: str, tmp_path: Path) -> None:
    found = {container["name"]: (words, settings) for container, words, settings in read(overlay, tmp_path)}
    words, worker = found["worker"]
    assert words[0] == "run" and worker.instance_id == "sla-stream-worker-0" and worker.policies is None
    words, push = found["policies"]
    assert words[:2] == ["policy", "push"] and "--yes" in words and load_policies(str(push.policies)).policies
    assert {settings.kafka for _, settings in found.values()} == {worker.kafka}


def test_only_the_first_pod_publishes_policies() -> None:
    container = next(one for one, _ in containers(workers("production")))
    script = container["args"][0].replace("exec sla-stream", "echo pushes")
    for name, expected in (
        ("sla-stream-worker-0", True),
        ("sla-stream-worker-1", False),
        ("sla-stream-worker-10", False),
    ):
        done = subprocess.run(["/bin/sh", "-c", script], env={"POD_NAME": name}, capture_output=True, check=True)
        assert done.stdout.startswith(b"pushes") is expected, name


def test_production_is_encrypted_and_publishes_under_another_certificate() -> None:
    init, worker = (one for one, _ in containers(workers("production")))
    mounts = [{one["mountPath"]: one["name"] for one in container["volumeMounts"]} for container in (init, worker)]
    certificates = [mount[f"{INSIDE}/kafka-user"] for mount in mounts]
    assert certificates == ["kafka-pusher", "kafka-user"]
    users = {one["metadata"]["name"] for one in of_kind("production", "KafkaUser")}
    for workload in workloads("production"):
        volumes = workload["spec"]["template"]["spec"]["volumes"]
        secrets = {one["secret"]["secretName"] for one in volumes if "secret" in one}
        assert workload["metadata"]["name"] in secrets & users, "Strimzi names a user's secret after the user"
        assert secrets - users <= {"kafka-cluster-ca-cert", "sla-stream-webhooks"}


def workers(overlay: str) -> dict[str, Any]:
    return next(one for one in workloads(overlay) if one["metadata"]["name"] == "sla-stream-worker")


def test_production_settings(tmp_path: Path) -> None:
    settings = {container["name"]: settings for container, _, settings in read("production", tmp_path)}
    assert all(one.kafka_tls and one.kafka_tls_cert_file and one.kafka.endswith(":9093") for one in settings.values())
    topics = of_kind("production", "KafkaTopic")
    partitions = {one["spec"]["partitions"] for one in topics if one["metadata"]["name"] == "sla.ticket-events.v1"}
    assert partitions == {settings["worker"].partitions}
    replicas = {one["metadata"]["name"]: one["spec"]["replicas"] for one in of_kind("production", "StatefulSet")}
    assert replicas["sla-stream-worker"] <= settings["worker"].partitions


def test_production_reads_what_its_hooks_write_and_strimzi_makes_it(tmp_path: Path) -> None:
    found = {container["name"]: words for container, words, _ in read("production", tmp_path)}
    topics = {hook.topic for hook in hooks_of(found["gateway"]).hooks}
    assert topics == set(sources_of(found["ingest"])) == set(generate().SOURCES)
    assert topics <= {one["metadata"]["name"] for one in of_kind("production", "KafkaTopic")}


@each_overlay
async def test_probes_ask_what_is_answered(overlay: str, tmp_path: Path) -> None:
    server = HealthServer(("127.0.0.1", 0), Metrics(), live=list, ready=list)
    async with server:
        assert server._runner is not None
        known = {str(route.resource.canonical) for route in server._runner.app.router.routes() if route.resource}
    assert "/metrics" in known
    found = {container["name"]: (container, words, settings) for container, words, settings in read(overlay, tmp_path)}
    for name in set(found) & {"worker", "gateway", "ingest"}:
        container, words, settings = found[name]
        ports = {one["name"]: one["containerPort"] for one in container["ports"]}
        probes = {probe: container[f"{probe}Probe"]["httpGet"] for probe in ("startup", "liveness", "readiness")}
        assert probes["liveness"] == probes["startup"] == {"path": "/livez", "port": "http"}
        assert ports["http"] == settings.listen[1] and "/livez" in known
        if name == "gateway":
            assert probes["readiness"] == {"path": "/healthz", "port": "hooks"}
            assert (hooks_of(words).host, hooks_of(words).port) == ("0.0.0.0", ports["hooks"])
        else:
            assert probes["readiness"] == {"path": "/readyz", "port": "http"} and "/readyz" in known


@each_overlay
def test_port_in_settings_service_policy_and_monitor_is_the_same(overlay: str, tmp_path: Path) -> None:
    servers = [one for one in read(overlay, tmp_path) if "readinessProbe" in one[0]]
    assert {settings.listen for _, _, settings in servers} == {("0.0.0.0", 8085)}, "the kubelet has to reach it"
    policies = {one["metadata"]["name"]: one["spec"] for one in of_kind(overlay, "NetworkPolicy")}
    assert policies["sla-stream"]["ingress"][0]["ports"] == [{"protocol": "TCP", "port": 8085}]
    names = {one["spec"]["podMetricsEndpoints"][0]["port"] for one in of_kind(overlay, "PodMonitor")}
    assert names <= {"http"}
    for service in of_kind(overlay, "Service"):
        name = service["metadata"]["name"].removeprefix("sla-stream-")
        ports = next(container["ports"] for container, _, _ in servers if container["name"] == name)
        assert service["spec"]["ports"][0]["targetPort"] in {port["name"] for port in ports}
    if overlay == "production":
        hooks = next(port["containerPort"] for one, _, _ in servers for port in one["ports"] if port["name"] == "hooks")
        assert policies["sla-stream-gateway"]["ingress"][0]["ports"] == [{"protocol": "TCP", "port": hooks}]


@each_overlay
def test_the_session_outlives_a_restart_and_the_grace_outlives_a_stop(overlay: str, tmp_path: Path) -> None:
    settings = {container["name"]: settings for container, _, settings in read(overlay, tmp_path)}
    limits = {"worker": worker_stop, "ingest": ingest_stop, "gateway": gateway_stop}
    for workload in workloads(overlay):
        container, pod = list(containers(workload))[-1]
        name = container["name"]
        if name in limits:
            wait = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
            assert pod["terminationGracePeriodSeconds"] > wait + limits[name]
            assert workload["kind"] == "Deployment" or settings[name].session_timeout >= 30_000


@each_overlay
def test_selectors_choose_the_pods_they_mean(overlay: str) -> None:
    pods = {one["metadata"]["name"]: one["spec"]["template"]["metadata"]["labels"] for one in workloads(overlay)}
    for one in of_kind(overlay, "PodDisruptionBudget", "PodMonitor"):
        wanted = one["spec"]["selector"]["matchLabels"]
        assert [name for name, labels in pods.items() if wanted.items() <= labels.items()] == [one["metadata"]["name"]]
    for one in of_kind(overlay, "Service"):
        wanted = one["spec"]["selector"]
        assert [name for name, labels in pods.items() if wanted.items() <= labels.items()] == [one["metadata"]["name"]]
    policies = {one["metadata"]["name"]: one["spec"] for one in of_kind(overlay, "NetworkPolicy")}
    covered = policies["sla-stream"]["podSelector"]["matchLabels"]
    assert all(covered.items() <= labels.items() for labels in pods.values())
    for one in of_kind(overlay, "StatefulSet"):
        assert one["spec"]["serviceName"] == one["metadata"]["name"]


@each_overlay
def test_nothing_goes_out_but_to_names_and_kafka(overlay: str, tmp_path: Path) -> None:
    policies = {one["metadata"]["name"]: one["spec"] for one in of_kind(overlay, "NetworkPolicy")}
    rules = policies["sla-stream"]["egress"]
    assert set(policies["sla-stream"]["policyTypes"]) == {"Ingress", "Egress"}
    assert all(one["policyTypes"] == ["Ingress"] for name, one in policies.items() if name != "sla-stream")
    ports = {port["port"] for rule in rules for port in rule["ports"]}
    for _, _, settings in read(overlay, tmp_path):
        assert int(settings.kafka.rsplit(":", 1)[1]) in ports <= {53, 9092, 9093}
    if overlay == "production":
        assert all("to" in rule for rule in rules)
