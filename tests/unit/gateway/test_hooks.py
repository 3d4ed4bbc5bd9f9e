"""Hooks over real HTTP; in the place of Kafka a list that can be slow, full or away."""

from __future__ import annotations

import asyncio
import base64
import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from sla_stream.errors import InvalidRecord
from sla_stream.formats.instants import parse_instant
from sla_stream.gateway.config import Gateway, Hook
from sla_stream.gateway.hooks import Hooks
from sla_stream.gateway.metrics import NAMES, GatewayMetrics
from sla_stream.gateway.vendors import VENDORS
from sla_stream.gateway.verify import Shown
from sla_stream.kafka.appender import Unavailable
from tests.gateway_support import signed
from tests.worker_support import eventually, now_ms

SECRET = "s3cret"
BEARER = {"Authorization": f"Bearer {SECRET}"}


@dataclass
class Topic:
    """Takes records as the appender does. `gate` shut: acknowledges nothing; `error`: what it raises instead."""

    records: list[tuple[str, bytes, bytes | None, dict[str, bytes]]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    error: Exception | None = None

    async def append(
        self, topic: str, value: bytes, *, key: bytes | None, headers: Any, settled: Callable[[], None]
    ) -> None:
        try:
            await self.gate.wait()
            if self.error is not None:
                raise self.error
            self.records.append((topic, value, key, dict(headers)))
        finally:
            settled()


@dataclass
class Door:
    """What a test works with."""

    session: ClientSession
    address: str
    topic: Topic
    metrics: GatewayMetrics
    hooks: Hooks

    async def post(
        self, name: str, body: Any = b"{}", headers: dict[str, str] | None = None, method: str = "POST"
    ) -> tuple[int, bytes, Any]:
        data = body if isinstance(body, bytes) else orjson.dumps(body)
        url = f"{self.address}/hooks/{name}"
        async with self.session.request(method, url, data=data, headers=BEARER if headers is None else headers) as got:
            return got.status, await got.read(), got.headers

    def count(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


def hook(name: str = "own", vendor: str = "other", **more: Any) -> Hook:
    known = VENDORS[vendor]
    values: dict[str, Any] = {
        "topic": f"{name}.raw", "vendor": vendor, "mapping": known.mapping, "check": known.check,
        "keys": (SECRET.encode(),), "delivery": known.delivery, "ticket": known.ticket, "keep": known.keep,
        "ping": known.ping, "cloudevents": known.cloudevents,
    }  # fmt: skip
    return Hook(name, **(values | more))


@asynccontextmanager
async def door(*hooks: Hook, buffer: int = 1 << 20, body_s: float = 10.0) -> AsyncIterator[Door]:
    topic, metrics = Topic(), GatewayMetrics()
    topic.gate.set()
    handler = Hooks(Gateway(hooks, buffer=buffer), topic, metrics, body_s=body_s)  # type: ignore[arg-type]
    app = web.Application(handler_args={"auto_decompress": False})
    app.router.add_route("*", "/hooks/{name}", handler.handle)
    async with TestServer(app) as server, ClientSession() as session:
        yield Door(session, f"http://127.0.0.1:{server.port}", topic, metrics, handler)


async def test_the_body_is_kept_as_it_came_with_where_it_came_from() -> None:
    body = b'{ "ticket":\t{"id" : 7, "title": "Gr\xc3\xbc\xc3\x9fe"} }\n'
    own = hook(delivery=("header:X-Delivery", "id"), ticket=("ticket.id",), keep=("X-Tenant", "X-Missing"))
    async with door(own) as there:
        headers = BEARER | {"X-Delivery": "d-1", "X-Tenant": "acme", "Content-Type": "application/x; charset=utf-8"}
        status, answer, _ = await there.post("own", body, headers)
        assert (status, answer) == (200, b'{"status":"stored"}')
        ((topic, value, key, kept),) = there.topic.records
    assert (topic, value, key) == ("own.raw", body, b"7")
    assert abs(parse_instant(kept.pop("x-received-at").decode()) - now_ms()) < 60_000
    assert kept == {
        "x-source": b"own", "x-delivery-id": b"d-1", "x-tenant": b"acme",
        "content-type": b"application/x; charset=utf-8",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("vendor", "payload", "headers", "delivery", "key"),
    [
        ("zendesk", {"id": "01H", "detail": {"id": "42"}}, {}, b"01H", b"42"),
        ("zendesk", {"ticket": 1}, {"X-Zendesk-Webhook-Invocation-Id": "inv"}, b"inv", b"inv"),
        ("jira", {"issue": {"id": "10001"}}, {"X-Atlassian-Webhook-Identifier": "w-1"}, b"w-1", b"10001"),
        ("jira", {"issue": {"id": 10001}}, {}, None, b"10001"),
        ("github", {"issue": {"id": 5}}, {"X-GitHub-Delivery": "guid"}, b"guid", b"5"),
        ("pagerduty", {"event": {"id": "e", "data": {"id": "P1"}}}, {"X-Webhook-Id": "w"}, b"w", b"P1"),
        ("pagerduty", {"event": {"id": "e", "data": {"incident": {"id": "P1"}, "id": "N"}}}, {}, b"e", b"P1"),
        ("intercom", {"id": "notif", "data": {"item": {"id": "77"}}}, {}, b"notif", b"77"),
        ("zammad", {"ticket": {"id": 81}}, {"X-Zammad-Delivery": "j"}, b"j", b"81"),
        ("freshdesk", {"freshdesk_webhook": {"ticket_id": "9"}}, {}, None, b"9"),
        ("liveagent", {"liveagent": {"ticket_id": "t", "message_id": "m"}}, {}, b"m", b"t"),
        ("servicenow", {"result": {"sys_id": "abc"}}, {}, None, b"abc"),
        ("webim", {"event_id": "e-1", "chat": {"id": 5544}}, {}, b"e-1", b"5544"),
        ("cloudevents", {"x": 1}, {"ce-id": "c-1", "ce-subject": "T-1", "ce-type": "t"}, b"c-1", b"T-1"),
        ("standard-webhooks", {"x": 1}, {}, b"msg_1", b"msg_1"),
        ("other", [1, 2], {}, None, None),
    ],
)
async def test_each_vendor_s_delivery_and_ticket(
    vendor: str, payload: Any, headers: dict[str, str], delivery: bytes | None, key: bytes | None
) -> None:
    secret = {"standard-webhooks": base64.b64encode(b"key").decode(), "servicenow": "u:p"}.get(vendor, SECRET)
    one = hook("v", vendor, keys=(b"key" if vendor == "standard-webhooks" else secret.encode(),))
    body = orjson.dumps(payload)
    async with door(one) as there:
        for extra in (signed(vendor, secret, body), signed(vendor, secret, body)):
            assert (await there.post("v", body, headers | extra))[0] == 200
        wrong = signed(vendor, secret, body + b" ") if vendor in ("jira", "zendesk") else {}
        assert (await there.post("v", body, headers | wrong))[0] == 401
    (_, value, found, kept), (_, again, _, kept_again) = there.topic.records
    assert (value, found, kept.get("x-delivery-id")) == (body, key, delivery) and again == body
    assert kept_again.get("x-delivery-id") == delivery, "the same delivery has the same id"
    assert kept.get("x-mapping") == (VENDORS[vendor].mapping.encode() if VENDORS[vendor].mapping else None)
    assert not any(secret.encode() in text or b"signature" in name.encode() for name, text in kept.items())
    if vendor == "cloudevents":
        assert (kept["ce_type"], kept["ce_id"]) == (b"t", b"c-1")


async def test_a_refused_sender_learns_nothing() -> None:
    async with door(hook(), hook("zd", "zendesk")) as there:
        answers = [
            await there.post("own", b"{}", {"Authorization": "Bearer wrong"}),
            await there.post("own", b"{}", {}),
            await there.post("zd", b"{}", signed("zendesk", SECRET, b"{}", at=0)),
            await there.post("zd", b"{}", signed("zendesk", "wrong", b"{}")),
            await there.post("zd", b"not json", {}),
        ]
        assert {(status, body) for status, body, _ in answers} == {(401, b'{"error":"unauthorized"}')}
        assert {headers["WWW-Authenticate"] for _, _, headers in answers} == {'Bearer realm="webhooks"', "Signature"}
        assert there.count("sla_gateway_refused_total", hook="zd", why="signature") == 3
        assert there.count("sla_gateway_requests_total", hook="own", status="401") == 2
    assert there.topic.records == []


async def test_methods_and_paths() -> None:
    async with door(hook(), hook("ce", "cloudevents")) as there:
        assert (await there.post("nobody"))[:2] == (404, b'{"error":"no such hook"}')
        assert (await there.post("own", method="PUT"))[0] == 200
        assert (await there.post("own", headers={}, method="HEAD"))[0] == 200  # Intercom, before it saves an address
        for method in ("GET", "DELETE", "PATCH", "OPTIONS"):
            status, _, headers = await there.post("own", method=method)
            assert (status, headers["Allow"]) == (405, "POST, PUT, HEAD"), method
        status, _, headers = await there.post("ce", headers={"WebHook-Request-Origin": "eu.example"}, method="OPTIONS")
        assert (status, headers["WebHook-Allowed-Origin"]) == (200, "eu.example")
        async with there.session.post(f"{there.address}/elsewhere") as answer:
            assert answer.status == 404
        assert len(there.topic.records) == 1


@pytest.mark.parametrize("body", [b"", b"nonsense", b"{", b"a=1&b=2", b"\xff\xfe", b"[" * 200_000, b'{"a":NaN}'])
async def test_what_is_no_json_is_refused(body: bytes) -> None:
    async with door(hook()) as there:
        assert (await there.post("own", body))[:2] == (400, b'{"error":"expected a JSON body"}')
        assert there.topic.records == []


@pytest.mark.parametrize(
    ("vendor", "body", "headers"),
    [
        ("github", b'{"zen": "x"}', {"X-GitHub-Event": "ping"}),
        ("pagerduty", b'{"event": {"event_type": "pagey.ping"}}', {}),
        ("intercom", b'{"topic": "ping"}', {}),
    ],
)
async def test_a_ping_is_answered_and_not_kept(vendor: str, body: bytes, headers: dict[str, str]) -> None:
    async with door(hook("v", vendor)) as there:
        assert (await there.post("v", body, headers | signed(vendor, SECRET, body)))[:2] == (200, b'{"status":"pong"}')
        assert (await there.post("v", body, headers))[0] == 401
        assert there.topic.records == [] and there.count("sla_gateway_pings_total", hook="v") == 1
        await eventually(lambda: there.count("sla_gateway_buffer_bytes") == 0, "its place given back")


async def test_bodies_that_are_too_large_compressed_or_slow() -> None:
    async with door(hook(max_body=1_000), body_s=0.3) as there:
        assert (await there.post("own", b'"' + b"x" * 998 + b'"'))[0] == 200
        assert (await there.post("own", b'"' + b"x" * 999 + b'"'))[0] == 413

        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(20):
                yield b" " * 100

        async def trickle() -> AsyncIterator[bytes]:
            while True:
                yield b" "
                await asyncio.sleep(0.05)

        for data, expected in ((pieces(), 413), (trickle(), 408)):
            async with there.session.post(f"{there.address}/hooks/own", data=data, headers=BEARER) as answer:
                assert answer.status == expected
        zipped = gzip.compress(b"{}")
        assert (await there.post("own", zipped, BEARER | {"Content-Encoding": "gzip"}))[0] == 415
        assert (await there.post("own", b"{}", BEARER | {"Expect": "100-continue"}))[0] == 200
        await eventually(lambda: there.count("sla_gateway_buffer_bytes") == 0, "an empty buffer")
    assert len(there.topic.records) == 2


async def test_more_than_the_rate_is_sent_away_and_strangers_use_none_of_it() -> None:
    async with door(hook(rate=3.0)) as there:
        for _ in range(10):
            assert (await there.post("own", headers={"Authorization": "Bearer wrong"}))[0] == 401
        answers = [await there.post("own") for _ in range(5)]
    assert [status for status, _, _ in answers] == [200, 200, 200, 429, 429]
    assert answers[-1][2]["Retry-After"] == "1"


async def test_in_flight_and_buffer_are_bounded_and_come_back() -> None:
    body = b'"' + b"x" * 400 + b'"'
    async with door(hook(in_flight=2), hook("wide"), buffer=2_000) as there:
        there.topic.gate.clear()
        waiting = [asyncio.create_task(there.post("own", body)) for _ in range(2)]
        await eventually(lambda: there.count("sla_gateway_buffer_bytes") == 804, "two in flight")
        status, _, headers = await there.post("own", body)
        assert (status, headers["Retry-After"]) == (429, "1")
        waiting += [asyncio.create_task(there.post("wide", body)) for _ in range(2)]
        await eventually(lambda: there.count("sla_gateway_buffer_bytes") == 1_608, "four in the buffer")
        status, _, headers = await there.post("wide", body)
        assert (status, headers["Retry-After"]) == (503, "5")
        there.topic.gate.set()
        assert [(await one)[0] for one in waiting] == [200] * 4
        assert there.count("sla_gateway_buffer_bytes") == 0
        assert (await there.post("own", body))[0] == 200


async def test_no_answer_of_200_without_an_acknowledgement() -> None:
    async with door(hook()) as there:
        there.topic.error = Unavailable("no acknowledgement within 4 s: broker.internal:9092")
        status, body, headers = await there.post("own")
        assert (status, body, headers["Retry-After"]) == (503, b'{"error":"not stored, come again"}', "5")
        there.topic.error = InvalidRecord("too_large", "topic own.raw does not take it")
        assert (await there.post("own"))[:2] == (413, b'{"error":"too large to be stored"}')
        there.topic.error = None
        assert (await there.post("own"))[0] == 200
        assert there.count("sla_gateway_buffer_bytes") == 0
        assert there.count("sla_gateway_answer_seconds_count") == 1


async def test_what_is_shown_where() -> None:
    """A hook whose secret stands in a header of its own keeps that header out of the record."""
    async with door(hook(check=Shown("X-Key", ""), keep=("X-Other",))) as there:
        assert (await there.post("own", headers={"X-Key": SECRET, "X-Other": "o"}))[0] == 200
        kept = there.topic.records[0][3]
    assert set(kept) == {"x-source", "x-received-at", "content-type", "x-other"}


def test_every_name_is_exported_and_nothing_else() -> None:
    collected = {family.name for family in GatewayMetrics().registry.collect() if family.name.startswith("sla_")}
    assert collected == {name.removesuffix("_total") for name in NAMES}
