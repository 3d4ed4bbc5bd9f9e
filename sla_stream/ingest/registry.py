"""A client of a schema registry (Confluent's HTTP interface, which Karapace and Apicurio have, too): read only."""

from __future__ import annotations

import base64
import ssl
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import aiohttp
import orjson

from sla_stream.errors import ConfigError, RetryableError, SlaStreamError
from sla_stream.formats.setting_model import Settings
from sla_stream.ingest.schema_ids import SchemaRef

TIMEOUT_S: Final = 10.0
_ACCEPT: Final = "application/vnd.schemaregistry.v1+json, application/json"
_NOT_FOUND: Final = 404
_MOST_REFERENCES: Final = 200


class UnknownSchema(SlaStreamError):
    """The registry says that it has no such schema."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A schema as registered. `references`: what it imports, by the name it imports it under, each before its users."""

    type: str
    text: str
    references: dict[str, str] = field(default_factory=dict)


class Registry:
    """`async with Registry(settings) as registry`. Nothing is asked before the first `fetch`."""

    def __init__(self, settings: Settings) -> None:
        assert settings.registry_url is not None
        self.url = settings.registry_url
        self._tls = _tls(settings)
        username, password = settings.registry_username, settings.registry_password
        self._headers = {"Accept": _ACCEPT}
        if username and password:
            login = base64.b64encode(f"{username}:{password.reveal()}".encode()).decode()
            self._headers["Authorization"] = f"Basic {login}"

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
            connector=aiohttp.TCPConnector(ssl=self._tls, limit=4),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def fetch(self, ref: SchemaRef) -> Registered:
        """The schema and all that it refers to.

        Raises UnknownSchema, or RetryableError with a sentence while the registry cannot be asked.
        """
        found = await self._get(ref.path)
        references: dict[str, str] = {}
        await self._follow(found, references, ())
        return Registered(str(found.get("schemaType") or "AVRO"), _text_of(self.url, found), references)

    async def _follow(self, schema: dict[str, Any], into: dict[str, str], through: tuple[str, ...]) -> None:
        """Depth first, so that each stands before what uses it."""
        for reference in schema.get("references") or ():
            name, subject, version = (str(reference.get(part)) for part in ("name", "subject", "version"))
            if name in into:
                continue
            if name in through:
                raise UnknownSchema(f"it refers to itself: {' -> '.join((*through, name))}")
            if len(into) + len(through) >= _MOST_REFERENCES:
                raise UnknownSchema(f"it refers to more than {_MOST_REFERENCES} others")
            found = await self._get(f"subjects/{quote(subject, safe='')}/versions/{quote(version, safe='')}")
            await self._follow(found, into, (*through, name))
            into[name] = _text_of(self.url, found)

    async def _get(self, path: str) -> dict[str, Any]:
        try:
            async with self._session.get(f"{self.url}/{path}", allow_redirects=False) as answer:
                status, body = answer.status, await answer.read()
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            reason = "no answer in time" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
            raise RetryableError(f"schema registry {self.url}: {reason}") from None
        try:
            found = orjson.loads(body)
        except orjson.JSONDecodeError:
            found = None
        if status == _NOT_FOUND and isinstance(found, dict) and str(found.get("error_code", "")).startswith("404"):
            raise UnknownSchema(f"{path}: {found.get('message') or 'not found'}")
        if status in (401, 403):
            raise RetryableError(
                f"schema registry {self.url}: it refuses us (HTTP {status}); expected registry_username and "
                "registry_password that may read schemas"
            )
        if status != 200 or not isinstance(found, dict):
            raise RetryableError(f"schema registry {self.url}: HTTP {status} for /{path}, and no schema in it")
        return found


def _text_of(url: str, schema: dict[str, Any]) -> str:
    text = schema.get("schema")
    if not isinstance(text, str):
        raise RetryableError(f"schema registry {url}: an answer without a schema in it")
    return text


def _tls(settings: Settings) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=settings.registry_ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"registry_ca_file: {settings.registry_ca_file}: found no certificate in PEM form ({error})"
        ) from None
