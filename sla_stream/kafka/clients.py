"""From settings to Kafka clients: where the cluster is, how to be let in, and how long to wait for it."""

from __future__ import annotations

import os
import socket
import ssl
from typing import Any, Final

from aiokafka.client import AIOKafkaClient
from aiokafka.conn import create_conn
from aiokafka.errors import KafkaConnectionError, KafkaError

from sla_stream.errors import ConfigError
from sla_stream.formats.settings import Secret, Settings

REQUEST_TIMEOUT_MS: Final = 10_000


def connection(settings: Settings, purpose: str) -> dict[str, Any]:
    """What every aiokafka client takes: servers, security, and a client id that names its purpose.

    Certificates and host names are always checked. ConfigError for files that hold no certificate or key.
    """
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka.split(","),
        "client_id": f"{settings.group_id}-{purpose}",
        "security_protocol": settings.security_protocol,
    }
    if settings.kafka_tls:
        options["ssl_context"] = tls_context(settings)
    if settings.kafka_sasl_mechanism is not None:
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        options["sasl_plain_username"] = settings.kafka_sasl_username
        options["sasl_plain_password"] = _revealed(settings.kafka_sasl_password)
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


async def reachable(settings: Settings, request_timeout_ms: int = REQUEST_TIMEOUT_MS) -> str | None:
    """Whether one bootstrap server lets us in: None if so, else the reason of each that does not.

    aiokafka itself says only that it could not; this says whether it was the name, the port, TLS or the log-in.
    """
    options = connection(settings, "probe")
    servers = options.pop("bootstrap_servers")
    reasons: list[str] = []
    for server in servers:
        host, _, port = server.rpartition(":")
        try:
            probe = await create_conn(host.strip("[]"), int(port), request_timeout_ms=request_timeout_ms, **options)
        except (OSError, KafkaError) as error:  # TimeoutError is an OSError
            reasons.append(f"{server}: {_reason(error)}")
        else:
            probe.close()
            return None
    return "; ".join(reasons)


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {error.verify_message}"
    if isinstance(error, KafkaConnectionError):
        return "it closed the connection (does it expect TLS, or a log-in?)"
    if isinstance(error, KafkaError) and error.args:
        return str(error.args[0])
    if isinstance(error, socket.gaierror):
        return "there is no host of that name"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower()
    return str(error) or type(error).__name__
