"""Every setting, declared once: name, type, parser, default, one line of help; and what follows from them.

From a declaration come the flag (`--commit-interval`), the variable (`SLA_STREAM_COMMIT_INTERVAL`), the key
in the settings file (`commit_interval`) and the error when the text does not fit.
"""

from __future__ import annotations

from dataclasses import Field, dataclass, fields
from typing import Any, Final, Literal

from sla_stream.formats import setting_values as values
from sla_stream.formats.registry_settings import RegistrySettings
from sla_stream.formats.setting_field import setting

TopicRole = Literal[
    "ticket_events",
    "warnings",
    "breaches",
    "outcomes",
    "timers",
    "late",
    "dead_letters",
    "changelog",
    "clock",
    "policies",
    "retries",
]
TOPIC_ROLES: Final[tuple[TopicRole, ...]] = (
    "ticket_events",
    "warnings",
    "breaches",
    "outcomes",
    "timers",
    "late",
    "dead_letters",
    "changelog",
)
"""The topics that tickets pass through."""
OTHER_TOPIC_ROLES: Final[tuple[TopicRole, ...]] = ("clock", "policies", "retries")
"""Beside them: the brokers' time, every policy set there ever was, and which records were sent again."""

_SECOND: Final = 1_000
_DAY: Final = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(RegistrySettings):
    """Every setting, checked. Durations and instants are integer milliseconds. Those for security come first."""

    app_id: str = setting(values.legal_name, "sla-stream", "names the consumer group, transactions and changelog")
    topic_prefix: str = setting(values.prefix, "", "put before every topic, group and transactional id, as written")
    topic_ticket_events: str = setting(values.legal_name, "sla.ticket-events.v1", "input topic")
    topic_warnings: str = setting(values.legal_name, "sla.warnings.v1", "topic of warnings")
    topic_breaches: str = setting(values.legal_name, "sla.breaches.v1", "topic of breaches and escalations")
    topic_outcomes: str = setting(values.legal_name, "sla.outcomes.v1", "topic of outcomes")
    topic_timers: str = setting(values.legal_name, "sla.timers.v1", "compacted topic of the present state")
    topic_late: str = setting(values.legal_name, "sla.late.v1", "topic of events that came too late")
    topic_dead_letters: str = setting(
        values.legal_name, "sla.dead-letters.v1", "topic of records that can never be applied"
    )
    topic_changelog: str | None = setting(
        values.legal_name, None, "private compacted topic of the table (default: APP_ID-changelog)"
    )
    topic_clock: str | None = setting(
        values.legal_name, None, "private topic that shows the broker's clock (default: APP_ID-clock)"
    )
    topic_policies: str = setting(values.legal_name, "sla.policies.v1", "compacted topic of policy sets")
    topic_retries: str = setting(
        values.legal_name, "sla.retries.v1", "topic that tells which dead letters and late records were sent again"
    )
    partitions: int = setting(values.whole_number(1, 10_000), 8, "partitions of input, outputs and changelog")
    replication: int | None = setting(
        values.whole_number(1, 32_767), None, "copies of each partition (default: the broker's default)"
    )

    policies: str | None = setting(values.text, None, "policy file (YAML or JSON)", path=True)
    sources: str | None = setting(
        values.text, None, "file of source topics and their mappings, for `ingest`", path=True
    )
    settle_for: int = setting(
        values.duration(0, _DAY), 5 * _SECOND, "how long an alarm that is past when it is set waits"
    )
    hold_for: int = setting(values.duration(0, _DAY), 0, "how long every alarm waits for events that come late")
    publish_from: int | None = setting(
        values.instant, None, "decisions dated earlier change state and are not published"
    )
    allowed_lateness: int = setting(
        values.duration(0, 366 * _DAY), 7 * _DAY, "how late an event may come and still be put in its place"
    )
    max_skew: int = setting(
        values.duration(0, 366 * _DAY),
        300 * _SECOND,
        "how far occurred_at may lie ahead of the record's time",
    )
    retain_closed: int = setting(
        values.duration(0, 3660 * _DAY), 30 * _DAY, "how long a closed ticket is kept (>= allowed_lateness)"
    )
    max_dead_letters: int = setting(
        values.whole_number(0, 1_000_000), 100, "dead letters in a row that pause a partition (0: no limit)"
    )

    timers_topic: bool = setting(values.switch, True, "publish the present state to the timers topic")
    fire_guard: int | None = setting(
        values.duration(0, 60 * _SECOND),
        None,
        "a timer fires this much after its instant",
        shown="0ms; 100ms replicated",
    )
    commit_interval: int = setting(values.duration(1, 10 * _SECOND), 50, "the longest time between two commits")
    session_timeout: int = setting(
        values.duration(2 * _SECOND, 300 * _SECOND),
        10 * _SECOND,
        "a worker unheard of for so long is replaced",
    )
    instance_id: str | None = setting(
        values.legal_name, None, "static membership: the same name at each start of this worker, no other's"
    )
    listen: tuple[str, int] = setting(values.address, ("127.0.0.1", 8085), "address of /livez, /readyz and /metrics")
    data_dir: str | None = setting(
        values.text, None, "directory for local files", path=True, shown="$XDG_DATA_HOME/sla-stream"
    )
    log_level: str = setting(
        values.choice("debug", "info", "warning", "error"), "info", "debug, info, warning or error"
    )
    log_format: str = setting(
        values.choice("auto", "console", "json"),
        "auto",
        "auto, console or json; auto: JSON unless on a terminal",
    )

    def topic(self, role: TopicRole) -> str:
        """The full name of a topic, prefix included."""
        name = getattr(self, f"topic_{role}") or f"{self.app_id}-{role}"
        return f"{self.topic_prefix}{name}"

    @property
    def topics(self) -> dict[TopicRole, str]:
        """Full names of `TOPIC_ROLES` by role."""
        return {role: self.topic(role) for role in TOPIC_ROLES}

    @property
    def group_id(self) -> str:
        return f"{self.topic_prefix}{self.app_id}"

    def transactional_id(self, partition: int) -> str:
        return f"{self.topic_prefix}{self.app_id}-{partition}"

    def fire_guard_ms(self, replication_factor: int) -> int:
        """The guard in force: what is set, else 100 ms where the input topic is replicated."""
        if self.fire_guard is not None:
            return self.fire_guard
        return 100 if replication_factor > 1 else 0


SETTING_FIELDS: Final[dict[str, Field[Any]]] = {one.name: one for one in fields(Settings)}
SETTING_NAMES: Final = tuple(SETTING_FIELDS)
KAFKA_SETTINGS: Final = tuple(name for name in SETTING_NAMES if name.startswith("kafka"))
TOPIC_SETTINGS: Final = (
    "app_id",
    "topic_prefix",
    *(f"topic_{role}" for role in (*TOPIC_ROLES, *OTHER_TOPIC_ROLES)),
    "partitions",
    "replication",
)
