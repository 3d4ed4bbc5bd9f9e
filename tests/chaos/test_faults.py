"""The short form of the campaign's faults; the long one, and those that are not steady, in `make chaos`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.arena import Fault, strike
from tests.chaos.faults import FAULTS

pytestmark = [pytest.mark.kafka, pytest.mark.chaos]


STEADY = [fault for fault in FAULTS if fault.steady]


@pytest.mark.parametrize("fault", STEADY, ids=lambda fault: fault.name.replace(" ", "-"))
async def test_short_form(fault: Fault, kafka: str, prefix: str, tmp_path: Path) -> None:
    row = await strike(fault, kafka, prefix, tmp_path, seed=11)
    assert row.verdict.green, row
    assert row.verdict.events > 0
    assert row.verdict.outputs > 0
