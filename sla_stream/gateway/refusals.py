"""Answers other than "stored": little for the sender, the reason for us, counted always and logged seldom."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

import orjson
from aiohttp import web

from sla_stream.gateway.metrics import GatewayMetrics
from sla_stream.observe.logs import get_logger

log = get_logger(__name__)

LOG_EVERY_S: Final = 10.0
_SILENT: Final = ("no_hook", "method")
"""What scanners of the internet bring about; the counters have them."""


class Refused(Exception):
    """A request that gets no 200. `text` goes to the sender, `own_log` does not."""

    def __init__(
        self,
        status: int,
        why: str,
        text: str,
        retry_after_s: int | None = None,
        *,
        own_log: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(text)
        self.status = status
        self.why = why
        self.text = text
        self.retry_after_s = retry_after_s
        self.own_log = own_log
        self.headers = headers


class Refusals:
    """Turns refusals into answers; says the first of a kind at a hook at once, then how many there were."""

    def __init__(self, metrics: GatewayMetrics, clock: Callable[[], float] = time.monotonic) -> None:
        self._metrics = metrics
        self._clock = clock
        self._said: dict[tuple[str, str], float] = {}
        self._since: Counter[tuple[str, str]] = Counter()

    def answer(self, hook: str, refused: Refused) -> web.Response:
        """The response; counted, and logged if it is time to."""
        self._metrics.refused.labels(hook, refused.why).inc()
        if refused.why not in _SILENT:
            self._say(hook, refused)
        headers = {"Content-Type": "application/json", **(refused.headers or {})}
        if refused.retry_after_s is not None:
            headers["Retry-After"] = str(refused.retry_after_s)
        return web.Response(status=refused.status, body=orjson.dumps({"error": refused.text}), headers=headers)

    def _say(self, hook: str, refused: Refused) -> None:
        kind, now = (hook, refused.why), self._clock()
        self._since[kind] += 1
        if now - self._said.get(kind, -LOG_EVERY_S) < LOG_EVERY_S:
            return
        self._said[kind] = now
        log.warning(
            "gateway.refused",
            hook=hook,
            status=refused.status,
            why=refused.own_log or refused.text,
            times=self._since.pop(kind),
        )
