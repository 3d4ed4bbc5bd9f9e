"""What each command may have to be granted: the least, as a table, and the sentence for what is missing.

`docs/security.md` shows this table to people; a test holds that the two agree and that a worker, a reader and a
pusher with exactly these rights do all that they are for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from sla_stream.errors import ConfigError
from sla_stream.formats.settings import TOPIC_ROLES, Settings, TopicRole
from sla_stream.kafka.tokens import tokens

Operation = Literal["Read", "Write", "Create", "Delete", "Describe", "DescribeConfigs", "AlterConfigs"]
Kind = Literal["topic", "group", "transactional-id", "cluster"]


@dataclass(frozen=True, slots=True)
class Right:
    """An operation on a resource. `ids`: the name is the beginning of these, which are meant."""

    operation: Operation
    kind: Kind
    name: str = ""
    ids: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.kind == "cluster":
            return f"{self.operation} on the cluster"
        return f"{self.operation} on {self.kind} {self.name}{'*' if self.prefixed else ''}"

    @property
    def prefixed(self) -> bool:
        """Whether the name is a beginning, and not one of the ids itself."""
        return bool(self.ids) and self.ids != (self.name,)


def worker_rights(settings: Settings, partitions: int) -> list[Right]:
    """Of `run`, with so many partitions of input. That topics' configs can be read is what keeps a wrong cleanup
    policy from eating the state.
    """
    roles = [role for role in TOPIC_ROLES if role != "timers" or settings.timers_topic]
    rights: list[Right] = []
    for role in roles:
        if role in ("ticket_events", "changelog"):
            rights.append(Right("Read", "topic", settings.topic(role)))
        if role != "ticket_events":
            rights.append(Right("Write", "topic", settings.topic(role)))
        rights.append(Right("DescribeConfigs", "topic", settings.topic(role)))
    rights.append(Right("Write", "topic", settings.topic("clock")))
    rights += reader_rights(settings.topic("policies"))
    rights.append(Right("DescribeConfigs", "topic", settings.topic("policies")))
    rights.append(Right("Read", "group", settings.group_id))
    ids = tuple(settings.transactional_id(number) for number in range(partitions))
    return [*rights, Right("Write", "transactional-id", f"{settings.group_id}-", ids)]


def reader_rights(*topics: str) -> list[Right]:
    """Of what looks back (`replay --topic`, `tickets`, `dlq list`, `sources check`): no group, no writing."""
    return [Right("Read", "topic", topic) for topic in topics]


def verifier_rights(settings: Settings) -> list[Right]:
    """Of `verify --topic` with a policy file: what it compares, and how far the worker has come."""
    roles: tuple[TopicRole, ...] = ("ticket_events", "warnings", "breaches", "outcomes")
    topics = [settings.topic(role) for role in roles]
    return [*reader_rights(*topics), Right("Describe", "group", settings.group_id)]


def pusher_rights(settings: Settings) -> list[Right]:
    """Of `policy push`."""
    topic = settings.topic("policies")
    pusher = push_id(settings)
    return [
        Right("Read", "topic", topic),
        Right("Write", "topic", topic),
        Right("Write", "transactional-id", pusher, (pusher,)),
    ]


def push_id(settings: Settings) -> str:
    """The transactional id of `policy push`."""
    return f"{settings.topic('policies')}-push"


def retrier_rights(settings: Settings) -> list[Right]:
    """Of `dlq retry` and `late retry`, beside reading the topic of the letters; they go back to the input topic."""
    marks, retry = settings.topic("retries"), retry_id(settings)
    return [
        Right("Read", "topic", marks),
        Right("Write", "topic", marks),
        Right("Write", "topic", settings.topic("ticket_events")),
        Right("Write", "transactional-id", retry, (retry,)),
    ]


def retry_id(settings: Settings) -> str:
    """The transactional id of `dlq retry` and `late retry`."""
    return f"{settings.group_id}-retry"


def creator_rights(settings: Settings, topics: Iterable[str], *, alter: bool = False) -> list[Right]:
    """Of `topics create`. How many copies are usual is a config of the cluster; with `replication` nobody asks."""
    usual = [] if settings.replication is not None else [Right("DescribeConfigs", "cluster")]
    each: list[Operation] = ["Create", "Describe", "DescribeConfigs", *(["AlterConfigs"] if alter else [])]  # type: ignore[list-item]
    return [*usual, *(Right(operation, "topic", topic) for topic in topics for operation in each)]


def consumer_rights(topic: str, group: str) -> list[Right]:
    """Of a consumer of SLA events, none of ours."""
    return [Right("Read", "topic", topic), Right("Read", "group", group)]


_ANONYMOUS: Final = "User:ANONYMOUS"


def principal(settings: Settings) -> str:
    """Whom the cluster takes us for, as far as a client can know: the brokers may map names."""
    if settings.kafka_sasl_mechanism is None:
        certificate = settings.kafka_tls_cert_file
        return f"the subject of certificate {certificate}" if certificate else _ANONYMOUS
    if settings.kafka_sasl_mechanism == "AWS_MSK_IAM":
        return "the IAM role"
    if settings.kafka_sasl_mechanism == "OAUTHBEARER":
        subject = tokens(settings).subject
        return f"User:{subject}" if subject else "the owner of the token"
    return f"User:{settings.kafka_sasl_username}"


def denied(settings: Settings, missing: Iterable[Right]) -> ConfigError:
    """Names every right that is missing, on what, for whom, and how it is granted."""
    who = principal(settings)
    return ConfigError("\n".join(f"kafka: {who} lacks {one}; {_grant(settings, who, one)}" for one in missing))


def _grant(settings: Settings, who: str, right: Right) -> str:
    if settings.kafka_sasl_mechanism == "AWS_MSK_IAM":
        return "allow it in the role's IAM policy"
    resource = "--cluster" if right.kind == "cluster" else f"--{right.kind} {right.name}"
    pattern = " --resource-pattern-type prefixed" if right.prefixed else ""
    to = who if who.startswith("User:") else "User:NAME"
    return (
        f"grant it: kafka-acls.sh --bootstrap-server {settings.kafka} --add --allow-principal {to} "
        f"--operation {right.operation} {resource}{pattern}"
    )
