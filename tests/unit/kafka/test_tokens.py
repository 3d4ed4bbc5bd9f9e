"""Tokens: from an OIDC provider, a callable, AWS; kept as long as they hold, and no secret in what goes wrong."""

from __future__ import annotations

import asyncio
import base64
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from sla_stream.errors import ConfigError
from sla_stream.formats.settings import Secret, Settings
from sla_stream.kafka.tokens import RefusalHeard, SaslAuthenticationFailed, Tokens, TokenUnavailable, tokens
from tests.identity_provider import identity_provider

ME = b'{"sub": "me"}'
CLIENT = ("sla stream", "s&cret/1+%:")


def by_client(url: str, secret: str = CLIENT[1]) -> Settings:
    return Settings(
        kafka_sasl_mechanism="OAUTHBEARER", kafka_sasl_token_url=url, kafka_sasl_token_scope="kafka write",
        kafka_sasl_username=CLIENT[0], kafka_sasl_password=Secret(secret),
        kafka_sasl_extensions=(("logicalCluster", "lkc-1"),),
    )  # fmt: skip


async def test_a_token_for_client_id_and_secret_is_kept_as_long_as_it_holds() -> None:
    given = {"access_token": "t.o.k", "expires_in": 3600}
    with identity_provider(CLIENT, (200, given)) as provider:
        source = tokens(by_client(provider.url))
        assert [await source.token() for _ in range(3)] == ["t.o.k"] * 3
        assert [parse_qs(form) for form in provider.asked] == [
            {"grant_type": ["client_credentials"], "scope": ["kafka write"]}
        ]
        source.forget()
        await source.token()
        assert len(provider.asked) == 2
    assert source.extensions() == {"logicalCluster": "lkc-1"}
    assert tokens(by_client(provider.url)) is source


async def test_a_token_whose_life_is_not_told_is_asked_for_each_time() -> None:
    with identity_provider(CLIENT, (200, {"access_token": "a"}), (200, {"access_token": "b"})) as provider:
        source = tokens(by_client(provider.url))
        assert [await source.token(), await source.token()] == ["a", "b"]


@pytest.mark.parametrize(
    ("answer", "secret", "said"),
    [
        ((200, {}), "wrong-hush", "kafka_sasl_token_url: it answers 401 invalid_client"),
        ((503, {"error": "hush hush"}), CLIENT[1], "kafka_sasl_token_url: it answers 503"),
        ((302, "http://127.0.0.1:1/elsewhere"), CLIENT[1], "kafka_sasl_token_url: it answers 302"),
        ((200, {"token": "hush"}), CLIENT[1], "kafka_sasl_token_url: no token: KeyError"),
        ((200, {"access_token": "hush hush"}), CLIENT[1],
         "kafka_sasl_token_url: returned no token; expected a text without spaces"),
    ],
)  # fmt: skip
async def test_no_token_and_no_secret_in_the_sentence(answer: tuple[int, Any], secret: str, said: str) -> None:
    with identity_provider(CLIENT, answer) as provider, pytest.raises(TokenUnavailable) as caught:
        await tokens(by_client(provider.url, secret)).token()
    assert caught.value.args[0] == said


async def test_a_provider_that_is_not_there(unused_tcp_port: int) -> None:
    with pytest.raises(TokenUnavailable, match="kafka_sasl_token_url: cannot be reached"):
        await tokens(by_client(f"http://127.0.0.1:{unused_tcp_port}/")).token()


@pytest.fixture
def own_module(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Settings]:
    """Makes a module with a function of ours, and the settings that name it."""

    def make(name: str, function: Any) -> Settings:
        module = ModuleType(f"{name}_of_a_test")
        module.token = function  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
        return Settings(kafka_sasl_mechanism="OAUTHBEARER", kafka_sasl_token_provider=f"{module.__name__}:token")

    return make


async def test_a_callable_of_ones_own_may_be_async(own_module: Callable[..., Settings]) -> None:
    async def later() -> str:
        await asyncio.sleep(0)
        return f"x.{base64.urlsafe_b64encode(ME).decode().rstrip('=')}.y"

    for name, function in (("plain", lambda: "plain"), ("later", later)):
        source = tokens(own_module(name, function))
        assert source.subject is None
        assert (await source.token()).startswith(("plain", "x."))
    assert source.subject == "me"


async def test_what_a_callable_says_when_it_fails_stays_with_it(own_module: Callable[..., Settings]) -> None:
    def fails() -> str:
        raise ValueError("hush: the password is hush")

    with pytest.raises(TokenUnavailable) as caught:
        await tokens(own_module("failing", fails)).token()
    assert caught.value.args[0] == "kafka_sasl_token_provider failing_of_a_test:token: no token: ValueError"
    assert caught.value.__cause__ is None and caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("nowhere_at_all:token", "No module named"),
        ("sys:tokens", "has no attribute"),
        ("sys:path", "found no function"),
    ],
)
def test_a_callable_that_is_not_there(named: str, said: str) -> None:
    with pytest.raises(ConfigError, match=f"kafka_sasl_token_provider: {named}: .*{said}"):
        tokens(Settings(kafka_sasl_mechanism="OAUTHBEARER", kafka_sasl_token_provider=named))


async def test_a_refused_token_is_an_error_and_is_not_used_again() -> None:
    lives = iter(("first", "second"))
    source = Tokens("test", lambda: (next(lives), 3600.0))
    heard = RefusalHeard(sasl_oauth_token_provider=source)
    payload = await heard.step(None)
    assert payload is not None and b"Bearer first" in payload[0]
    assert await heard.step(b"") is None
    with pytest.raises(SaslAuthenticationFailed):
        await heard.step(b'{"status":"invalid_token"}')
    assert await source.token() == "second"


async def test_a_token_for_msk_is_signed_with_the_keys_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the token: no MSK cluster has ever seen it."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "hush-hush", "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_REGION": "eu-central-1", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    source = tokens(Settings(kafka_sasl_mechanism="AWS_MSK_IAM", kafka_tls=True))
    token = await source.token()
    url = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    assert urlsplit(url).hostname == "kafka.eu-central-1.amazonaws.com"
    asked = parse_qs(urlsplit(url).query)
    assert asked["Action"] == ["kafka-cluster:Connect"]
    assert asked["X-Amz-Credential"][0].startswith("AKIAEXAMPLE/")
    assert len(asked["X-Amz-Signature"][0]) == 64
    assert "hush" not in url
    assert await source.token() == token, "it holds for a quarter of an hour"


def test_msk_needs_a_region_and_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    with pytest.raises(ConfigError, match="kafka_sasl_aws_region: missing"):
        tokens(Settings(kafka_sasl_mechanism="AWS_MSK_IAM"))
    monkeypatch.setitem(sys.modules, "aws_msk_iam_sasl_signer.MSKAuthTokenProvider", None)
    with pytest.raises(ConfigError, match=r"pip install 'sla-stream\[msk\]'"):
        tokens(Settings(kafka_sasl_mechanism="AWS_MSK_IAM", kafka_sasl_aws_region="eu-west-1"))
