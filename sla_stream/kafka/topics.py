"""The topics we want: `topics/ROLE.yaml` says how each is made, the settings say its name, size and copies.

The files are what `topics create` makes and `topics check` compares; `schemas/topics` in the repository shows the
same directory to people.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Any, Final

from sla_stream.formats.settings import OTHER_TOPIC_ROLES, TOPIC_ROLES, Settings, TopicRole

ROLES: Final[tuple[TopicRole, ...]] = (*TOPIC_ROLES, *OTHER_TOPIC_ROLES)

_CLUSTER_WITH_QUORUM: Final = 3


@dataclass(frozen=True, slots=True)
class WantedTopic:
    """A topic as it should be. `replication` None: the broker's default. `config`: topic configs as Kafka's text."""

    role: TopicRole
    name: str
    partitions: int
    replication: int | None
    config: dict[str, str] = field(default_factory=dict)

    def on(self, default_replication: int) -> WantedTopic:
        """The same with copies decided, and with the min ISR that follows from them."""
        copies = self.replication or default_replication
        quorum = "2" if copies >= _CLUSTER_WITH_QUORUM else "1"
        return replace(self, replication=copies, config=self.config | {"min.insync.replicas": quorum})


def wanted_topics(settings: Settings, *, virtual_clock: bool = False) -> list[WantedTopic]:
    """Every topic the settings call for.

    `virtual_clock`: records will carry instants of the past as their timestamps, so the input keeps them
    (CreateTime) and nothing falls to retention.
    """
    roles = [role for role in ROLES if role != "timers" or settings.timers_topic]
    return [wanted_topic(settings, role, virtual_clock=virtual_clock) for role in roles]


def wanted_topic(settings: Settings, role: TopicRole, *, virtual_clock: bool = False) -> WantedTopic:
    """One topic."""
    file = topic_file(role)
    config = {name: _text(value) for name, value in file["config"].items()}
    if virtual_clock and role != "clock":
        config["message.timestamp.type"] = "CreateTime"
        config["retention.ms"] = "-1"
    partitions = settings.partitions if file["partitions"] == "all" else int(file["partitions"])
    return WantedTopic(role, settings.topic(role), partitions, settings.replication, config)


@cache
def topic_file(role: TopicRole) -> dict[str, Any]:
    """The parsed file of a role."""
    import yaml  # not needed by --help

    text = files("sla_stream.kafka").joinpath("topics", f"{role}.yaml").read_text(encoding="utf-8")
    parsed: dict[str, Any] = yaml.safe_load(text)
    return parsed


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
