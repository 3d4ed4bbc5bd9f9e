"""The registry's client: what it asks, and what it makes of every answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from sla_stream.errors import ConfigError, InvalidRecord, RetryableError
from sla_stream.formats.settings import Secret, Settings
from sla_stream.ingest import registry as module
from sla_stream.ingest.registry import Registered, Registry, UnknownSchema
from sla_stream.ingest.schema_ids import SchemaRef
from sla_stream.ingest.schemas import SchemaNeeded, Schemas
from tests.ingest_support import SmallRegistry

REF = SchemaRef(1)


async def test_a_schema_with_what_it_refers_to_each_before_its_user() -> None:
    async with SmallRegistry() as small, Registry(Settings(registry_url=small.url)) as registry:
        reference = {"name": "b", "subject": "s/b", "version": 2}
        small.subjects["s/b", "2"] = {
            "schema": "B", "references": [{"name": "c", "subject": "c", "version": 1}, reference]
        }  # fmt: skip
        small.subjects["c", "1"] = {"schema": "C", "references": [reference]}
        small.register(1, "PROTOBUF", "A", [reference])
        with pytest.raises(UnknownSchema, match="it refers to itself"):
            await registry.fetch(REF)
        small.subjects["c", "1"] = {"schema": "C"}
        small.subjects["s/b", "2"]["references"].pop()
        assert await registry.fetch(REF) == Registered("PROTOBUF", "A", {"c": "C", "b": "B"})


async def test_what_is_not_there() -> None:
    async with SmallRegistry() as small, Registry(Settings(registry_url=small.url)) as registry:
        with pytest.raises(UnknownSchema, match="schemas/ids/1: not found"):
            await registry.fetch(REF)
        small.register(1, "AVRO", "A", [{"name": "b", "subject": "b", "version": 2}])
        with pytest.raises(UnknownSchema, match="subjects/b/versions/2: not found"):
            await registry.fetch(REF)


async def served(handler: Callable[[web.Request], Awaitable[web.StreamResponse]], **settings: object) -> str:
    """What a fetch says when the registry behaves like this."""
    app = web.Application()
    app.router.add_get("/{rest:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with Registry(Settings(registry_url=url, **settings)) as registry:  # type: ignore[arg-type]
            with pytest.raises(RetryableError) as caught:
                await registry.fetch(REF)
        return str(caught.value).replace(url, "URL")
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (503, "later", "HTTP 503 for /schemas/ids/1, and no schema in it"),
        (404, "<html>no such page</html>", "HTTP 404 for /schemas/ids/1, and no schema in it"),
        (404, '{"error": "not a registry"}', "HTTP 404 for /schemas/ids/1, and no schema in it"),
        (302, "", "HTTP 302 for /schemas/ids/1, and no schema in it"),
        (200, "not json", "HTTP 200 for /schemas/ids/1, and no schema in it"),
        (200, "[]", "HTTP 200 for /schemas/ids/1, and no schema in it"),
        (200, '{"schema": 3}', "an answer without a schema in it"),
        (401, "{}", "it refuses us (HTTP 401); expected registry_username and registry_password that may read schemas"),
    ],
)
async def test_answers_of_something_else_condemn_no_record(status: int, body: str, said: str) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=status, text=body)

    assert await served(handler) == f"schema registry URL: {said}"


async def test_log_in_and_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str | None] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(module, "TIMEOUT_S", 0.2)
    said = await served(handler, registry_username="key", registry_password=Secret("hush"))
    assert said == "schema registry URL: no answer in time"
    assert seen == ["Basic a2V5Omh1c2g="]


async def test_nobody_there_and_a_file_that_is_no_certificate(tmp_path: Path) -> None:
    async with Registry(Settings(registry_url="http://127.0.0.1:1")) as registry:
        with pytest.raises(RetryableError, match=r"schema registry http://127\.0\.0\.1:1: .*127\.0\.0\.1:1"):
            await registry.fetch(REF)
    (tmp_path / "ca").write_text("nothing")
    with pytest.raises(ConfigError, match="found no certificate in PEM form"):
        Registry(Settings(registry_url="https://r", registry_ca_file=str(tmp_path / "ca")))


async def test_an_unknown_schema_is_believed_for_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000.0
    monkeypatch.setattr("sla_stream.ingest.schemas.time.monotonic", lambda: now)
    async with SmallRegistry() as small, Registry(Settings(registry_url=small.url)) as registry:
        schemas = Schemas(registry)

        def decode() -> bytes:
            return schemas.decode("avro", "value", b"\0\0\0\0\1\x02", ())

        with pytest.raises(SchemaNeeded):
            decode()
        await schemas.learn("avro", REF)
        with pytest.raises(InvalidRecord, match=r"value: avro schema 1: the registry .* has no such schema"):
            decode()
        small.register(1, "AVRO", '"int"')
        now += 59
        with pytest.raises(InvalidRecord):
            decode()
        now += 2
        with pytest.raises(SchemaNeeded):
            decode()
        await asyncio.gather(schemas.learn("avro", REF), schemas.learn("avro", REF))
        assert decode() == b"1"
        assert small.asked["/schemas/ids/1"] == 2
