"""Who may import whom (docs/architecture.md), read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "sla_stream"

ALLOWED: dict[str, set[str]] = {
    "core": set(),
    "formats": {"core"},
    "sources": {"core", "formats"},
    "kafka": {"core", "formats"},
    "observe": {"core", "formats"},
    "broker": {"formats", "kafka"},
    "worker": {"core", "formats", "sources", "kafka", "observe"},
    "history": {"core", "formats", "sources", "kafka", "observe"},
    "service": {"core", "formats", "sources", "kafka", "observe"},
    "letters": {"core", "formats", "kafka"},
    "ingest": {"core", "formats", "sources", "kafka", "observe"},
    "gateway": {"core", "formats", "sources", "kafka", "observe"},
    "demo": {"core", "formats", "sources", "kafka", "observe", "broker", "worker", "history", "service"},
    "cli": {
        "core",
        "formats",
        "sources",
        "kafka",
        "observe",
        "broker",
        "worker",
        "history",
        "service",
        "letters",
        "ingest",
        "gateway",
        "demo",
    },
}
"""Package -> packages of ours it may use beside itself and `errors`."""

ONLY_IN: dict[str, set[str]] = {
    "faust": {"worker"},
    "mode": {"worker"},
    "aiokafka": {"kafka", "worker", "ingest"},
}
"""Library -> the packages that may use it."""

LIGHT = {"sla_stream.errors", "sla_stream.formats.settings", "sla_stream.formats.setting_arguments"}
"""What a command may import before it runs."""

CORE_MAY_USE = {"msgspec", "zoneinfo", "sla_stream"}
IMPURE = {
    "asyncio", "logging", "os", "random", "secrets", "socket", "subprocess", "tempfile", "threading", "time", "pathlib",
}  # fmt: skip
"""Of the standard library, what the core must do without: no clock, no chance, no world outside."""


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def package_of(path: Path) -> str:
    """`core`, ..., or "" for a module at the top."""
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else ""


def imported(path: Path) -> Iterator[tuple[int, str, bool]]:
    """(line, dotted module, whether at the top level of the file) of every import statement."""
    tree = ast.parse(path.read_text())
    top = {id(node) for node in tree.body}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, id(node) in top) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            if node.module == "sla_stream":
                yield from ((node.lineno, f"sla_stream.{alias.name}", id(node) in top) for alias in node.names)
            elif node.module:
                yield node.lineno, node.module, id(node) in top


def offences(path: Path) -> Iterator[str]:
    package = package_of(path)
    for line, name, _ in imported(path):
        parts = name.split(".")
        if parts[0] in ONLY_IN and package not in ONLY_IN[parts[0]]:
            yield f"{path}:{line}: {parts[0]} belongs into {', '.join(sorted(ONLY_IN[parts[0]]))} only"
        ours = parts[1] if parts[0] == "sla_stream" and len(parts) > 1 else ""
        if package and ours in ALLOWED and ours not in {package, *ALLOWED[package]}:
            yield f"{path}:{line}: {package} must not import {ours}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_import_rules(path: Path) -> None:
    assert list(offences(path)) == []


def test_every_package_has_its_rule() -> None:
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert packages <= ALLOWED.keys()


@pytest.mark.parametrize("path", sorted((PACKAGE / "core").glob("*.py")), ids=lambda path: path.stem)
def test_the_core_is_pure(path: Path) -> None:
    import sys

    for line, name, _ in imported(path):
        root = name.split(".")[0]
        assert root in CORE_MAY_USE or root in sys.stdlib_module_names, f"{path}:{line}: {name}"
        assert root not in IMPURE, f"{path}:{line}: {name} is not pure"


@pytest.mark.parametrize("path", sorted((PACKAGE / "cli").glob("*.py")), ids=lambda path: path.stem)
def test_commands_import_the_rest_inside_their_functions(path: Path) -> None:
    """So that `--help` stays quick. Helpers of a command, named after it (`replay_output`), are free to."""
    if "_" in path.stem or path.stem in ("__init__", "main"):
        return
    early = {name for _, name, top in imported(path) if top and name.startswith("sla_stream.")}
    assert early <= LIGHT, f"{path}: import these inside the functions"


def test_the_rules_notice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "core").mkdir()
    wrong = tmp_path / "core" / "wrong.py"
    wrong.write_text("import faust\nfrom sla_stream.formats import codec\nfrom sla_stream import errors, worker\n")
    monkeypatch.setitem(globals(), "PACKAGE", tmp_path)
    assert [offence.split(": ", 1)[1] for offence in offences(wrong)] == [
        "faust belongs into worker only",
        "core must not import formats",
        "core must not import worker",
    ]
