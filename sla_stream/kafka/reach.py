"""Why a cluster does not let us in: the name, the port, TLS, a certificate, the log-in, or that it is another one.

aiokafka itself says only that it could not connect. So before anything else each command opens one connection by
hand, and a failure becomes a sentence that says what to do. `lasting` tells what the operator has to put right from
what passes by itself (a broker that is just not up).
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
import struct
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from aiokafka.conn import AIOKafkaConnection, create_conn
from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.admin import SaslHandShakeRequest
from aiokafka.protocol.metadata import MetadataRequest

from sla_stream.formats.security_settings import PASSWORD_MECHANISMS
from sla_stream.formats.settings import Settings
from sla_stream.kafka.clients import REQUEST_TIMEOUT_MS, connection, tls_context
from sla_stream.kafka.tokens import TokenUnavailable

_PROBE_S: Final = 3.0
_BROKERS_TRIED: Final = 3
_TOKEN_PAUSE_S: Final = 1.0
_API_VERSIONS_REQUEST: Final = struct.pack(">ihhih5s", 15, 18, 0, 1, 5, b"probe")
_GONE_BY_ITSELF: Final = {errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT}


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why no bootstrap server lets us in, as a sentence; `lasting`: waiting does not help."""

    text: str
    lasting: bool

    def __str__(self) -> str:
        return self.text


async def obstacle(settings: Settings, request_timeout_ms: int = REQUEST_TIMEOUT_MS) -> Obstacle | None:
    """None if one bootstrap server lets us in, else the reason of each that does not."""
    options = connection(settings, "probe") | {"request_timeout_ms": request_timeout_ms}
    servers = options.pop("bootstrap_servers")
    found: list[Obstacle] = []
    for server in servers:
        host, _, port = server.rpartition(":")
        one = await _try(settings, host.strip("[]"), int(port), options)
        if one is not None and one.lasting and "sasl_oauth_token_provider" in options:
            await asyncio.sleep(_TOKEN_PAUSE_S)  # a token may be refused for a clock that is a second behind
            one = await _try(settings, host.strip("[]"), int(port), options)
        if one is None:
            return None
        found.append(Obstacle(f"{server}: {one.text}", one.lasting))
    return Obstacle("; ".join(each.text for each in found), any(each.lasting for each in found))


async def _try(settings: Settings, host: str, port: int, options: dict[str, Any]) -> Obstacle | None:
    try:
        probe = await create_conn(host, port, **options)
    except (OSError, KafkaError, ValueError, EOFError, struct.error) as error:  # TimeoutError is an OSError
        return await _explained(settings, host, port, error)
    try:
        metadata = await probe.send(MetadataRequest([]))
    except (OSError, KafkaError) as error:
        return await _explained(settings, host, port, error, let_in=True)
    finally:
        await _closed(probe)
    known = getattr(metadata, "cluster_id", None)
    if settings.kafka_cluster_id is not None and known != settings.kafka_cluster_id:
        return Obstacle(
            f"this is cluster {known}, expected {settings.kafka_cluster_id}; connect to the right one, or change "
            "kafka_cluster_id",
            lasting=True,
        )
    brokers = [(broker[1], broker[2]) for broker in metadata.brokers]
    if not brokers or (host, port) in brokers:
        return None
    return await _brokers(settings, brokers[:_BROKERS_TRIED], options)


async def _brokers(settings: Settings, brokers: Iterable[tuple[str, int]], options: dict[str, Any]) -> Obstacle | None:
    """Clients go on to the addresses that a server names; one of those must work, too."""
    reasons: list[str] = []
    lasting = False
    for host, port in brokers:
        try:
            probe = await create_conn(host, port, **options)
        except (OSError, KafkaError, ValueError, EOFError, struct.error) as error:
            one = await _explained(settings, host, port, error)
            reasons.append(f"{host}:{port}: {one.text}")
            lasting = lasting or one.lasting
        else:
            await _closed(probe)
            return None
    return Obstacle(
        f"it answers, and names brokers that do not ({'; '.join(reasons)}); what it names is set by the brokers' "
        "advertised.listeners",
        lasting,
    )


async def _closed(probe: AIOKafkaConnection) -> None:
    done = probe.close()
    if done is not None:
        await done


