"""A real Kafka with TLS, log-ins and rights turned on, certificates made on the spot, and ways to grant and revoke."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import trustme
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from sla_stream.broker import Listener, LocalKafka
from sla_stream.formats.settings import Secret, Settings
from sla_stream.kafka.rights import Right

PASSWORDS = {name: f"{name}-hush" for name in ("worker", "reader", "pusher", "creator")}
"""SCRAM users; PLAIN knows the same."""

_MODULE = "org.apache.kafka.common.security"
_OPERATIONS = {
    "Read": AclOperation.READ,
    "Write": AclOperation.WRITE,
    "Create": AclOperation.CREATE,
    "Delete": AclOperation.DELETE,
    "Describe": AclOperation.DESCRIBE,
    "DescribeConfigs": AclOperation.DESCRIBE_CONFIGS,
    "AlterConfigs": AclOperation.ALTER_CONFIGS,
}
_RESOURCES = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "transactional-id": ResourceType.TRANSACTIONAL_ID,
    "cluster": ResourceType.BROKER,
}

_ANY_RIGHT = AclBindingFilter(
    ResourceType.ANY, None, ResourcePatternType.ANY, None, None, AclOperation.ANY, AclPermissionType.ANY
)


class Certificates:
    """One authority, and what it has signed, as PEM files."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.authority = trustme.CA()
        self.ca_file = str(directory / "ca.pem")
        self.authority.cert_pem.write_to_path(self.ca_file)

    def made(self, common_name: str, *names: str, authority: trustme.CA | None = None) -> str:
        """A certificate with its key in one file; `names` are the hosts and addresses that it is for."""
        one = (authority or self.authority).issue_cert(
            *(names or (f"{common_name}.client.invalid",)), common_name=common_name
        )
        path = self._directory / f"{common_name}-{len(list(self._directory.iterdir()))}.pem"
        key = load_pem_private_key(one.private_key_pem.bytes(), None)
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))  # the one Java can read
        for each in one.cert_chain_pems:
            each.write_to_path(str(path), append=True)
        return str(path)

    def key_store(self, path: str) -> dict[str, str]:
        """Properties that make a listener use a certificate, and trust our authority's."""
        return {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": path,
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": self.ca_file,
        }


@dataclass
class SecuredKafka:
    """The broker, and its administrator. Listeners: MTLS, SASL (TLS and log-in), CLEAR (log-in only), and OTHERNAME,
    whose certificate is for another host."""

    broker: LocalKafka
    certificates: Certificates
    admin: AdminClient = field(init=False)

    def __post_init__(self) -> None:
        root = self.certificates.made("root")
        self.admin = AdminClient(
            {
                "bootstrap.servers": self.address("MTLS"),
                "security.protocol": "ssl",
                "ssl.ca.location": self.certificates.ca_file,
                "ssl.certificate.location": root,
                "ssl.key.location": root,
                "log_level": 0,
            }
        )

    def root(self, settings: Settings) -> Settings:
        """The same as the administrator, who may do everything."""
        return self.by_certificate(settings, "root")

    def by_certificate(self, settings: Settings, name: str) -> Settings:
        """The same over mutual TLS."""
        return replace(
            settings,
            kafka=self.address("MTLS"),
            kafka_tls=True,
            kafka_tls_ca_file=self.certificates.ca_file,
            kafka_tls_cert_file=self.certificates.made(name),
            kafka_sasl_mechanism=None,
            kafka_sasl_username=None,
            kafka_sasl_password=None,
        )

    def by_password(self, settings: Settings, user: str, mechanism: str = "SCRAM-SHA-512") -> Settings:
        """The same over TLS with a name and a password."""
        return replace(
            settings,
            kafka=self.address("SASL"),
            kafka_tls=True,
            kafka_tls_ca_file=self.certificates.ca_file,
            kafka_sasl_mechanism=mechanism,
            kafka_sasl_username=user,
            kafka_sasl_password=Secret(PASSWORDS[user]),
        )

    def flags(self, user: str, directory: Path) -> list[str]:
        """`by_password` for a command line."""
        file = directory / f"{user}-password"
        file.write_text(PASSWORDS[user] + "\n")
        return [
            f"--kafka={self.address('SASL')}", "--kafka-tls=on", f"--kafka-tls-ca-file={self.certificates.ca_file}",
            "--kafka-sasl-mechanism=SCRAM-SHA-512", f"--kafka-sasl-username={user}",
            f"--kafka-sasl-password-file={file}",
        ]  # fmt: skip

    def address(self, listener: str) -> str:
        if listener == "PLAINTEXT":
            return self.broker.bootstrap
        return "127.0.0.1:" + self.broker.address(listener).rpartition(":")[2]

    def make_users(self) -> None:
        upserts = [
            UserScramCredentialUpsertion(name, ScramCredentialInfo(mechanism, 4096), password.encode())
            for name, password in PASSWORDS.items()
            for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512)
        ]
        for upsert in upserts:
            for done in self.admin.alter_user_scram_credentials([upsert]).values():
                done.result(20)

    def grant(self, user: str, rights: Iterable[Right]) -> None:
        """Returns when they are in force."""
        bindings = [_binding(user, one) for one in rights]
        for done in (self.admin.create_acls(bindings) if bindings else {}).values():
            done.result(20)
        self._wait_until(lambda known: known >= {_key(one) for one in bindings})

    def revoke(self, user: str, right: Right) -> None:
        """Returns when it is no longer in force."""
        binding = _binding(user, right)
        for done in self.admin.delete_acls([_filter(binding)]).values():
            done.result(20)
        self._wait_until(lambda known: _key(binding) not in known)

    def revoke_all(self) -> None:
        for done in self.admin.delete_acls([_ANY_RIGHT]).values():
            done.result(20)
        self._wait_until(lambda known: not known)

    def _wait_until(self, holds: Callable[[set[tuple[Any, ...]]], bool]) -> None:
        """What is written to the metadata log the broker's authorizer has read a moment later."""
        deadline = time.monotonic() + 20
        while not holds({_key(one) for one in self.admin.describe_acls(_ANY_RIGHT).result(20)}):
            assert time.monotonic() < deadline, "the broker's rights do not change"
            time.sleep(0.02)

    async def groups(self) -> list[str]:
        """Consumer groups that there are."""
        listed = await asyncio.to_thread(self.admin.list_consumer_groups().result, 20)
        return [group.group_id for group in listed.valid]


