"""A partition that is let go of counts no longer as paused, or its alert would stay on with another owner."""

from __future__ import annotations

from typing import Any
from unittest.mock import MagicMock

from sla_stream.formats.settings import Settings
from sla_stream.observe.metrics import Metrics
from sla_stream.worker.partition import Partition
from sla_stream.worker.processing import Processing


async def test_a_paused_partition_that_goes_is_paused_no_more() -> None:
    shared: Any = MagicMock(settings=Settings(), metrics=Metrics())
    gauge = shared.metrics.paused
    partition = Partition(0, shared)
    processing = MagicMock(spec=Processing)
    processing.poison = MagicMock(exceeded="100 dead letters in a row")
    partition._pause(processing)
    assert gauge._value.get() == 1
    await partition.close()
    await partition.close()
    assert gauge._value.get() == 0
