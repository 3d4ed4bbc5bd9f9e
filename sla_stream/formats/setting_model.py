"""Every setting, declared once: name, type, parser, default, one line of help; and what follows from them.

From a declaration come the flag (`--commit-interval`), the variable (`SLA_STREAM_COMMIT_INTERVAL`), the key
in the settings file (`commit_interval`) and the error when the text does not fit.
"""

from __future__ import annotations

from dataclasses import Field, dataclass, field, fields
from typing import Any, Final, Literal

from sla_stream.formats import setting_values as values
from sla_stream.formats.setting_values import Secret

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
OTHER_TOPIC_ROLES: Final[tuple[TopicRole, ...]] = ("clock", "policies")
"""Beside them: one that only tells the brokers' time, and one with every policy set there ever was."""

_SECOND: Final = 1_000
_DAY: Final = 86_400_000


def _setting(parse: values.Parser, default: Any, help_: str, **more: Any) -> Any:
    """A field of `Settings`; `more`: `path` (a local file), `secret` (never a flag), `shown` (as default)."""
    return field(default=default, repr="secret" not in more, metadata={"parse": parse, "help": help_, **more})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting, checked. Durations and instants are integer milliseconds."""

    kafka: str = _setting(values.servers, "localhost:9092", "bootstrap servers, HOST:PORT[,HOST:PORT...]")
    kafka_tls: bool = _setting(values.switch, False, "encrypt, and check the broker's certificate and name")
    kafka_tls_ca_file: str | None = _setting(
        values.text, None, "PEM file of the authorities to trust (default: the system's)", path=True
    )
    kafka_tls_cert_file: str | None = _setting(
        values.text, None, "PEM file of our own certificate (mutual TLS)", path=True
    )
    kafka_tls_key_file: str | None = _setting(
        values.text, None, "PEM file of its private key, when not in the same file", path=True
    )
    kafka_tls_key_password: Secret | None = _setting(  # noqa: RUF009 (it returns a field)
        values.secret, None, "password of the private key", secret=True
    )
    kafka_tls_key_password_file: str | None = _setting(
        values.text, None, "file that holds the password of the private key", path=True
    )
    kafka_sasl_mechanism: str | None = _setting(
        values.choice("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"),
        None,
        "log in: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512",
    )
    kafka_sasl_username: str | None = _setting(values.text, None, "user name for the log-in")
    kafka_sasl_password: Secret | None = _setting(  # noqa: RUF009
        values.secret, None, "password for the log-in", secret=True
    )
    kafka_sasl_password_file: str | None = _setting(
        values.text, None, "file that holds the password for the log-in", path=True
    )

    app_id: str = _setting(values.legal_name, "sla-stream", "names the consumer group, transactions and changelog")
    topic_prefix: str = _setting(values.prefix, "", "put before every topic, group and transactional id, as written")
    topic_ticket_events: str = _setting(values.legal_name, "sla.ticket-events.v1", "input topic")
    topic_warnings: str = _setting(values.legal_name, "sla.warnings.v1", "topic of warnings")
    topic_breaches: str = _setting(values.legal_name, "sla.breaches.v1", "topic of breaches and escalations")
    topic_outcomes: str = _setting(values.legal_name, "sla.outcomes.v1", "topic of outcomes")
    topic_timers: str = _setting(values.legal_name, "sla.timers.v1", "compacted topic of the present state")
    topic_late: str = _setting(values.legal_name, "sla.late.v1", "topic of events that came too late")
    topic_dead_letters: str = _setting(
        values.legal_name, "sla.dead-letters.v1", "topic of records that can never be applied"
    )
    topic_changelog: str | None = _setting(
        values.legal_name, None, "private compacted topic of the table (default: APP_ID-changelog)"
    )
    topic_clock: str | None = _setting(
        values.legal_name, None, "private topic that shows the broker's clock (default: APP_ID-clock)"
    )
    topic_policies: str = _setting(values.legal_name, "sla.policies.v1", "compacted topic of policy sets")
    partitions: int = _setting(values.whole_number(1, 10_000), 8, "partitions of input, outputs and changelog")
    replication: int | None = _setting(
        values.whole_number(1, 32_767), None, "copies of each partition (default: the broker's default)"
    )

    policies: str | None = _setting(values.text, None, "policy file (YAML or JSON)", path=True)
    sources: str | None = _setting(values.text, None, "mappings of vendor records", path=True)
    settle_for: int = _setting(
        values.duration(0, _DAY), 5 * _SECOND, "how long an alarm that is past when it is set waits"
    )
    hold_for: int = _setting(values.duration(0, _DAY), 0, "how long every alarm waits for events that come late")
    publish_from: int | None = _setting(
        values.instant, None, "decisions dated earlier change state and are not published"
    )
    allowed_lateness: int = _setting(
        values.duration(0, 366 * _DAY), 7 * _DAY, "how late an event may come and still be put in its place"
    )
    max_skew: int = _setting(
        values.duration(0, 366 * _DAY),
        300 * _SECOND,
        "how far occurred_at may lie ahead of the record's time",
    )
    retain_closed: int = _setting(
        values.duration(0, 3660 * _DAY), 30 * _DAY, "how long a closed ticket is kept (>= allowed_lateness)"
    )
    max_dead_letters: int = _setting(
        values.whole_number(0, 1_000_000), 100, "dead letters in a row that pause a partition (0: no limit)"
    )

    timers_topic: bool = _setting(values.switch, True, "publish the present state to the timers topic")
    fire_guard: int | None = _setting(
        values.duration(0, 60 * _SECOND),
        None,
        "a timer fires this much after its instant",
        shown="0ms; 100ms replicated",
    )
    commit_interval: int = _setting(values.duration(1, 10 * _SECOND), 50, "the longest time between two commits")
    session_timeout: int = _setting(
        values.duration(2 * _SECOND, 300 * _SECOND),
        10 * _SECOND,
        "a worker unheard of for so long is replaced",
    )
    instance_id: str | None = _setting(
        values.legal_name, None, "static membership: the same name at each start of this worker, no other's"
    )
    listen: tuple[str, int] = _setting(values.address, ("127.0.0.1", 8085), "address of /livez, /readyz and /metrics")
    data_dir: str | None = _setting(
        values.text, None, "directory for local files", path=True, shown="$XDG_DATA_HOME/sla-stream"
    )
    log_level: str = _setting(
        values.choice("debug", "info", "warning", "error"), "info", "debug, info, warning or error"
    )
    log_format: str = _setting(
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

    @property
    def security_protocol(self) -> str:
        """Kafka's word for the combination of TLS and log-in."""
        transport = "SSL" if self.kafka_tls else "PLAINTEXT"
        return f"SASL_{transport}" if self.kafka_sasl_mechanism else transport

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
