"""How the worker is doing, read from the endpoint that Prometheus would read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import aiohttp

_SAMPLE: Final = re.compile(r"^(\w+)(?:\{[^}]*\})? (\S+)$", re.MULTILINE)
_PATIENCE: Final = aiohttp.ClientTimeout(total=2)


@dataclass(frozen=True, slots=True)
class Gauges:
    """`events` committed, tickets with `open_timers`, and the earliest instant (ms) not yet fired, None if none."""

    events: int = 0
    open_timers: int = 0
    next_due: int | None = None


class WorkerEndpoint:
    """The health endpoint of the worker on a loopback port."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> WorkerEndpoint:
        self._session = aiohttp.ClientSession(timeout=_PATIENCE)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._session is not None
        await self._session.close()

    async def ready(self) -> bool:
        """The worker owns its partitions and has recovered."""
        return await self._get("/readyz") is not None

    async def gauges(self) -> Gauges | None:
        """None while it does not answer."""
        text = await self._get("/metrics")
        return None if text is None else parse(text)

    async def _get(self, path: str) -> str | None:
        assert self._session is not None
        try:
            async with self._session.get(self._url + path) as answer:
                return await answer.text() if answer.status == 200 else None
        except (aiohttp.ClientError, TimeoutError):
            return None


def parse(text: str) -> Gauges:
    """Gauges from the text form of Prometheus, summed over partitions (the earliest of the deadlines)."""
    samples: dict[str, list[float]] = {}
    for name, value in _SAMPLE.findall(text):
        samples.setdefault(name, []).append(float(value))
    due = [one for one in samples.get("sla_next_due_seconds", []) if one < float("inf")]
    return Gauges(
        events=round(sum(samples.get("sla_events_total", []))),
        open_timers=round(sum(samples.get("sla_open_timers", []))),
        next_due=round(min(due) * 1_000) if due else None,
    )
