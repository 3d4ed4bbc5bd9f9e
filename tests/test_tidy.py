"""The house rules that a tool does not check."""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = {".py", ".md", ".yaml", ".yml", ".toml", ".json", ".xml", ".txt", ".in", ".cfg", ".sh"}
NAMES = {"Makefile", "run", "NOTICE", "Dockerfile", ".gitignore"}
NOT_OURS = (
    {".git", ".venv", ".cache", "build", "dist", "node_modules", "__pycache__"}
    | {f".{tool}_cache" for tool in ("mypy", "ruff", "pytest")}
    | {".hypothesis"}
)
LONGEST_MODULE = 350
LONGEST_README = 250

FORBIDDEN = re.compile(
    r"/root/|/work/|/home/[a-z]|/Users/|\bFIXME\b|\bXXX\b|\bTODO\b"
    r"|https?://[^\s\"')>]*(pypi|pythonhosted|repo1?\.maven)[^\s\"')>]*/(simple|maven2)",
    re.IGNORECASE,
)
"""Paths of one machine, unfinished work, hosts of package registries."""


def files(suffix: str = "", under: str = ".") -> list[Path]:
    """The project's own files, in order."""
    found = []
    for folder, inner, names in os.walk(ROOT / under):
        inner[:] = [one for one in inner if one not in NOT_OURS and not one.endswith(".egg-info")]
        found += [Path(folder) / name for name in names if name.endswith(suffix)]
    return sorted(found)


def modules() -> list[Path]:
    return files(".py", "sla_stream")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_there_is_something_to_check() -> None:
    assert len(modules()) > 20
    assert len(files(".md")) >= 3


@pytest.mark.parametrize("path", modules(), ids=name)
def test_module_is_short_and_says_what_it_is(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= LONGEST_MODULE, "one idea a module: split it"
    assert ast.get_docstring(ast.parse(text)), "a module opens with a sentence that says what it is for"


def test_every_folder_with_modules_is_a_package() -> None:
    missing = {str(path.parent) for path in modules() if not (path.parent / "__init__.py").is_file()}
    assert not missing


def test_nothing_forbidden_is_written_anywhere() -> None:
    found = []
    for path in files():
        if (path.suffix not in TEXT and path.name not in NAMES) or path == Path(__file__):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if match := FORBIDDEN.search(line):
                found.append(f"{name(path)}:{number}: {match.group()}")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("path", files(".md"), ids=name)
def test_document_has_one_title(path: Path) -> None:
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^# .+", text, re.MULTILINE)
    assert len(titles) == 1
    assert text.lstrip().startswith(titles[0])


def test_readme_can_be_read_in_one_sitting() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert 30 <= len(lines) <= LONGEST_README


@pytest.mark.parametrize("path", files(".md"), ids=name)
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", text):
        assert (path.parent / target).exists(), f"{target} does not exist"


def test_no_test_waits_for_luck() -> None:
    """A test waits for a condition with a deadline; a bare sleep outside a loop is a guess."""
    found = []
    for path in files(".py", "tests"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        in_loops = {id(node) for loop in ast.walk(tree) if is_loop(loop) for node in ast.walk(loop)}
        for node in ast.walk(tree):
            if is_sleep(node) and id(node) not in in_loops:
                found.append(f"{name(path)}:{node.lineno}")
    assert not found, found


def is_loop(node: ast.AST) -> bool:
    return isinstance(node, ast.While | ast.For | ast.AsyncFor)


def is_sleep(node: ast.AST) -> bool:
    """`time.sleep(...)` or `asyncio.sleep(...)` of more than nothing."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "sleep"
        and not (node.args and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0)
    )


def test_bundled_history_names_its_authors_and_licence() -> None:
    for document in ("NOTICE", "sla_stream/demo/README.md"):
        text = (ROOT / document).read_text(encoding="utf-8")
        for needed in ("Amaral", "Fantinato", "Peres", "10.24432/C57S4H", "CC BY 4.0", "hanges"):
            assert needed in text, f"{document} does not say {needed}"
