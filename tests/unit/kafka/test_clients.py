"""What settings become for aiokafka; and the reasons why a cluster does not let us in."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sla_stream.errors import ConfigError
from sla_stream.formats.settings import Secret, Settings
from sla_stream.kafka.admin import Admin
from sla_stream.kafka.clients import connection, tls_context
from sla_stream.kafka.reach import Obstacle, obstacle

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A self-signed certificate for localhost and its key, which has the password `hush`."""
    directory = tmp_path_factory.mktemp("tls")
    cert, key = directory / "cert.pem", directory / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-days", "2", "-subj", "/CN=localhost"]
    command += [
        "-passout",
        "pass:hush",
        "-addext",
        "subjectAltName=DNS:localhost",
        "-keyout",
        str(key),
        "-out",
        str(cert),
    ]
    subprocess.run(command, check=True, capture_output=True)
    return str(cert), str(key)


def with_tls(certificate: tuple[str, str], **more: object) -> Settings:
    cert, key = certificate
    return Settings(
        kafka_tls=True,
        kafka_tls_ca_file=cert,
        kafka_tls_cert_file=cert,
        kafka_tls_key_file=key,
        **more,  # type: ignore[arg-type]
    )


def test_plain() -> None:
    assert connection(Settings(kafka="a:1,b:2", topic_prefix="p-"), "worker") == {
        "bootstrap_servers": ["a:1", "b:2"],
        "client_id": "p-sla-stream-worker",
        "security_protocol": "PLAINTEXT",
    }


def test_login_over_tls_checks_certificate_and_name(certificate: tuple[str, str]) -> None:
    settings = with_tls(
        certificate,
        kafka_tls_key_password=Secret("hush"),
        kafka_sasl_mechanism="SCRAM-SHA-512",
        kafka_sasl_username="u",
        kafka_sasl_password=Secret("p"),
    )
    options = connection(settings, "worker")
    assert options["security_protocol"] == "SASL_SSL"
    assert options["sasl_mechanism"] == "SCRAM-SHA-512"
    assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("u", "p")
    context: ssl.SSLContext = options["ssl_context"]
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize("password", [None, Secret("wrong-one")])
def test_a_key_that_does_not_open_is_an_error_and_no_question(
    certificate: tuple[str, str], password: Secret | None
) -> None:
    with pytest.raises(ConfigError, match=r"kafka_tls_cert_file: .*the key's password") as caught:
        tls_context(with_tls(certificate, kafka_tls_key_password=password))
    assert "wrong-one" not in str(caught.value)


def test_an_authority_file_without_certificates(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("nothing")
    with pytest.raises(ConfigError, match=r"kafka_tls_ca_file: .*found no certificate in PEM form"):
        tls_context(Settings(kafka_tls=True, kafka_tls_ca_file=str(file)))


@asynccontextmanager
async def listening(handler: Handler, context: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    served: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.add(asyncio.current_task())  # type: ignore[arg-type]
        await handler(reader, writer)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "localhost", 0, ssl=context)
    try:
        yield f"localhost:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await asyncio.gather(*served, return_exceptions=True)


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)


async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.read(512):
        pass


async def speak_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(512)
    writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
    await writer.drain()


async def test_a_server_that_hangs_up() -> None:
    async with listening(hang_up) as server:
        reason = await obstacle(Settings(kafka=server))
    assert reason == Obstacle(f"{server}: it closed the connection (does it expect TLS, or a log-in?)", lasting=False)


async def test_a_server_that_says_nothing_costs_a_bounded_time() -> None:
    async with listening(say_nothing) as server:
        with pytest.raises(ConfigError, match=rf"{server}.*: no answer (in time|within 0\.3 s)"):
            async with Admin(Settings(kafka=server), patience_s=0.3):
                pass


async def test_a_certificate_that_nobody_vouches_for(certificate: tuple[str, str]) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate, password="hush")
    async with listening(say_nothing, context) as server:
        reason = await obstacle(Settings(kafka=server, kafka_tls=True))
    assert reason == Obstacle(
        f"{server}: its certificate is not accepted: self-signed certificate; expected the authority that signed it in "
        "kafka_tls_ca_file (the check cannot be turned off)",
        lasting=True,
    )


async def test_every_server_gets_its_reason() -> None:
    async with listening(hang_up) as server:
        reason = await obstacle(Settings(kafka=f"nowhere.invalid:1,{server}"))
    assert reason is not None
    first, second = reason.text.split("; ")
    assert first == "nowhere.invalid:1: there is no host of that name"
    assert second.startswith(server)
    assert not reason.lasting


async def test_a_server_of_another_kind() -> None:
    async with listening(speak_http) as server:
        reason = await obstacle(Settings(kafka=server))
    assert reason == Obstacle(f"{server}: what answers there is no Kafka broker; is it the right port?", lasting=True)
