"""Settings that are each right and do not fit together."""

from __future__ import annotations

from collections.abc import Iterator

from sla_stream.formats.registry_settings import registry_contradictions
from sla_stream.formats.security_checks import Problem, security_contradictions
from sla_stream.formats.setting_model import OTHER_TOPIC_ROLES, Settings
from sla_stream.formats.setting_values import duration_text


def contradictions(settings: Settings) -> Iterator[Problem]:
    """Every contradiction, in the order of the settings' declaration."""
    yield from security_contradictions(settings)
    yield from _topics(settings)
    yield from registry_contradictions(settings)
    if settings.retain_closed < settings.allowed_lateness:
        have, need = duration_text(settings.retain_closed), duration_text(settings.allowed_lateness)
        yield (
            ("retain_closed", "allowed_lateness"),
            f"{have} is shorter than allowed_lateness ({need}): a late event would meet a forgotten ticket",
        )


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
