"""The image: linted by hadolint, and what a linter cannot know. No engine builds it here (docs/deploy.md)."""

from __future__ import annotations

import json
import re
import tomllib
from fnmatch import fnmatch

import pytest

from tests.contract.deploy_files import DEPLOY, ROOT, run_tool

FILE = DEPLOY / "Dockerfile"


def instructions() -> list[tuple[str, str]]:
    """(instruction, arguments), continued lines joined, comments left out."""
    text = re.sub(r"^#.*\n", "", FILE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines if line]


def last(name: str) -> str:
    """The arguments of the last such instruction after the last FROM, that is of the image that runs."""
    start = max(number for number, (word, _) in enumerate(instructions()) if word == "FROM")
    return [rest for word, rest in instructions()[start:] if word == name][-1]


def test_hadolint_finds_nothing() -> None:
    assert run_tool("hadolint", "--failure-threshold", "style", str(FILE)) == ""


def test_two_stages_on_one_base_that_is_an_argument_with_a_whole_version_and_no_invented_digest() -> None:
    stages = [rest for word, rest in instructions() if word == "FROM"]
    assert stages == ["${PYTHON_IMAGE} AS build", "${PYTHON_IMAGE}"]
    base = dict(rest.split("=", 1) for word, rest in instructions() if word == "ARG")["PYTHON_IMAGE"]
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", base)


def test_runs_as_a_number_that_is_not_root_and_gets_signals_itself() -> None:
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", last("USER"))
    assert json.loads(last("ENTRYPOINT")) == ["sla-stream"], "exec form: no shell between the signal and us"
    assert last("STOPSIGNAL") == "SIGTERM"


def test_dependencies_come_with_hashes_before_the_source_is_copied() -> None:
    words = [f"{word} {rest}" for word, rest in instructions()]
    install = next(n for n, text in enumerate(words) if "--require-hashes" in text and "lock/run.txt" in text)
    source = next(n for n, text in enumerate(words) if text.startswith("COPY sla_stream"))
    assert install < source
    downloads = [text for text in words if "pip" in text and " install " in text]
    assert downloads and all("--require-hashes" in text or "--no-index" in text for text in downloads)


def test_version_is_that_of_the_package() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert ("ARG", f"VERSION={version}") in instructions()
    assert f"sla-stream:{version}" in (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    for file in (DEPLOY / "kubernetes").rglob("kustomization.yaml"):
        tags = re.findall(r"newTag: (.*)", file.read_text(encoding="utf-8"))
        assert set(tags) <= {version}, file


def ignored(path: str) -> bool:
    """As Docker reads .dockerignore: the last pattern that fits the path or a folder above it decides."""
    verdict = False
    parts = path.split("/")
    prefixes = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = line.removeprefix("!").removeprefix("**/")
        if any(
            fnmatch(one, pattern) or ("**/" in line and fnmatch(one.rsplit("/", 1)[-1], pattern)) for one in prefixes
        ):
            verdict = not line.startswith("!")
    return verdict


def copied() -> list[str]:
    sources = [rest for word, rest in instructions() if word == "COPY" and not rest.startswith("--from")]
    return [name for rest in sources for name in rest.split()[:-1]]


@pytest.mark.parametrize("name", copied())
def test_what_is_copied_exists_and_reaches_the_builder(name: str) -> None:
    assert (ROOT / name).exists()
    assert not ignored(name)


@pytest.mark.parametrize(
    "name", [".git/config", ".venv/bin/python", "deploy/compose.yaml", "tests/conftest.py", ".env"]
)
def test_nothing_else_reaches_the_builder(name: str) -> None:
    assert ignored(name)


def test_what_the_build_reads_is_copied() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {project["readme"], *project["license-files"], "pyproject.toml", "sla_stream"} <= set(copied())
