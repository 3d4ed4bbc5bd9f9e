"""Security settings that are each right and do not fit together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sla_stream.formats.security_settings import PASSWORD_MECHANISMS, SecuritySettings

Problem = tuple[tuple[str, ...], str]
"""The settings concerned, the one to blame first, and a sentence."""

_TOKEN_SETTINGS: Final = (
    "kafka_sasl_token_url",
    "kafka_sasl_token_provider",
    "kafka_sasl_token_scope",
    "kafka_sasl_token_ca_file",
    "kafka_sasl_extensions",
)


def security_contradictions(settings: SecuritySettings) -> Iterator[Problem]:
    """Every contradiction, in the order of the settings' declaration."""
    yield from _tls(settings)
    yield from _login(settings)
    yield from _tokens(settings)


def _tls(settings: SecuritySettings) -> Iterator[Problem]:
    for name in ("kafka_tls_ca_file", "kafka_tls_cert_file", "kafka_tls_key_file"):
        path = getattr(settings, name)
        if path is not None and not settings.kafka_tls:
            yield (name,), "has no effect while kafka_tls is off; set kafka_tls to on"
        elif path is not None and not Path(path).is_file():
            yield (name,), f"there is no file {path}"
    if settings.kafka_tls_key_file and not settings.kafka_tls_cert_file:
        yield ("kafka_tls_key_file",), "a key needs its certificate: set kafka_tls_cert_file too"
    if settings.kafka_sasl_mechanism == "AWS_MSK_IAM" and not settings.kafka_tls:
        yield ("kafka_sasl_mechanism",), "AWS_MSK_IAM goes over TLS only: set kafka_tls to on"


def _login(settings: SecuritySettings) -> Iterator[Problem]:
    mechanism = settings.kafka_sasl_mechanism
    by_name = mechanism in PASSWORD_MECHANISMS or settings.kafka_sasl_token_url is not None
    login = {
        "kafka_sasl_username": settings.kafka_sasl_username,
        "kafka_sasl_password": settings.kafka_sasl_password,
    }
    for name, value in login.items():
        if mechanism and by_name and value is None:
            yield ("kafka_sasl_mechanism",), f"{mechanism} needs {name} too"
        elif mechanism and not by_name and value is not None:
            instead = "with kafka_sasl_token_url only" if mechanism == "OAUTHBEARER" else "not at all"
            yield (name, f"{name}_file"), f"{mechanism} uses it {instead}; leave it out"
        elif not mechanism and value is not None:
            yield (name, f"{name}_file"), "has no effect without kafka_sasl_mechanism; set that too"


def _tokens(settings: SecuritySettings) -> Iterator[Problem]:
    mechanism = settings.kafka_sasl_mechanism
    if mechanism != "OAUTHBEARER":
        for name in _TOKEN_SETTINGS:
            if getattr(settings, name):
                yield (name,), "has an effect only with kafka_sasl_mechanism OAUTHBEARER"
    elif not settings.kafka_sasl_token_url and not settings.kafka_sasl_token_provider:
        yield ("kafka_sasl_mechanism",), "OAUTHBEARER needs kafka_sasl_token_url or kafka_sasl_token_provider too"
    elif settings.kafka_sasl_token_url and settings.kafka_sasl_token_provider:
        yield ("kafka_sasl_token_provider",), "kafka_sasl_token_url is set too; keep one of them"
    ca_file = settings.kafka_sasl_token_ca_file
    if ca_file is not None and not Path(ca_file).is_file():
        yield ("kafka_sasl_token_ca_file",), f"there is no file {ca_file}"
    if settings.kafka_sasl_aws_region is not None and mechanism != "AWS_MSK_IAM":
        yield ("kafka_sasl_aws_region",), "has an effect only with kafka_sasl_mechanism AWS_MSK_IAM"
