"""Tokens for OAUTHBEARER: from an OIDC provider, from a callable of the operator's, or from AWS for MSK.

A client asks for a token whenever it opens a connection; the broker closes a connection when its token has expired,
and the client opens the next one with a fresh token. Sources block and run in a thread, since clients live in several
event loops. What a source says when it fails is not passed on: it may hold a secret.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import inspect
import json
import os
import re
import ssl
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any, Final

from aiokafka.abc import AbstractTokenProvider
from aiokafka.conn import AIOKafkaConnection, OAuthAuthenticator
from aiokafka.errors import KafkaConnectionError, SaslAuthenticationFailed

from sla_stream.errors import ConfigError
from sla_stream.formats.settings import Settings

Source = Callable[[], tuple[str, float]]
"""Blocks; a token, and for how many seconds it may be used again."""

_TIMEOUT_S: Final = 10.0
_USED_FOR: Final = 0.8
"""The share of a token's life after which the next one is asked for."""
_LEGAL_TOKEN: Final = re.compile(r"[\x21-\x7e]+")


class TokenUnavailable(KafkaConnectionError):  # type: ignore[misc]
    """No token now. Clients take it for a lost connection and try again."""


class RefusalHeard(OAuthAuthenticator):  # type: ignore[misc]
    """aiokafka's, which takes any answer for a yes. A broker says no with a challenge (RFC 7628, 3.2.3), and then goes
    on to refuse every request of the connection with an error that says nothing.
    """

    async def step(self, payload: bytes | None) -> tuple[bytes, bool] | None:
        if payload:
            self._sasl_oauth_token_provider.forget()
            raise SaslAuthenticationFailed("the broker refuses the token")
        answer: tuple[bytes, bool] | None = await super().step(payload)
        return answer


def hear_refusals() -> None:
    """Let every connection of this process notice that its token was refused."""
    AIOKafkaConnection.authenticator_oauth = lambda self: RefusalHeard(
        sasl_oauth_token_provider=self._sasl_oauth_token_provider
    )


class Tokens(AbstractTokenProvider):  # type: ignore[misc]
    """aiokafka's view of a source. `subject`: whom the newest token names, None as long as that is not known."""

    def __init__(self, where: str, source: Source, extensions: tuple[tuple[str, str], ...] = ()) -> None:
        self.subject: str | None = None
        self._where = where
        self._source = source
        self._extensions = dict(extensions)
        self._lock = threading.Lock()
        self._token = ""
        self._until = float("-inf")

    async def token(self) -> str:
        """A token that has not expired. TokenUnavailable when there is none."""
        return await asyncio.to_thread(self._current)

    def extensions(self) -> dict[str, str]:
        return self._extensions

    def forget(self) -> None:
        """Do not use the newest token again."""
        self._until = float("-inf")

    def _current(self) -> str:
        with self._lock:
            if time.monotonic() >= self._until:
                asked = time.monotonic()
                token, life_s = self._fetch()
                self._token, self._until = token, asked + _USED_FOR * life_s
                self.subject = _subject(token)
            return self._token

    def _fetch(self) -> tuple[str, float]:
        try:
            token, life_s = self._source()
        except TokenUnavailable:
            raise
        except Exception as error:
            raise TokenUnavailable(f"{self._where}: no token: {type(error).__name__}") from None
        if not isinstance(token, str) or not _LEGAL_TOKEN.fullmatch(token):
            raise TokenUnavailable(f"{self._where}: returned no token; expected a text without spaces")
        return token, life_s


