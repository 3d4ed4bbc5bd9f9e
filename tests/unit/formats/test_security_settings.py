"""Security settings: what each takes, what does not go together, and that nothing secret is repeated."""

from __future__ import annotations

import pytest

from sla_stream.errors import ConfigError
from sla_stream.formats.settings import SETTING_NAMES, load_settings

TOKENS = {"kafka_sasl_mechanism": "oauthbearer"}
CLIENT = {"kafka_sasl_token_url": "https://id.example/token", "kafka_sasl_username": "sla"}
HUSH = {"SLA_STREAM_KAFKA_SASL_PASSWORD": "hush"}


def problems(env: dict[str, str], **flags: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_settings(None, env, flags)
    return str(caught.value).splitlines()


def test_every_way_in() -> None:
    by_client = load_settings(None, HUSH, TOKENS | CLIENT | {"kafka_sasl_token_scope": "kafka"})
    assert by_client.security_protocol == "SASL_PLAINTEXT"
    by_hook = load_settings(
        None, {}, TOKENS | {"kafka_sasl_token_provider": "a.b:c", "kafka_sasl_extensions": "logicalCluster=lkc-1, x=y"}
    )
    assert by_hook.kafka_sasl_extensions == (("logicalCluster", "lkc-1"), ("x", "y"))
    by_role = load_settings(
        None, {}, {"kafka_sasl_mechanism": "aws_msk_iam", "kafka_tls": "on", "kafka_sasl_aws_region": "eu-central-1"}
    )
    assert by_role.security_protocol == "SASL_SSL"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (TOKENS, "--kafka-sasl-mechanism: OAUTHBEARER needs kafka_sasl_token_url or kafka_sasl_token_provider too"),
        (
            TOKENS | {"kafka_sasl_token_provider": "a:b", "kafka_sasl_username": "u"},
            "--kafka-sasl-username: OAUTHBEARER uses it with kafka_sasl_token_url only; leave it out",
        ),
        (TOKENS | CLIENT, "--kafka-sasl-mechanism: OAUTHBEARER needs kafka_sasl_password too"),
        (
            {"kafka_sasl_token_scope": "x"},
            "--kafka-sasl-token-scope: has an effect only with kafka_sasl_mechanism OAUTHBEARER",
        ),
        (
            {"kafka_sasl_mechanism": "AWS_MSK_IAM"},
            "--kafka-sasl-mechanism: AWS_MSK_IAM goes over TLS only: set kafka_tls to on",
        ),
        (
            {"kafka_sasl_aws_region": "eu-central-1"},
            "--kafka-sasl-aws-region: has an effect only with kafka_sasl_mechanism AWS_MSK_IAM",
        ),
        (
            TOKENS | {"kafka_sasl_token_provider": "a:b", "kafka_sasl_token_ca_file": "/no/ca"},
            "--kafka-sasl-token-ca-file: there is no file /no/ca",
        ),
        (
            TOKENS | {"kafka_sasl_token_provider": "token"},
            '--kafka-sasl-token-provider: found "token", expected MODULE:CALLABLE such as our_company.kafka:token',
        ),
        (
            TOKENS | {"kafka_sasl_extensions": "a"},
            '--kafka-sasl-extensions: found "a", expected NAME=VALUE, several separated by commas, names of letters '
            "only",
        ),
        (
            {"kafka_tls_key_file": __file__, "kafka_tls": "on"},
            "--kafka-tls-key-file: a key needs its certificate: set kafka_tls_cert_file too",
        ),
    ],
)
def test_what_does_not_go_together(flags: dict[str, str], message: str) -> None:
    assert problems({}, **flags) == [message]


def test_two_sources_of_tokens_are_one_too_many() -> None:
    both = problems(HUSH, **TOKENS, **CLIENT, kafka_sasl_token_provider="a:b")
    assert both == ["--kafka-sasl-token-provider: kafka_sasl_token_url is set too; keep one of them"]


@pytest.mark.parametrize("url", ["http://id.example/token", "https://u:hush@id.example/", "id.example", "https://[/"])
def test_a_client_secret_goes_to_https_only_and_what_was_found_is_not_repeated(url: str) -> None:
    said = problems(HUSH, **TOKENS, kafka_sasl_username="sla", kafka_sasl_token_url=url)
    assert said[0].startswith("--kafka-sasl-token-url: expected an https:// address")
    assert "hush" not in "".join(said)


def test_this_machine_may_do_without_tls() -> None:
    url = "http://localhost:8080/token"
    assert load_settings(None, HUSH, TOKENS | CLIENT | {"kafka_sasl_token_url": url}).kafka_sasl_token_url == url


def test_nothing_turns_the_checks_off() -> None:
    words = ("verify", "insecure", "check", "skip", "ignore", "hostname")
    assert not [name for name in SETTING_NAMES if any(word in name for word in words)]
