"""Every way into a cluster, for every client of ours; and what is said when it is the wrong one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import trustme

from sla_stream.errors import ConfigError
from sla_stream.formats.settings import Secret, Settings
from sla_stream.kafka.admin import Admin
from sla_stream.kafka.broker_time import BrokerClock
from sla_stream.kafka.end_offsets import EndOffsets
from sla_stream.kafka.policy_log import PolicyPusher
from sla_stream.kafka.reach import obstacle
from sla_stream.kafka.reader import TopicReader
from sla_stream.kafka.rights import Right, pusher_rights, reader_rights
from tests.identity_provider import identity_provider
from tests.secured_support import PASSWORDS, SecuredKafka, unsecured_token
from tests.worker_support import Cluster

pytestmark = pytest.mark.kafka

HOOK = "tests.secured_support:token_of_worker"
WRONG = "quite-wrong-hush"


def by_token(secured: SecuredKafka, settings: Settings, **more: Any) -> Settings:
    return replace(
        settings,
        kafka=secured.address("SASL"),
        kafka_tls=True,
        kafka_tls_ca_file=secured.certificates.ca_file,
        kafka_sasl_mechanism="OAUTHBEARER",
        **more,
    )


async def looks(settings: Settings) -> None:
    """The clients of commands that look back."""
    topic = settings.topic("ticket_events")
    async with Admin(settings) as admin:
        assert topic in await admin.topic_names()
    async with TopicReader(settings, topic) as reader:
        assert await reader.end() == {0: 0, 1: 0}


async def works(settings: Settings) -> None:
    """The worker's other clients and the publisher's; the worker's own life is in test_secured_worker."""
    topic = settings.topic("ticket_events")
    ends = EndOffsets(settings)
    await ends.start()
    try:
        assert await ends.latest(topic, [0, 1]) == {0: 0, 1: 0}
    finally:
        await ends.stop()
    clock = BrokerClock(settings)
    await clock.start()
    assert clock.skew_ms is not None
    await clock.stop()
    async with PolicyPusher(settings) as pusher:
        assert pusher.history.next_number == 1


