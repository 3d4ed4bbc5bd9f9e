"""deploy/compose.yaml against the compose specification, and its commands and settings against the program."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from sla_stream.formats.policy_file import load_policies
from tests.contract.deploy_files import DEPLOY, command, hooks_of, load, run_tool, settings_of, sources_of

COMPOSE = load("compose.yaml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: one for name, one in SERVICES.items() if "build" in one}


def volumes(service: dict[str, Any]) -> dict[str, str]:
    """Container path -> source."""
    return {text.split(":")[1]: text.split(":")[0] for text in service.get("volumes", ())}


def words(service: dict[str, Any]) -> list[str]:
    """The command, with files of the container where they are in the repository."""
    found = service["command"]
    for inside, source in volumes(service).items():
        found = [word.replace(inside, str(DEPLOY / source)) for word in found]
    return found


def test_schema() -> None:
    run_tool("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "deploy/compose.yaml")


def test_there_is_all_it_takes() -> None:
    assert {"kafka", "topics", "policies", "worker", "gateway", "ingest"} <= set(SERVICES)
    assert SERVICES["kafka"]["image"].startswith("apache/kafka:${")


@pytest.mark.parametrize("name", OURS)
def test_command_and_settings_are_the_programs_own(name: str) -> None:
    service = OURS[name]
    settings = settings_of(words(service), service["environment"])
    assert settings.kafka == "kafka:19092"
    assert "INSIDE://kafka:19092" in SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]


def test_the_worker_starts_after_topics_and_policies() -> None:
    worker = SERVICES["worker"]
    assert worker["depends_on"]["policies"]["condition"] == "service_completed_successfully"
    assert SERVICES["policies"]["depends_on"]["topics"]["condition"] == "service_completed_successfully"
    settings = settings_of(words(worker), worker["environment"])
    assert settings.instance_id and settings.policies is None, "policies come from the topic"


@pytest.mark.parametrize("name", ["worker", "gateway", "ingest"])
def test_it_listens_where_it_is_looked_for(name: str) -> None:
    service = SERVICES[name]
    settings = settings_of(words(service), service["environment"])
    assert settings.listen == ("0.0.0.0", 8085), "only the network of the file reaches it"
    assert "127.0.0.1:8085/readyz" in service["healthcheck"]["test"][-1]
    job = next(one for one in load("monitoring/prometheus.yaml")["scrape_configs"] if one["job_name"].endswith(name))
    assert job.get("static_configs") == [{"targets": [f"{name}:8085"]}] or job.get("dns_sd_configs") == [
        {"names": [name], "type": "A", "port": 8085}
    ]


def test_what_the_gateway_writes_is_made_and_read(tmp_path: Path) -> None:
    service = SERVICES["gateway"]
    text = Path(command(words(service)).config).read_text(encoding="utf-8")
    for secret in service["secrets"]:
        (tmp_path / secret).write_text("a token", encoding="utf-8")
    (tmp_path / "gateway.yaml").write_text(text.replace("/run/secrets", str(tmp_path)), encoding="utf-8")
    gateway = hooks_of(["gateway", f"--config={tmp_path}/gateway.yaml"])
    topics = {hook.topic for hook in gateway.hooks}
    made = {word.removeprefix("--topic=") for word in SERVICES["source-topics"]["command"] if "--topic=" in word}
    assert topics == made == set(sources_of(words(SERVICES["ingest"])))
    assert f"127.0.0.1:{gateway.port}:{gateway.port}" in service["ports"] and gateway.host == "0.0.0.0"


def test_no_secret_is_in_the_repository() -> None:
    for one in COMPOSE["secrets"].values():
        ignored = (DEPLOY / "compose/.gitignore").read_text(encoding="utf-8").split()
        assert one["file"].startswith("./compose/secrets/") and "secrets/" in ignored


def test_the_policy_file_is_valid() -> None:
    push = command(words(SERVICES["policies"]))
    assert push.yes and load_policies(push.policies).policies


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned_and_ports_are_on_loopback(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"[\w./${-]+:(-[\w.-]+:)?(\$\{\w+:-)?v?\d+\.\d+\.\d+\}?", service["image"]), service["image"]
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


@pytest.mark.parametrize("name", OURS)
def test_ours_have_no_rights(name: str) -> None:
    service = OURS[name]
    assert service["read_only"] is True and service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service["user"].startswith("0")


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_mounted_exists(name: str) -> None:
    for source in volumes(SERVICES[name]).values():
        named = source in COMPOSE["volumes"]
        assert named or (DEPLOY / source).exists(), source
