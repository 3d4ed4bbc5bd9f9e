"""The place where batches meet the engine: one agent on the input topic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sla_stream.worker.fetching import Delivery
from sla_stream.worker.transport import BatchSchema

if TYPE_CHECKING:
    from sla_stream.worker.app import SlaApp


def add_ticket_event_agent(app: SlaApp) -> None:
    """Hand each batch to its partition."""
    topic = app.topic(app.input_topic, schema=BatchSchema(), acks=False)

    @app.agent(topic, name="ticket-events")  # type: ignore[untyped-decorator]
    async def ticket_events(stream: Any) -> None:
        async for event in stream.events():
            delivery: Delivery = event.value
            delivery.arrive()
