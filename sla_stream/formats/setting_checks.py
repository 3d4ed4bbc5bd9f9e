"""Settings that are each right and do not fit together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sla_stream.formats.setting_model import OTHER_TOPIC_ROLES, Settings
from sla_stream.formats.setting_values import duration_text

Problem = tuple[tuple[str, ...], str]
"""The settings concerned, the one to blame first, and a sentence."""


def contradictions(settings: Settings) -> Iterator[Problem]:
    """Every contradiction, in the order of the settings' declaration."""
    yield from _tls(settings)
    yield from _login(settings)
    yield from _topics(settings)
    if settings.sources is not None:
        yield ("sources",), "mappings of vendor records are not built yet; leave it out"
    if settings.retain_closed < settings.allowed_lateness:
        have, need = duration_text(settings.retain_closed), duration_text(settings.allowed_lateness)
        yield (
            ("retain_closed", "allowed_lateness"),
            f"{have} is shorter than allowed_lateness ({need}): a late event would meet a forgotten ticket",
        )


def _tls(settings: Settings) -> Iterator[Problem]:
    for name in ("kafka_tls_ca_file", "kafka_tls_cert_file", "kafka_tls_key_file"):
        path = getattr(settings, name)
        if path is not None and not settings.kafka_tls:
            yield (name,), "has no effect while kafka_tls is off; set kafka_tls to on"
        elif path is not None and not Path(path).is_file():
            yield (name,), f"there is no file {path}"
    if settings.kafka_tls_key_file and not settings.kafka_tls_cert_file:
        yield ("kafka_tls_key_file",), "a key needs its certificate: set kafka_tls_cert_file too"


def _login(settings: Settings) -> Iterator[Problem]:
    login = {
        "kafka_sasl_username": settings.kafka_sasl_username,
        "kafka_sasl_password": settings.kafka_sasl_password,
    }
    for name, value in login.items():
        if settings.kafka_sasl_mechanism and value is None:
            yield ("kafka_sasl_mechanism",), f"{settings.kafka_sasl_mechanism} needs {name} too"
        elif not settings.kafka_sasl_mechanism and value is not None:
            yield (name, f"{name}_file"), "has no effect without kafka_sasl_mechanism; set that too"


def _topics(settings: Settings) -> Iterator[Problem]:
    used: dict[str, str] = {}
    others = {role: settings.topic(role) for role in OTHER_TOPIC_ROLES}
    for role, topic in (settings.topics | others).items():
        name = f"topic_{role}"
        if topic in used:
            yield (name, used[topic]), f'"{topic}" is the name of {used[topic]} too'
        used.setdefault(topic, name)
        if len(topic) > 249:
            yield (
                (name, "topic_prefix"),
                f"with its prefix {len(topic)} characters long, expected at most 249",
            )
