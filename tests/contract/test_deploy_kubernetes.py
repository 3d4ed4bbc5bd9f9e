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
from sla_stream.observe.health import HealthServer
from sla_stream.observe.metrics import Metrics
from tests.contract.deploy_files import OVERLAYS, containers, of_kind, rendered, settings_of, workloads

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
        for item in volume.get("secret", {}).get("items", ()):
            (folder / item["path"]).write_text("made up\n", encoding="utf-8")


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
            lay_out(overlay, container, pod, root)
            words = [word.replace(INSIDE, f"{root}{INSIDE}") for word in words_of(container, root)]
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
    container = next(one for one, _ in containers(of_kind("production", "StatefulSet")[0]))
    script = container["args"][0].replace("exec sla-stream", "echo pushes")
    for name, expected in (
        ("sla-stream-worker-0", True),
        ("sla-stream-worker-1", False),
        ("sla-stream-worker-10", False),
    ):
        done = subprocess.run(["/bin/sh", "-c", script], env={"POD_NAME": name}, capture_output=True, check=True)
        assert done.stdout.startswith(b"pushes") is expected, name


def test_production_is_encrypted_and_publishes_under_another_certificate() -> None:
    init, worker = (one for one, _ in containers(of_kind("production", "StatefulSet")[0]))
    mounts = [{one["mountPath"]: one["name"] for one in container["volumeMounts"]} for container in (init, worker)]
    certificates = [mount[f"{INSIDE}/kafka-user"] for mount in mounts]
    assert certificates == ["kafka-pusher", "kafka-user"]
    users = {one["metadata"]["name"] for one in of_kind("production", "KafkaUser")}
    secrets = {one["secret"]["secretName"] for one in worker_volumes() if "secret" in one}
    assert secrets - users == {"kafka-cluster-ca-cert"}, "Strimzi names a user's secret after the user"


def worker_volumes() -> list[dict[str, Any]]:
    volumes: list[dict[str, Any]] = of_kind("production", "StatefulSet")[0]["spec"]["template"]["spec"]["volumes"]
    return volumes


def test_production_settings(tmp_path: Path) -> None:
    settings = next(
        settings for container, _, settings in read("production", tmp_path) if container["name"] == "worker"
    )
    assert settings.kafka_tls and settings.kafka_tls_cert_file and settings.kafka.endswith(":9093")
    topics = of_kind("production", "KafkaTopic")
    partitions = {one["spec"]["partitions"] for one in topics if one["metadata"]["name"] == "sla.ticket-events.v1"}
    assert partitions == {settings.partitions}
    assert of_kind("production", "StatefulSet")[0]["spec"]["replicas"] <= settings.partitions


@each_overlay
async def test_probes_ask_what_the_worker_answers(overlay: str) -> None:
    worker = of_kind(overlay, "StatefulSet")[0]["spec"]["template"]["spec"]["containers"][0]
    probes = {name: worker[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")}
    assert probes["liveness"]["path"] == probes["startup"]["path"] == "/livez"
    assert probes["readiness"]["path"] == "/readyz"
    assert {probe["port"] for probe in probes.values()} == {worker["ports"][0]["name"]}
    server = HealthServer(("127.0.0.1", 0), Metrics(), live=list, ready=list)
    async with server:
        assert server._runner is not None
        known = {str(route.resource.canonical) for route in server._runner.app.router.routes() if route.resource}
    assert {probe["path"] for probe in probes.values()} | {"/metrics"} <= known


@each_overlay
def test_port_in_settings_service_policy_and_monitor_is_the_same(overlay: str, tmp_path: Path) -> None:
    settings = next(settings for container, _, settings in read(overlay, tmp_path) if container["name"] == "worker")
    worker = of_kind(overlay, "StatefulSet")[0]["spec"]["template"]["spec"]["containers"][0]
    service = next(one for one in of_kind(overlay, "Service") if one["metadata"]["name"] == "sla-stream-worker")
    policy = of_kind(overlay, "NetworkPolicy")[0]["spec"]
    ports = {settings.listen[1], worker["ports"][0]["containerPort"], service["spec"]["ports"][0]["port"]}
    assert ports == {policy["ingress"][0]["ports"][0]["port"]}
    assert settings.listen[0] == "0.0.0.0", "else neither the kubelet nor Prometheus reaches it"
    names = {one["spec"]["podMetricsEndpoints"][0]["port"] for one in of_kind(overlay, "PodMonitor")}
    assert names <= {worker["ports"][0]["name"]}


@each_overlay
def test_the_session_outlives_a_restart_and_the_grace_outlives_a_stop(overlay: str, tmp_path: Path) -> None:
    settings = next(settings for container, _, settings in read(overlay, tmp_path) if container["name"] == "worker")
    from sla_stream.worker.running import STOP_LIMIT

    pod = of_kind(overlay, "StatefulSet")[0]["spec"]["template"]["spec"]
    assert settings.session_timeout >= 30_000
    assert pod["terminationGracePeriodSeconds"] > STOP_LIMIT


@each_overlay
def test_selectors_choose_the_pods_they_mean(overlay: str) -> None:
    pods = {one["metadata"]["name"]: one["spec"]["template"]["metadata"]["labels"] for one in workloads(overlay)}
    for one in of_kind(overlay, "PodDisruptionBudget", "PodMonitor"):
        wanted = one["spec"]["selector"]["matchLabels"]
        assert [name for name, labels in pods.items() if wanted.items() <= labels.items()] == [one["metadata"]["name"]]
    for one in of_kind(overlay, "Service"):
        wanted = one["spec"]["selector"]
        assert [name for name, labels in pods.items() if wanted.items() <= labels.items()] == [one["metadata"]["name"]]
    covered = of_kind(overlay, "NetworkPolicy")[0]["spec"]["podSelector"]["matchLabels"]
    assert all(covered.items() <= labels.items() for labels in pods.values())
    assert of_kind(overlay, "StatefulSet")[0]["spec"]["serviceName"] == "sla-stream-worker"


@each_overlay
def test_nothing_goes_out_but_to_names_and_kafka(overlay: str, tmp_path: Path) -> None:
    settings = next(settings for container, _, settings in read(overlay, tmp_path) if container["name"] == "worker")
    policy = of_kind(overlay, "NetworkPolicy")[0]["spec"]
    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
    ports = {port["port"] for rule in policy["egress"] for port in rule["ports"]}
    assert int(settings.kafka.rsplit(":", 1)[1]) in ports <= {53, 9092, 9093}
    if overlay == "production":
        assert all("to" in rule for rule in policy["egress"])