async def _explained(
    settings: Settings, host: str, port: int, error: BaseException, *, let_in: bool = False
) -> Obstacle:
    """`let_in`: the connection stood, and was closed when we used it."""
    if isinstance(error, TokenUnavailable):
        return Obstacle(_first_argument(error), lasting=False)
    if isinstance(error, UnsupportedSaslMechanismError):
        return Obstacle(await _other_mechanisms(settings, host, port), lasting=True)
    if isinstance(error, KafkaError) and not isinstance(error, KafkaConnectionError):
        return Obstacle(_refused_login(settings, error), lasting=True)
    cause = error.__cause__ if isinstance(error, KafkaConnectionError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Obstacle(_refused_certificate(cause), lasting=True)
    if isinstance(cause, ssl.SSLError) and "ALERT" in (cause.reason or ""):
        return Obstacle(_refused_by_alert(settings, cause), lasting=True)
    if isinstance(cause, socket.gaierror):
        return Obstacle("there is no host of that name", lasting=False)
    if isinstance(cause, OSError) and cause.errno in _GONE_BY_ITSELF:
        return Obstacle(os.strerror(cause.errno).lower(), lasting=False)
    return await _by_probing(settings, host, port, cause, let_in)


def _refused_login(settings: Settings, error: KafkaError) -> str:
    mechanism = settings.kafka_sasl_mechanism
    if isinstance(error, IllegalSaslStateError):
        return "it takes no log-in on this port; leave kafka_sasl_mechanism out, or use the port for log-ins"
    if isinstance(error, SaslAuthenticationFailed) and mechanism not in PASSWORD_MECHANISMS:
        return (
            "it refuses our token; expected one that it knows the issuer of, that is for it, and that has not expired"
        )
    if isinstance(error, SaslAuthenticationFailed):
        who = f" of {settings.kafka_sasl_username}" if settings.kafka_sasl_username else ""
        return f"it refuses the log-in{who} with {mechanism}; expected the name and secret that the cluster knows"
    return _first_argument(error) or type(error).__name__


async def _other_mechanisms(settings: Settings, host: str, port: int) -> str:
    """aiokafka forgets what the broker offers instead, so it is asked once more."""
    mechanism = settings.kafka_sasl_mechanism
    asked = "OAUTHBEARER" if mechanism == "AWS_MSK_IAM" else mechanism
    tls = {"security_protocol": "SSL", "ssl_context": tls_context(settings)} if settings.kafka_tls else {}
    names = "its brokers' settings tell (sasl.enabled.mechanisms)"
    with suppress(OSError, KafkaError):
        probe = await create_conn(host, port, client_id=f"{settings.group_id}-probe", **tls)
        try:
            names = ", ".join(sorted((await probe.send(SaslHandShakeRequest(asked))).enabled_mechanisms))
        finally:
            await _closed(probe)
    return f"it does not offer {mechanism}; kafka_sasl_mechanism may be one of what it offers: {names}"


def _refused_certificate(error: ssl.SSLCertVerificationError) -> str:
    said = error.verify_message.rstrip(".")
    if error.verify_code in (62, 64):  # host name and IP address do not match
        help_ = "connect by a name that its certificate is for, or have the certificate made for this name"
    elif error.verify_code in (18, 19, 20, 21):  # nobody we trust has signed it
        help_ = "expected the authority that signed it in kafka_tls_ca_file"
    else:
        help_ = "expected a certificate that holds now"
    return f"its certificate is not accepted: {said}; {help_} (the check cannot be turned off)"


def _refused_by_alert(settings: Settings, error: ssl.SSLError) -> str:
    alert = (error.reason or "").rpartition("ALERT_")[2].replace("_", " ").lower()
    if settings.kafka_tls_cert_file is None:
        return f"it wants a certificate of ours ({alert}); set kafka_tls_cert_file and kafka_tls_key_file"
    return (
        f"it does not accept our certificate {settings.kafka_tls_cert_file} ({alert}); expected one that an authority "
        "of the cluster has signed and that has not expired"
    )


async def _by_probing(settings: Settings, host: str, port: int, error: BaseException | None, let_in: bool) -> Obstacle:
    """The connection was closed, or nothing that we understand came: try the other ways of speaking."""
    if settings.kafka_tls:
        if await _speaks_kafka(host, port):
            return Obstacle("it speaks no TLS on this port; set kafka_tls to off, or use its TLS port", lasting=True)
        if let_in and settings.kafka_tls_cert_file is None and settings.kafka_sasl_mechanism is None:
            return Obstacle(
                "it closed the connection (does it expect a log-in, or a certificate of ours?): set "
                "kafka_sasl_mechanism, or kafka_tls_cert_file",
                lasting=True,
            )
    elif await _speaks_tls(settings, host, port):
        return Obstacle("it speaks TLS on this port; set kafka_tls to on", lasting=True)
    elif let_in and settings.kafka_sasl_mechanism is None:
        return Obstacle("it expects a log-in on this port; set kafka_sasl_mechanism", lasting=True)
    if await _answers_otherwise(host, port):
        return Obstacle("what answers there is no Kafka broker; is it the right port?", lasting=True)
    if isinstance(error, TimeoutError):
        return Obstacle("no answer in time", lasting=False)
    return Obstacle("it closed the connection (does it expect TLS, or a log-in?)", lasting=False)


async def _speaks_tls(settings: Settings, host: str, port: int) -> bool:
    """Whether a TLS handshake begins there; its certificate need not be to our liking to tell."""
    try:
        async with asyncio.timeout(_PROBE_S):
            _, writer = await asyncio.open_connection(host, port, ssl=ssl.create_default_context())
    except ssl.SSLCertVerificationError:
        return True
    except (OSError, EOFError):
        return False
    await _hang_up(writer)
    return True


async def _speaks_kafka(host: str, port: int) -> bool:
    """Whether a broker answers there without TLS."""
    answer = await _answer(host, port)
    return len(answer) == 8 and answer[4:] == struct.pack(">i", 1)


async def _answers_otherwise(host: str, port: int) -> bool:
    answer = await _answer(host, port)
    return bool(answer) and answer[4:] != struct.pack(">i", 1)


async def _answer(host: str, port: int) -> bytes:
    """The first eight bytes that come back for a request without TLS."""
    with suppress(OSError, EOFError):
        async with asyncio.timeout(_PROBE_S):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(_API_VERSIONS_REQUEST)
                return await reader.read(8)
            finally:
                await _hang_up(writer)
    return b""


async def _hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


def _first_argument(error: BaseException) -> str:
    return str(error.args[0]) if error.args else ""
