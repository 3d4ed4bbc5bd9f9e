"""The health endpoint: /livez, /readyz with the reasons when not, /metrics."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Protocol

from aiohttp import web

from sla_stream.errors import ConfigError

Reasons = Callable[[], list[str]]
"""Why not, one sentence each; empty: all is well."""


class Rendered(Protocol):
    """Metrics of any kind."""

    def render(self) -> bytes:
        """The text that Prometheus reads."""


class HealthServer:
    """Serves on `address` (host, port) while its `async with` block lasts. Port 0 takes any free one."""

    def __init__(self, address: tuple[str, int], metrics: Rendered, *, live: Reasons, ready: Reasons) -> None:
        self._host, self._port = address
        self._metrics = metrics
        self._live = live
        self._ready = ready
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int:
        """The port it listens on."""
        assert self._runner is not None
        port: int = self._runner.addresses[0][1]
        return port

    async def __aenter__(self) -> HealthServer:
        """Raises ConfigError when the address cannot be had."""
        app = web.Application()
        app.router.add_get("/livez", self._livez)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics_text)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError as error:
            await self._runner.cleanup()
            reason = error.strerror or error
            raise ConfigError(
                f"listen: cannot listen on {self._host}:{self._port}: {reason}; "
                "expected a free address (flag --listen, or :0 for any free port)"
            ) from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _livez(self, request: web.Request) -> web.Response:
        return _answer(self._live(), "live")

    async def _readyz(self, request: web.Request) -> web.Response:
        return _answer(self._ready(), "ready")

    async def _metrics_text(self, request: web.Request) -> web.Response:
        return web.Response(body=self._metrics.render(), content_type="text/plain", charset="utf-8")


def _answer(reasons: list[str], word: str) -> web.Response:
    if reasons:
        return web.Response(status=503, text="".join(f"not {word}: {reason}\n" for reason in reasons))
    return web.Response(text=f"{word}\n")
