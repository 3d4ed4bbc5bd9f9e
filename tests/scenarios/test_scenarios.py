"""Every case of every file in the folders beside this one, as `policy test` runs them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sla_stream.core.metrics import BUILT_IN
from sla_stream.history.cases import Case, CaseFile, load_cases, run_case

HERE = Path(__file__).parent
FILES = sorted(HERE.rglob("*.yaml"))


def every_case() -> list[Any]:
    found = []
    files = [load_cases(str(path)) for path in FILES]
    for path, file in zip(FILES, files, strict=True):
        name = path.relative_to(HERE).with_suffix("")
        found += [pytest.param(file, case, id=f"{name}: {case.name}") for case in file.cases]
    return found


@pytest.mark.parametrize(("file", "case"), every_case())
def test_scenario(file: CaseFile, case: Case) -> None:
    result = run_case(file, case)
    differences = "\n".join(result.differences) or "as expected now: take `known_gap` away"
    assert result.passed, f"{file.path}:{case.line}: {case.name}\n{differences}"


def test_there_is_a_file_for_every_built_in_metric() -> None:
    assert BUILT_IN.keys() <= {path.stem for path in FILES if path.parent.name == "metrics"}
