"""The health endpoint over real HTTP."""

from __future__ import annotations

import aiohttp
import pytest

from sla_stream.errors import ConfigError
from sla_stream.observe.health import HealthServer
from sla_stream.observe.metrics import Metrics


async def _get(port: int, path: str) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}{path}") as answer,
    ):
        return answer.status, await answer.text()


async def test_ready_with_reasons_when_not() -> None:
    reasons: list[str] = ["partition 3 is recovering", "it is stopping"]
    async with HealthServer(("127.0.0.1", 0), Metrics(), live=list, ready=lambda: reasons) as server:
        assert await _get(server.port, "/livez") == (200, "live\n")
        assert await _get(server.port, "/readyz") == (
            503,
            "not ready: partition 3 is recovering\nnot ready: it is stopping\n",
        )
        reasons.clear()
        assert await _get(server.port, "/readyz") == (200, "ready\n")


async def test_metrics_text() -> None:
    metrics = Metrics()
    metrics.dead_letters.labels("json").inc()
    async with HealthServer(("127.0.0.1", 0), metrics, live=list, ready=list) as server:
        status, text = await _get(server.port, "/metrics")
    assert status == 200
    assert 'sla_dead_letters_total{reason="json"} 1.0' in text
    assert "process_resident_memory_bytes" in text


async def test_a_taken_address_is_the_operators_mistake() -> None:
    async with HealthServer(("127.0.0.1", 0), Metrics(), live=list, ready=list) as server:
        second = HealthServer(("127.0.0.1", server.port), Metrics(), live=list, ready=list)
        with pytest.raises(ConfigError, match=rf"cannot listen on 127\.0\.0\.1:{server.port}.*--listen"):
            await second.__aenter__()
