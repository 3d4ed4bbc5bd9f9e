"""One request to one hook: who is it, does it fit, is it JSON, and then not an answer before Kafka has it.

| answer | when |
| --- | --- |
| 200 | the record is in the topic, on every in-sync copy; or it was a vendor's ping, which is not kept |
| 400 | the body is not JSON |
| 401 | not verified; the sender is not told why |
| 404, 405 | no such hook; a method that a hook does not take |
| 408, 413, 415 | the body takes too long, is too large, is compressed |
| 429 | more than the hook's `rate` or `in_flight` |
| 503 | Kafka did not acknowledge in time or is away, or no memory is left for bodies |

429 and 503 carry Retry-After. What costs memory is bounded before it is read, what costs Kafka only after the sender
was verified.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import orjson
from aiohttp import web

from sla_stream.errors import InvalidRecord
from sla_stream.gateway.config import Gateway, Hook
from sla_stream.gateway.limits import Rate, Room
from sla_stream.gateway.metrics import GatewayMetrics
from sla_stream.gateway.record import first_text, record_headers, text_at
from sla_stream.gateway.refusals import Refusals, Refused
from sla_stream.kafka.appender import Appender, Unavailable

RETRY_AFTER_S: Final = 5
"""Zendesk takes no more than a minute; Intercom and PagerDuty choose their own."""

BODY_S: Final = 10.0
_LOOK_EVERY_S: Final = 0.02
_TAKEN: Final = ("POST", "PUT")
_ALLOWED: Final = "POST, PUT, HEAD"
_STORED: Final = b'{"status":"stored"}'
_PONG: Final = b'{"status":"pong"}'


class Hooks:
    """The handler of `/hooks/{name}`."""

    def __init__(
        self,
        gateway: Gateway,
        appender: Appender,
        metrics: GatewayMetrics,
        clock: Callable[[], float] = time.time,
        body_s: float = BODY_S,
    ) -> None:
        self._lines = {hook.name: _Line(hook) for hook in gateway.hooks}
        self._room = Room(gateway.buffer)
        self._appender = appender
        self._metrics = metrics
        self._refusals = Refusals(metrics)
        self._clock = clock
        self._body_s = body_s
        self._inside = 0
        self._closing = False

    async def leave(self, within_s: float) -> None:
        """Wait until whoever is inside has an answer. aiohttp by itself would drop what is left of their bodies."""
        self._closing = True
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self._inside:
                    await asyncio.sleep(_LOOK_EVERY_S)

    async def handle(self, request: web.Request) -> web.Response:
        """Answers any request; whatever goes wrong is an answer."""
        line = self._lines.get(request.match_info["name"])
        name = line.hook.name if line is not None else ""
        self._inside += 1
        try:
            if line is None:
                raise Refused(404, "no_hook", "no such hook")
            answer = await self._answered(request, line)
        except Refused as refused:
            answer = self._refusals.answer(name, refused)
        finally:
            self._inside -= 1
        if self._closing:
            answer.force_close()
        self._metrics.requests.labels(name, answer.status).inc()
        return answer

    async def _answered(self, request: web.Request, line: _Line) -> web.Response:
        if request.method not in _TAKEN:
            return _handshake(request, line.hook)
        began = time.perf_counter()
        held = self._reserve(request, line.hook)
        try:
            body = await self._read(request, line.hook.max_body)
            now = int(self._clock() * 1000)
            payload = self._verified(request, line, body, now)
            if line.hook.ping is not None and text_at(line.hook.ping[0], request.headers, payload) == line.hook.ping[1]:
                self._metrics.pings.labels(line.hook.name).inc()
                self._give_back(held)
                return _json(_PONG)
            line.in_flight += 1
        except BaseException:
            self._give_back(held)
            raise
        else:
            self._give_back(held - len(body))
        await self._append(request, line, body, payload, now)
        self._metrics.answer.observe(time.perf_counter() - began)
        return _json(_STORED)

    def _reserve(self, request: web.Request, hook: Hook) -> int:
        length = request.content_length
        if length is not None and length > hook.max_body:
            raise Refused(413, "too_large", f"expected at most {hook.max_body} bytes")
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise Refused(415, "encoding", "expected no Content-Encoding")
        wanted = hook.max_body if length is None else length
        if not self._room.take(wanted):
            raise Refused(503, "no_room", "no room for more", RETRY_AFTER_S)
        self._metrics.buffer.set(self._room.used)
        return wanted

    def _give_back(self, size: int) -> None:
        self._room.give_back(size)
        self._metrics.buffer.set(self._room.used)

    async def _read(self, request: web.Request, most: int) -> bytes:
        chunks: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._body_s):
                while chunk := await request.content.readany():
                    size += len(chunk)
                    if size > most:
                        raise Refused(413, "too_large", f"expected at most {most} bytes")
                    chunks.append(chunk)
        except TimeoutError:
            raise Refused(408, "slow_body", "the body did not come in time") from None
        except (OSError, web.RequestPayloadError) as error:
            raise Refused(400, "broken_body", "the body broke off") from error
        return b"".join(chunks)

    def _verified(self, request: web.Request, line: _Line, body: bytes, now: int) -> Any:
        hook = line.hook
        why = hook.check.refusal(request.headers, body, hook.keys, now)
        if why is not None:
            challenge = {"WWW-Authenticate": hook.check.challenge}
            raise Refused(401, "signature", "unauthorized", own_log=why, headers=challenge)
        if line.rate is not None and (wait := line.rate.wait(time.monotonic())):
            raise Refused(429, "rate", "too many requests", math.ceil(wait))
        if line.in_flight >= hook.in_flight:
            raise Refused(429, "in_flight", "too many requests at once", 1)
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            raise Refused(400, "json", "expected a JSON body") from None

    async def _append(self, request: web.Request, line: _Line, body: bytes, payload: Any, now: int) -> None:
        hook, headers = line.hook, request.headers
        delivery = first_text(hook.delivery, headers, payload)
        key = first_text(hook.ticket, headers, payload) or delivery

        def settled() -> None:
            line.in_flight -= 1
            self._give_back(len(body))

        try:
            await self._appender.append(
                hook.topic,
                body,
                key=None if key is None else key.encode("utf-8", "surrogateescape"),
                headers=record_headers(hook, delivery, now, headers),
                settled=settled,
            )
        except Unavailable as error:
            raise Refused(503, "unavailable", "not stored, come again", RETRY_AFTER_S, own_log=str(error)) from None
        except InvalidRecord as error:
            raise Refused(413, "too_large", "too large to be stored", own_log=error.detail) from None
        self._metrics.stored_bytes.labels(hook.name).inc(len(body))


class _Line:
    """A hook and what is going on at it."""

    __slots__ = ("hook", "in_flight", "rate")

    def __init__(self, hook: Hook) -> None:
        self.hook = hook
        self.in_flight = 0
        self.rate = Rate(hook.rate) if hook.rate is not None else None


def _handshake(request: web.Request, hook: Hook) -> web.Response:
    """Intercom asks with HEAD whether the address is there; senders of CloudEvents with OPTIONS whether they may."""
    origin = request.headers.get("WebHook-Request-Origin")
    if request.method == "HEAD":
        return web.Response()
    if request.method == "OPTIONS" and hook.cloudevents and origin:
        return web.Response(headers={"WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": "*", "Allow": _ALLOWED})
    raise Refused(405, "method", "expected POST", headers={"Allow": _ALLOWED})


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, headers={"Content-Type": "application/json"})
