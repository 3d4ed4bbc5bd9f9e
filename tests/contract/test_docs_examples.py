"""What the documentation shows is true: its case files pass, its policy files load, its commands print what they say.

A block of YAML with `cases` is run, any other is a policy file. One that begins with `# file: NAME` is also there for
the commands of the page, `$ sla-stream ...` or `$ echo '...' | sla-stream ...`.
"""

from __future__ import annotations

import io
import re
import shlex
from pathlib import Path

import pytest

from sla_stream.cli.main import main
from sla_stream.formats.policy_file import load_policies
from sla_stream.history.cases import load_cases, run_case

DOCS = Path(__file__).parents[2] / "docs"
CONCEPTS = (
    "clocks",
    "pauses",
    "reopening",
    "levels",
    "versions",
    "corrections",
    "schedules",
    "coming-from",
    "policy-tests",
)
PROOF = DOCS / "proof.md"  # fmt: skip
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# file: (\S+)\n")
HIDDEN_NAME = re.compile(r"^<!-- file: (\S+) -->\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LIBRARIES = re.compile(r"tzdata \S+, holidays \S+")


def blocks(page: Path, language: str) -> list[str]:
    return [text for found, text in BLOCK.findall(page.read_text(encoding="utf-8")) if found == language]


PAGES = [*(DOCS / f"{name}.md" for name in CONCEPTS), PROOF]
YAML = [pytest.param(text, id=f"{page.stem}-{i}") for page in PAGES for i, text in enumerate(blocks(page, "yaml"), 1)]
CONSOLE = [(page, text) for page in PAGES if page != PROOF for text in blocks(page, "console")]


@pytest.mark.parametrize("text", YAML)
def test_examples(text: str, tmp_path: Path) -> None:
    path = tmp_path / "example.yaml"
    path.write_text(text, encoding="utf-8")
    if "\ncases:\n" not in text:
        assert load_policies(path).policies
        return
    file = load_cases(str(path))
    for case in file.cases:
        result = run_case(file, case)
        assert result.passed, f"{case.name}\n" + "\n".join(result.differences)


@pytest.mark.parametrize("name", CONCEPTS)
def test_each_concept_has_an_example_that_runs(name: str) -> None:
    assert any("\ncases:\n" in text for text in blocks(DOCS / f"{name}.md", "yaml"))


def lay_out(page: Path, directory: Path) -> None:
    """The files that the page shows, for its commands."""
    for block in blocks(page, "yaml"):
        if name := FILE.match(block):
            (directory / name[1]).write_text(block, encoding="utf-8")
    for name, text in HIDDEN_NAME.findall(page.read_text(encoding="utf-8")):
        (directory / name).write_text(text, encoding="utf-8")


def run_as_shown(text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    """(what the page says that the command prints, what it prints: all of it, or its standard output)."""
    command, expected = text.split("\n", 1)
    words = shlex.split(command.removeprefix("$ "))
    if words[0] == "echo":
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(words[1].encode())))
        words = words[words.index("|") + 1 :]
    target = None
    if ">" in words:
        words, (target,) = words[: words.index(">")], words[words.index(">") + 1 :]
    assert words[0] == "sla-stream"
    main(words[1:])
    out, err = capsys.readouterr()
    if target is not None:
        Path(target).write_text(out, encoding="utf-8")
        out = ""
    shown = LIBRARIES.sub("tzdata, holidays", expected)
    printed = LIBRARIES.sub("tzdata, holidays", out)
    return shown, printed if shown == printed else printed + err


@pytest.mark.parametrize(("page", "text"), CONSOLE, ids=lambda value: getattr(value, "stem", ""))
def test_commands(
    page: Path, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lay_out(page, tmp_path)
    monkeypatch.chdir(tmp_path)
    shown, printed = run_as_shown(text, monkeypatch, capsys)
    assert shown == printed


def test_proof(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Its commands, one after the other."""
    lay_out(PROOF, tmp_path)
    monkeypatch.chdir(tmp_path)
    commands = blocks(PROOF, "console")
    assert {text.split()[2] for text in commands} >= {"explain", "verify", "simulate", "report", "replay"}
    for text in commands:
        shown, printed = run_as_shown(text, monkeypatch, capsys)
        assert shown == printed
