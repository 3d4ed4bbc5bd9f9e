"""A gateway from start to exit.

    0  stopped by SIGTERM or Ctrl-C: no new connections, requests under way answered, what was acknowledged is stored
    2  wrong configuration: said before it listens
    3  a fault, or a cluster that does not answer at the start: left to the supervisor

Nothing needs the clean way out: a request without an answer is sent again by its vendor.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import ssl
import threading
from contextlib import AsyncExitStack, suppress
from typing import Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from sla_stream.errors import ConfigError
from sla_stream.formats.settings import Settings
from sla_stream.gateway.config import Gateway
from sla_stream.gateway.hooks import BODY_S, Hooks
from sla_stream.gateway.metrics import GatewayMetrics
from sla_stream.gateway.topic_check import check_topics
from sla_stream.gateway.verify import Nothing
from sla_stream.kafka.appender import Appender
from sla_stream.observe.health import HealthServer
from sla_stream.observe.logs import get_logger

log = get_logger(__name__)

OK: Final = 0
STOP_LIMIT_S: Final = 25.0
"""Seconds from the signal to the end, whatever hangs; Kubernetes gives 30."""

_CLOSE_S: Final = 1.0
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


def _no_malformed_requests(record: logging.LogRecord) -> bool:
    """Whether to keep a line of aiohttp's: its errors about malformed HTTP quote headers, and so secrets."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError)


def run_gateway(settings: Settings, gateway: Gateway) -> int:
    """Run in the foreground until SIGTERM or Ctrl-C; returns the exit code.

    Raises ConfigError for missing topics or rights, a taken address, a certificate that cannot be used.
    """
    if not __debug__:
        raise ConfigError("python -O: the Kafka client's state machine is made of asserts; run without -O")
    return asyncio.run(_Process(settings, gateway).run())


class _Process:
    def __init__(self, settings: Settings, gateway: Gateway) -> None:
        self._settings = settings
        self._gateway = gateway
        self._metrics = GatewayMetrics()
        self._stop = asyncio.Event()

    async def run(self) -> int:
        self._listen_to_signals()
        gateway = self._gateway
        tls = tls_context(gateway)
        await check_topics(self._settings, gateway)
        async with AsyncExitStack() as stack:
            largest = max(hook.max_body for hook in gateway.hooks)
            appender = Appender(self._settings, "gateway", largest=largest, patience_s=gateway.answer_within_ms / 1000)
            await stack.enter_async_context(appender)
            self._metrics.waiting.set_function(lambda: appender.pending)
            health = HealthServer(
                self._settings.listen, self._metrics, live=list, ready=lambda: self._not_ready(appender)
            )
            await stack.enter_async_context(health)
            port = await self._serve(stack, appender, tls)
            self._say_ready(port, health.port)
            await self._stop.wait()
        log.info("gateway.stopped")
        return OK

    async def _serve(self, stack: AsyncExitStack, appender: Appender, tls: ssl.SSLContext | None) -> int:
        """Listen; leaving the stack closes the door first and waits for who is inside."""
        gateway = self._gateway
        app = web.Application(handler_args={"auto_decompress": False})
        hooks = Hooks(gateway, appender, self._metrics)
        app.router.add_route("*", "/hooks/{name}", hooks.handle)
        app.router.add_get("/healthz", self._alive)
        logging.getLogger("aiohttp.server").addFilter(_no_malformed_requests)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=_CLOSE_S)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, gateway.host, gateway.port, ssl_context=tls)
        try:
            await site.start()
        except OSError as error:
            raise ConfigError(
                f"gateway: cannot listen on {gateway.host}:{gateway.port}: {error.strerror or error}; "
                "expected a free address (--host, --port)"
            ) from error
        stack.push_async_callback(hooks.leave, gateway.answer_within_ms / 1000 + BODY_S)
        stack.push_async_callback(site.stop)
        port: int = runner.addresses[0][1]
        return port

    async def _alive(self, request: web.Request) -> web.Response:
        """For a load balancer before us: whether to send us anything, not why not."""
        return web.Response(
            status=503 if self._stop.is_set() else 200, text="stopping\n" if self._stop.is_set() else "ok\n"
        )

    def _not_ready(self, appender: Appender) -> list[str]:
        reasons = ["it is stopping"] if self._stop.is_set() else []
        return reasons if appender.away is None else [*reasons, f"kafka: {appender.away}"]

    def _say_ready(self, port: int, health_port: int) -> None:
        gateway = self._gateway
        if gateway.host not in _LOOPBACK and gateway.tls_cert_file is None:
            log.warning("gateway.plain", host=gateway.host, help="no TLS here: keep a proxy with TLS in front")
        for hook in gateway.hooks:
            log.info("gateway.hook", path=f"/hooks/{hook.name}", topic=hook.topic, secrets=len(hook.keys))
            if isinstance(hook.check, Nothing):
                log.warning("gateway.unverified", path=f"/hooks/{hook.name}", help="whoever reaches it is believed")
        log.info("gateway.ready", host=gateway.host, port=port, health_port=health_port, hooks=len(gateway.hooks))

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal, number)

    def _on_signal(self, number: signal.Signals) -> None:
        if self._stop.is_set():
            return
        log.info("gateway.stopping", signal=signal.Signals(number).name)
        self._stop.set()
        last_resort = threading.Timer(STOP_LIMIT_S, _leave_now)
        last_resort.daemon = True
        last_resort.start()


def tls_context(gateway: Gateway) -> ssl.SSLContext | None:
    """For the address that vendors reach. ConfigError if the files hold no certificate and key."""
    if gateway.tls_cert_file is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(gateway.tls_cert_file, gateway.tls_key_file, password=lambda: "")
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"gateway: tls_cert_file: {gateway.tls_cert_file}: expected a certificate and its key in PEM form, "
            f"without a password ({error})"
        ) from None
    return context


def _leave_now() -> None:
    with suppress(Exception):
        log.error("gateway.left_without_goodbye", after_s=STOP_LIMIT_S)
    os._exit(OK)
