"""The settings that lead to a cluster and into it: servers, TLS, log-in, and which cluster it has to be.

There is no setting that turns the check of the broker's certificate or of its name off.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from sla_stream.formats import setting_values as values
from sla_stream.formats.setting_field import setting
from sla_stream.formats.setting_values import Secret

MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "AWS_MSK_IAM")
PASSWORD_MECHANISMS: Final = MECHANISMS[:3]

_CALLABLE: Final = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", re.ASCII)
_EXTENSION: Final = re.compile(r"([A-Za-z]+)=([\x20-\x2b\x2d-\x7e]+)")
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


def token_provider(found: str) -> str:
    """`module:callable`; whether it is there is seen when it is used."""
    if not _CALLABLE.fullmatch(found.strip()):
        raise ValueError(f'found "{found}", expected MODULE:CALLABLE such as our_company.kafka:token')
    return found.strip()


def token_url(found: str) -> str:
    """An https address; http only on this machine, since a client secret goes there."""
    refusal = "expected an https:// address without a user name in it (http:// only for localhost)"
    try:
        parts = urlsplit(found.strip())
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError(refusal) from None
    secure = parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
    if not (secure and host) or "@" in parts.netloc:
        raise ValueError(refusal)  # without what was found: it may hold a password
    return found.strip()


def extensions(found: str) -> tuple[tuple[str, str], ...]:
    """`name=value,name=value`, as (name, value) pairs."""
    matches = [_EXTENSION.fullmatch(part.strip()) for part in found.split(",")]
    if not all(matches):
        raise ValueError(f'found "{found}", expected NAME=VALUE, several separated by commas, names of letters only')
    return tuple((match[1], match[2]) for match in matches if match)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecuritySettings:
    """Where the cluster is and how it lets us in."""

    kafka: str = setting(values.servers, "localhost:9092", "bootstrap servers, HOST:PORT[,HOST:PORT...]")
    kafka_cluster_id: str | None = setting(
        values.legal_name, None, "id that the cluster must have; any other one is refused"
    )
    kafka_tls: bool = setting(values.switch, False, "encrypt, and check the broker's certificate and name")
    kafka_tls_ca_file: str | None = setting(
        values.text, None, "PEM file of the authorities to trust (default: the system's)", path=True
    )
    kafka_tls_cert_file: str | None = setting(
        values.text, None, "PEM file of our own certificate (mutual TLS)", path=True
    )
    kafka_tls_key_file: str | None = setting(
        values.text, None, "PEM file of its private key, when not in the same file", path=True
    )
    kafka_tls_key_password: Secret | None = setting(  # noqa: RUF009 (it returns a field)
        values.secret, None, "password of the private key", secret=True
    )
    kafka_tls_key_password_file: str | None = setting(
        values.text, None, "file that holds the password of the private key", path=True
    )
    kafka_sasl_mechanism: str | None = setting(values.choice(*MECHANISMS), None, f"log in: {', '.join(MECHANISMS)}")
    kafka_sasl_username: str | None = setting(values.text, None, "user name for the log-in; OAUTHBEARER: client id")
    kafka_sasl_password: Secret | None = setting(  # noqa: RUF009
        values.secret, None, "password for the log-in; OAUTHBEARER: client secret", secret=True
    )
    kafka_sasl_password_file: str | None = setting(
        values.text, None, "file that holds the password (the client secret)", path=True
    )
    kafka_sasl_token_url: str | None = setting(
        token_url, None, "OAUTHBEARER: where an OIDC provider gives tokens for client id and secret"
    )
    kafka_sasl_token_ca_file: str | None = setting(
        values.text, None, "OAUTHBEARER: PEM file of the authorities that vouch for that address", path=True
    )
    kafka_sasl_token_scope: str | None = setting(values.text, None, "OAUTHBEARER: scope to ask tokens for")
    kafka_sasl_token_provider: str | None = setting(
        token_provider, None, "OAUTHBEARER: MODULE:CALLABLE of your own that returns a token"
    )
    kafka_sasl_extensions: tuple[tuple[str, str], ...] = setting(
        extensions, (), "OAUTHBEARER: NAME=VALUE[,NAME=VALUE...] sent with the token", shown="none"
    )
    kafka_sasl_aws_region: str | None = setting(
        values.legal_name, None, "AWS_MSK_IAM: region of the cluster (default: AWS_REGION)"
    )

    @property
    def security_protocol(self) -> str:
        """Kafka's word for the combination of TLS and log-in."""
        transport = "SSL" if self.kafka_tls else "PLAINTEXT"
        return f"SASL_{transport}" if self.kafka_sasl_mechanism else transport