def _binding(user: str, right: Right) -> AclBinding:
    return AclBinding(
        _RESOURCES[right.kind],
        right.name or "kafka-cluster",
        ResourcePatternType.PREFIXED if right.prefixed else ResourcePatternType.LITERAL,
        f"User:{user}",
        "*",
        _OPERATIONS[right.operation],
        AclPermissionType.ALLOW,
    )


def _key(one: AclBinding) -> tuple[Any, ...]:
    return one.restype, one.name, one.resource_pattern_type, one.principal, one.operation


def _filter(one: AclBinding) -> AclBindingFilter:
    return AclBindingFilter(
        one.restype, one.name, one.resource_pattern_type, one.principal, one.host, one.operation, one.permission_type
    )


@contextlib.contextmanager
def secured_kafka(directory: Path) -> Iterator[SecuredKafka]:
    """Started, with its users, and without any rights but root's."""
    certificates = Certificates(directory)
    own = certificates.key_store(certificates.made("broker", "127.0.0.1", "localhost"))
    other = certificates.key_store(certificates.made("other", "kafka.elsewhere.invalid"))
    users = " ".join(f'user_{name}="{password}"' for name, password in PASSWORDS.items())
    logins = {
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
        "plain.sasl.jaas.config": f"{_MODULE}.plain.PlainLoginModule required {users};",
        "scram-sha-256.sasl.jaas.config": f"{_MODULE}.scram.ScramLoginModule required;",
        "scram-sha-512.sasl.jaas.config": f"{_MODULE}.scram.ScramLoginModule required;",
        "oauthbearer.sasl.jaas.config": f'{_MODULE}.oauthbearer.OAuthBearerLoginModule required '
                                        'unsecuredLoginStringClaim_sub="broker";',
    }  # fmt: skip
    mutual = {"ssl.client.auth": "required", "ssl.principal.mapping.rules": r"RULE:^.*CN=([^,]+).*$/$1/"}
    listeners = [
        Listener("MTLS", "SSL", own | mutual),
        Listener("SASL", "SASL_SSL", own | logins),
        Listener("CLEAR", "SASL_PLAINTEXT", logins),
        Listener("OTHERNAME", "SSL", other),
        Listener("ONLYSCRAM", "SASL_SSL", own | logins | {"sasl.enabled.mechanisms": "SCRAM-SHA-256"}),
        Listener("LOST", "SASL_SSL", own | logins, host="kafka-1.nowhere.invalid"),
    ]
    protocols = {"CONTROLLER": "SSL", "PLAINTEXT": "PLAINTEXT"} | {one.name: one.protocol for one in listeners}
    properties = {
        "listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name, protocol in protocols.items()),
        "inter.broker.listener.name": "MTLS",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:root;User:broker",
        **{f"listener.name.controller.{name}": value for name, value in (own | mutual).items()},
    }
    broker = LocalKafka(properties=properties, listeners=listeners)
    with broker:
        secured = SecuredKafka(broker, certificates)
        secured.make_users()
        yield secured


def unsecured_token(subject: str, life_s: float = 3600) -> str:
    """A JSON web token without a signature, which Kafka's validator for development accepts."""

    def part(claims: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")

    now = time.time()
    issued = now - 1  # the validator takes the same millisecond, rounded up, for the future
    return f"{part({'alg': 'none'})}.{part({'sub': subject, 'iat': issued, 'exp': now + life_s})}."


def token_of_worker() -> str:
    """What `kafka_sasl_token_provider` names in these tests; how long it lives, the environment says."""
    return unsecured_token("worker", float(os.environ.get("TOKEN_LIFE_S", "3600")))


def expired_token() -> str:
    return unsecured_token("worker", -0.5)
