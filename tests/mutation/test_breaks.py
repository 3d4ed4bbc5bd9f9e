"""The table of breaks fits the code as it is now. (That each is noticed is for `make mutants`: it takes minutes.)"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.mutation.breaks import BREAKS, Break
from tests.mutation.corner_breaks import CORNER_BREAKS

ALL = (*BREAKS, *CORNER_BREAKS)

PACKAGE = Path(__file__).parents[2] / "sla_stream"
RULES = 17


@pytest.mark.parametrize("broken", ALL, ids=lambda broken: broken.rule)
def test_break_applies(broken: Break) -> None:
    text = (PACKAGE / broken.module).read_text(encoding="utf-8")
    assert text.count(broken.old) == 1, "the code moved on: say the break anew"
    ast.parse(text.replace(broken.old, broken.new))


def test_every_rule_is_broken_at_least_once() -> None:
    assert {broken.rule.split()[0] for broken in ALL} >= {str(number) for number in range(1, RULES + 1)}


def test_no_break_is_there_twice() -> None:
    assert len({(broken.module, broken.old, broken.new) for broken in ALL}) == len(ALL)
    assert len({broken.rule for broken in ALL}) == len(ALL)
