"""From settings to Kafka clients: where the cluster is, how to be let in, and how long to wait for it.

Every client of ours is made from `connection`; why a cluster does not let us in is found out by `reach`.
"""

from __future__ import annotations

import ssl
from typing import Any, Final

from aiokafka.client import AIOKafkaClient

from sla_stream.errors import ConfigError
from sla_stream.formats.security_settings import PASSWORD_MECHANISMS
from sla_stream.formats.settings import Secret, Settings
from sla_stream.kafka.tokens import tokens

REQUEST_TIMEOUT_MS: Final = 10_000


def connection(settings: Settings, purpose: str) -> dict[str, Any]:
    """What every aiokafka client takes: servers, security, and a client id that names its purpose.

    Certificates and host names are always checked. ConfigError for files that hold no certificate or key, and for a
    source of tokens that is not there.
    """
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka.split(","),
        "client_id": f"{settings.group_id}-{purpose}",
        "security_protocol": settings.security_protocol,
    }
    if settings.kafka_tls:
        options["ssl_context"] = tls_context(settings)
    if settings.kafka_sasl_mechanism in PASSWORD_MECHANISMS:
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        options["sasl_plain_username"] = settings.kafka_sasl_username
        options["sasl_plain_password"] = _revealed(settings.kafka_sasl_password)
    elif settings.kafka_sasl_mechanism is not None:
        options["sasl_mechanism"] = "OAUTHBEARER"
        options["sasl_oauth_token_provider"] = tokens(settings)
    return options


def tls_context(settings: Settings) -> ssl.SSLContext:
    """The trusted authorities, and our own certificate for mutual TLS."""
    try:
        context = ssl.create_default_context(cafile=settings.kafka_tls_ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"kafka_tls_ca_file: {settings.kafka_tls_ca_file}: found no certificate in PEM form ({error})"
        ) from None
    if settings.kafka_tls_cert_file is not None:
        password = _revealed(settings.kafka_tls_key_password) or ""
        try:
            # a callable, so that a key which wants a password we were not given does not ask on the terminal
            context.load_cert_chain(
                settings.kafka_tls_cert_file, settings.kafka_tls_key_file, password=lambda: password
            )
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                f"kafka_tls_cert_file: {settings.kafka_tls_cert_file}: expected a certificate and its key in PEM "
                f"form, and the key's password if it has one ({error})"
            ) from None
    return context


def _revealed(secret: Secret | None) -> str | None:
    return secret.reveal() if secret is not None else None


def raw_client(settings: Settings, purpose: str, request_timeout_ms: int = REQUEST_TIMEOUT_MS) -> AIOKafkaClient:
    """A client that sends requests of the protocol itself; `bootstrap()` starts it, `close()` ends it."""
    options = connection(settings, purpose)
    return AIOKafkaClient(**options, request_timeout_ms=request_timeout_ms)
