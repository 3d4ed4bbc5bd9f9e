"""Every fault of the campaign, in the order of its table."""

from __future__ import annotations

from tests.chaos.arena import Fault
from tests.chaos.faults import brokers, clocks, herds, members, network, processes, records, topics

FAULTS: tuple[Fault, ...] = (
    *processes.FAULTS,
    *members.FAULTS,
    *brokers.FAULTS,
    *network.FAULTS,
    *topics.FAULTS,
    *records.FAULTS,
    *clocks.FAULTS,
    *herds.FAULTS,
)