@cache
def tokens(settings: Settings) -> Tokens:
    """The one source of this process for these settings. ConfigError when it cannot be set up."""
    hear_refusals()
    if settings.kafka_sasl_mechanism == "AWS_MSK_IAM":
        return Tokens("kafka_sasl_mechanism AWS_MSK_IAM", _msk_source(settings))
    if settings.kafka_sasl_token_url is not None:
        return Tokens("kafka_sasl_token_url", _oidc_source(settings), settings.kafka_sasl_extensions)
    assert settings.kafka_sasl_token_provider is not None, "the settings were checked"
    where = f"kafka_sasl_token_provider {settings.kafka_sasl_token_provider}"
    return Tokens(where, _own_source(settings.kafka_sasl_token_provider), settings.kafka_sasl_extensions)


def _own_source(named: str) -> Source:
    """The operator's callable, asked at each connection; it may be async."""
    module, _, attribute = named.partition(":")
    try:
        function = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"kafka_sasl_token_provider: {named}: {error}; expected MODULE:CALLABLE on Python's path (PYTHONPATH)"
        ) from None
    if not callable(function):
        raise ConfigError(f"kafka_sasl_token_provider: {named}: found no function, expected one that returns a token")

    def ask() -> tuple[str, float]:
        answer = function()
        if inspect.isawaitable(answer):
            answer = asyncio.run(_awaited(answer))
        return answer, 0.0

    return ask


async def _awaited(answer: Any) -> Any:
    return await answer


def _oidc_source(settings: Settings) -> Source:
    """The client credentials grant (RFC 6749, 4.4), the client shown by its id and secret (2.3.1)."""
    url, secret = settings.kafka_sasl_token_url, settings.kafka_sasl_password
    assert url is not None and secret is not None and settings.kafka_sasl_username is not None
    client = ":".join(urllib.parse.quote_plus(one) for one in (settings.kafka_sasl_username, secret.reveal()))
    form = {"grant_type": "client_credentials"}
    if settings.kafka_sasl_token_scope is not None:
        form["scope"] = settings.kafka_sasl_token_scope
    headers = {
        "Authorization": "Basic " + base64.b64encode(client.encode()).decode(),
        "Accept": "application/json",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    try:
        context = ssl.create_default_context(cafile=settings.kafka_sasl_token_ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"kafka_sasl_token_ca_file: found no certificate in PEM form ({error})") from None
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), _NoRedirects)

    def ask() -> tuple[str, float]:
        request = urllib.request.Request(url, urllib.parse.urlencode(form).encode(), headers)
        try:
            with opener.open(request, timeout=_TIMEOUT_S) as answer:
                given = json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise TokenUnavailable(f"kafka_sasl_token_url: it answers {error.code}{_code(error)}") from None
        except urllib.error.URLError as error:
            raise TokenUnavailable(f"kafka_sasl_token_url: cannot be reached ({error.reason})") from None
        return given["access_token"], float(given.get("expires_in", 0))

    return ask


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The client's secret goes to the address that the operator wrote, and nowhere else."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _code(error: urllib.error.HTTPError) -> str:
    """The error code that the standard names (`invalid_client`, ...), and nothing else of the answer."""
    with contextlib.suppress(Exception):
        code = str(json.load(error)["error"])
        if re.fullmatch(r"[a-z_]{1,40}", code):
            return f" {code}"
    return ""


def _msk_source(settings: Settings) -> Source:
    region = settings.kafka_sasl_aws_region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not region:
        raise ConfigError("kafka_sasl_aws_region: missing; expected the cluster's region, here or in AWS_REGION")
    try:
        signer = import_module("aws_msk_iam_sasl_signer.MSKAuthTokenProvider")
    except ImportError:
        raise ConfigError(
            "kafka_sasl_mechanism: AWS_MSK_IAM needs a package more: pip install 'sla-stream[msk]'"
        ) from None

    def ask() -> tuple[str, float]:
        token, expires_ms = signer.generate_auth_token(region)
        return token, expires_ms / 1000 - time.time()

    return ask


def _subject(token: str) -> str | None:
    """The `sub` of a JSON web token, only to name the client in sentences; the broker decides who it is."""
    with contextlib.suppress(Exception):
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return str(claims["sub"])
    return None
