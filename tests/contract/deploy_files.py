"""What tests of `deploy/` share: the rendered manifests, and commands of containers read as the program reads them."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

from sla_stream.cli.main import Parser
from sla_stream.formats.settings import Settings, settings_from_arguments
from sla_stream.gateway.config import Gateway
from sla_stream.gateway.gateway_file import PARTS, load_gateway
from sla_stream.ingest.route import Route
from sla_stream.ingest.sources_file import load_sources

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
OVERLAYS = ("single", "production")


def tool(name: str) -> str:
    """A program that came with the development packages; it is an error when it is not there."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.is_file() else shutil.which(name)
    assert found, f"{name} is not installed; `make setup-dev` installs it"
    return found


def run_tool(name: str, *words: str, cwd: Path = ROOT) -> str:
    """Its standard output; fails with all it said when it does not end with 0."""
    done = subprocess.run([tool(name), *words], cwd=cwd, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{name} {' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def load(path: str) -> Any:
    return yaml.safe_load((DEPLOY / path).read_text(encoding="utf-8"))


@cache
def generate() -> ModuleType:
    """deploy/generate.py as a module."""
    spec = importlib.util.spec_from_file_location("deploy_generate", DEPLOY / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def rendered(overlay: str) -> list[dict[str, Any]]:
    """All resources of an overlay, as kubectl would apply them."""
    text = run_tool("kubectl", "kustomize", str(DEPLOY / "kubernetes" / "overlays" / overlay))
    return [one for one in yaml.safe_load_all(text) if one]


def of_kind(overlay: str, *kinds: str) -> list[dict[str, Any]]:
    return [one for one in rendered(overlay) if one["kind"] in kinds]


def workloads(overlay: str) -> list[dict[str, Any]]:
    return of_kind(overlay, "StatefulSet", "Deployment", "Job")


def containers(workload: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """(container, pod spec) of each container, init containers first."""
    pod = workload["spec"]["template"]["spec"]
    for one in (*pod.get("initContainers", ()), *pod["containers"]):
        yield one, pod


def command(words: Sequence[str]) -> argparse.Namespace:
    """`sla-stream WORDS` as its own parser reads it; fails when it would be refused."""
    parser = Parser(prog=f"sla-stream {words[0]}")
    importlib.import_module(f"sla_stream.cli.{words[0]}").add_arguments(parser)
    try:
        return parser.parse_args(list(words[1:]))
    except SystemExit:
        raise AssertionError(f"sla-stream {' '.join(words)} is refused by its own parser") from None


def settings_of(words: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """The settings in force in a container; raises ConfigError as the program would."""
    beside = PARTS if words[0] == "gateway" else ()
    return settings_from_arguments(command(words), environment, beside)


def hooks_of(words: Sequence[str]) -> Gateway:
    """What a gateway with these words receives; every secret must be there."""
    return load_gateway(command(words).config, {})


def sources_of(words: Sequence[str]) -> dict[str, Route]:
    """What an ingest worker with these words reads, by topic."""
    return load_sources(command(words).config, with_settings=True)