async def test_every_client_gets_in_by_every_way(secured: SecuredKafka, secured_cluster: Cluster) -> None:
    settings = secured_cluster.settings
    clock = Right("Write", "topic", settings.topic("clock"))
    secured.grant("worker", [*reader_rights(settings.topic("ticket_events")), clock, *pusher_rights(settings)])
    in_the_clear = replace(
        secured.by_password(settings, "worker", "SCRAM-SHA-256"),
        kafka=secured.address("CLEAR"),
        kafka_tls=False,
        kafka_tls_ca_file=None,
    )
    given = {"access_token": unsecured_token("worker"), "expires_in": 3600}
    with identity_provider(("sla", "hush"), (200, given)) as provider:
        client = {"kafka_sasl_username": "sla", "kafka_sasl_password": Secret("hush")}
        for way in (
            secured.by_certificate(settings, "worker"),
            *(secured.by_password(settings, "worker", one) for one in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")),
            in_the_clear,
            by_token(secured, settings, kafka_sasl_token_provider=HOOK),
            by_token(secured, settings, kafka_sasl_token_url=provider.url, **client),
        ):
            await looks(way)
        await works(way)
        assert len(provider.asked) == 1


Change = Callable[[SecuredKafka, Settings], Settings]
"""From right settings to wrong ones."""


def _other_authority(secured: SecuredKafka, settings: Settings) -> Settings:
    other = trustme.CA()
    file = secured.certificates.ca_file + ".other"
    other.cert_pem.write_to_path(file)
    return replace(settings, kafka_tls_ca_file=file)


def _foreign_certificate(secured: SecuredKafka, settings: Settings) -> Settings:
    made = secured.certificates.made("worker", authority=trustme.CA())
    return replace(secured.by_certificate(settings, "worker"), kafka_tls_cert_file=made)


def _no_login(settings: Settings) -> Settings:
    return replace(settings, kafka_sasl_mechanism=None, kafka_sasl_username=None, kafka_sasl_password=None)


def _at(listener: str) -> Change:
    return lambda secured, settings: replace(settings, kafka=secured.address(listener))


MIX_UPS: list[tuple[str, Change, str]] = [
    (
        "a wrong password",
        lambda _, settings: replace(settings, kafka_sasl_password=Secret(WRONG)),
        "it refuses the log-in of worker with SCRAM-SHA-512; expected the name and secret that the cluster knows",
    ),
    (
        "a wrong password in PLAIN",
        lambda _, settings: replace(settings, kafka_sasl_password=Secret(WRONG), kafka_sasl_mechanism="PLAIN"),
        "it refuses the log-in of worker with PLAIN; expected the name and secret that the cluster knows",
    ),
    (
        "a token that has expired",
        lambda secured, settings: by_token(
            secured, _no_login(settings), kafka_sasl_token_provider="tests.secured_support:expired_token"
        ),
        "it refuses our token; expected one that it knows the issuer of, that is for it, and that has not expired",
    ),
    (
        "an authority that signed nothing there",
        _other_authority,
        "its certificate is not accepted: unable to get local issuer certificate; expected the authority that signed "
        "it in kafka_tls_ca_file (the check cannot be turned off)",
    ),
    (
        "the system's authorities",
        lambda _, settings: replace(settings, kafka_tls_ca_file=None),
        "its certificate is not accepted: ",
    ),
    (
        "a certificate for another name",
        _at("OTHERNAME"),
        "its certificate is not accepted: IP address mismatch, certificate is not valid for '127.0.0.1'; connect by a "
        "name that its certificate is for, or have the certificate made for this name (the check cannot be turned off)",
    ),
    (
        "TLS on a port without",
        _at("CLEAR"),
        "it speaks no TLS on this port; set kafka_tls to off, or use its TLS port",
    ),
    (
        "no TLS on a port with",
        lambda _, settings: replace(settings, kafka_tls=False, kafka_tls_ca_file=None),
        "it speaks TLS on this port; set kafka_tls to on",
    ),
    (
        "no log-in where one is expected",
        lambda _, settings: _no_login(settings),
        "it closed the connection (does it expect a log-in, or a certificate of ours?): set kafka_sasl_mechanism, or "
        "kafka_tls_cert_file",
    ),
    (
        "no log-in where one is expected, without TLS",
        lambda secured, settings: replace(
            _no_login(settings), kafka=secured.address("CLEAR"), kafka_tls=False, kafka_tls_ca_file=None
        ),
        "it expects a log-in on this port; set kafka_sasl_mechanism",
    ),
    (
        "a log-in where none is taken",
        lambda secured, settings: replace(
            settings, kafka=secured.address("PLAINTEXT"), kafka_tls=False, kafka_tls_ca_file=None
        ),
        "it takes no log-in on this port; leave kafka_sasl_mechanism out, or use the port for log-ins",
    ),
    (
        "no certificate where one is wanted",
        lambda secured, settings: replace(_no_login(settings), kafka=secured.address("MTLS")),
        "it wants a certificate of ours (",
    ),
    (
        "a certificate that the cluster's authority has not signed",
        lambda secured, settings: _foreign_certificate(secured, _no_login(settings)),
        "it does not accept our certificate ",
    ),
    (
        "another cluster",
        lambda _, settings: replace(settings, kafka_cluster_id="abc"),
        "this is cluster ",
    ),
]


@pytest.mark.parametrize(("change", "said"), [one[1:] for one in MIX_UPS], ids=[one[0] for one in MIX_UPS])
async def test_each_mix_up_is_told_apart(secured: SecuredKafka, change: Change, said: str) -> None:
    wrong = change(secured, secured.by_password(Settings(), "worker"))
    found = await obstacle(wrong)
    assert found is not None
    assert found.text.removeprefix(f"{wrong.kafka}: ").startswith(said)
    assert found.lasting
    assert not [secret for secret in (WRONG, *PASSWORDS.values()) if secret in found.text]


async def test_a_mechanism_that_is_not_offered_and_those_that_are(secured: SecuredKafka) -> None:
    settings = secured.by_password(Settings(), "worker", "PLAIN")
    found = await obstacle(replace(settings, kafka=secured.address("ONLYSCRAM")))
    assert found is not None
    assert found.text.endswith(
        "it does not offer PLAIN; kafka_sasl_mechanism may be one of what it offers: SCRAM-SHA-256"
    )


async def test_brokers_that_are_named_and_not_to_be_found(secured: SecuredKafka) -> None:
    found = await obstacle(replace(secured.by_password(Settings(), "worker"), kafka=secured.address("LOST"),
                                   kafka_sasl_mechanism="SCRAM-SHA-512"))  # fmt: skip
    assert found is not None
    assert "it answers, and names brokers that do not (kafka-1.nowhere.invalid:" in found.text
    assert "there is no host of that name" in found.text
    assert found.text.endswith("what it names is set by the brokers' advertised.listeners")
    assert not found.lasting, "the name may come: in Kubernetes it does when the broker is ready"


async def test_the_cluster_that_was_named_is_let_pass(secured: SecuredKafka) -> None:
    settings = replace(secured.by_password(Settings(), "worker"), kafka_cluster_id="abc")
    found = await obstacle(settings)
    assert found is not None
    known = found.text.partition("this is cluster ")[2].partition(",")[0]
    assert await obstacle(replace(settings, kafka_cluster_id=known)) is None


async def test_any_command_ends_the_same_way(secured: SecuredKafka) -> None:
    wrong = replace(secured.by_password(Settings(), "worker"), kafka_sasl_password=Secret(WRONG))
    with pytest.raises(ConfigError, match=r"kafka: cannot use the cluster: .* it refuses the log-in of worker"):
        async with Admin(wrong):
            raise AssertionError("let in")
