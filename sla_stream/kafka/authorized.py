"""Which rights the cluster has given us, asked without using any of them.

Topics, groups and the cluster tell which operations they allow us (KIP-430). For a transactional id there is no such
question; so a transaction of a producer that nobody has is ended: without the right the broker refuses that first,
with it it says that it knows no such producer.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection
from typing import Any, Final

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    GroupAuthorizationFailedError,
    IncompatibleBrokerVersion,
    KafkaError,
    NotCoordinatorError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
    for_code,
)
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.transaction import EndTxnRequest

from sla_stream.kafka.requests import DescribeGroups, MetadataWithRights
from sla_stream.kafka.rights import Operation, Right

_BITS: Final[dict[Operation, int]] = {
    "Read": 3,
    "Write": 4,
    "Create": 5,
    "Delete": 6,
    "Describe": 8,
    "DescribeConfigs": 10,
    "AlterConfigs": 11,
}
_UNKNOWN: Final = -(2**31)
"""The broker has no answer (it has no notion of rights)."""
_GROUP: Final = 0
_TRANSACTION: Final = 1
_NO_PRODUCER: Final = 2**63 - 1
_PATIENCE_S: Final = 10.0
_POLL_S: Final = 0.1
_AT_ONCE: Final = 32
_FOR_LATER = (CoordinatorNotAvailableError, CoordinatorLoadInProgressError, NotCoordinatorError)
_SEES = ("Read", "Write", "Delete", "Describe")
"""With any of these a topic can be seen."""


async def missing_rights(client: AIOKafkaClient, rights: Collection[Right]) -> list[Right]:
    """Those of the rights that we do not have, in their order. Of topics that do not exist nothing is known.

    Brokers that cannot tell (before 2.3, the embedded one) give every right. KafkaError when the cluster is gone.
    """
    try:
        lacking = await _on_topics_and_cluster(client, [one for one in rights if one.kind in ("topic", "cluster")])
        for one in rights:
            if one.kind in _COORDINATED and not await _COORDINATED[one.kind](client, one):
                lacking.add(one)
    except IncompatibleBrokerVersion:
        return []
    return [one for one in rights if one in lacking]


async def _on_topics_and_cluster(client: AIOKafkaClient, rights: Collection[Right]) -> set[Right]:
    by_topic: dict[str, list[Right]] = defaultdict(list)
    for one in rights:
        if one.kind == "topic":
            by_topic[one.name].append(one)
    answer = await _ask(client, MetadataWithRights(list(by_topic)))
    allowed = answer.cluster_authorized_operations
    lacking = {one for one in rights if one.kind == "cluster" and not _allows(allowed, one.operation)}
    for topic in answer.to_object()["topics"]:
        wanted = by_topic[topic["topic"]]
        if for_code(topic["error_code"]) is TopicAuthorizationFailedError:
            # not even to be seen; whether its configs may be read is not known then
            lacking |= {one for one in wanted if one.operation in _SEES} or set(wanted)
        elif topic["error_code"] == 0:
            bits = topic["authorized_operations"]
            lacking |= {one for one in wanted if not _allows(bits, one.operation)}
    return lacking


def _allows(bits: int, operation: Operation) -> bool:
    return bits == _UNKNOWN or bool(bits >> _BITS[operation] & 1)


async def _on_group(client: AIOKafkaClient, right: Right) -> bool:
    node, error = await _coordinator(client, right.name, _GROUP)
    if error is GroupAuthorizationFailedError:
        return False
    if node is None:
        return True
    answer = (await client.send(node, DescribeGroups([right.name]))).to_object()["groups"][0]
    if for_code(answer["error_code"]) is GroupAuthorizationFailedError:
        return False
    return answer["error_code"] != 0 or _allows(answer["authorized_operations"], right.operation)


async def _on_transactional_ids(client: AIOKafkaClient, right: Right) -> bool:
    turns = asyncio.Semaphore(_AT_ONCE)

    async def allowed(transactional_id: str) -> bool:
        async with turns:
            node, error = await _coordinator(client, transactional_id, _TRANSACTION)
            if node is not None:
                request = EndTxnRequest(transactional_id, _NO_PRODUCER, 0, False)
                error = for_code((await client.send(node, request)).error_code)
            return error is not TransactionalIdAuthorizationFailed

    return all(await asyncio.gather(*(allowed(one) for one in right.ids)))


_COORDINATED: Final = {"group": _on_group, "transactional-id": _on_transactional_ids}


async def _coordinator(client: AIOKafkaClient, key: str, kind: int) -> tuple[int | None, type[KafkaError] | None]:
    """The node; else why not. A new cluster makes the topic of its coordinators at the first question."""
    deadline = asyncio.get_running_loop().time() + _PATIENCE_S
    while True:
        answer = await _ask(client, FindCoordinatorRequest(key, kind))
        error: type[KafkaError] = for_code(answer.error_code)
        if answer.error_code == 0:
            return int(answer.coordinator_id), None
        if error not in _FOR_LATER or asyncio.get_running_loop().time() > deadline:
            return None, error
        await asyncio.sleep(_POLL_S)


async def _ask(client: AIOKafkaClient, request: Any) -> Any:
    node = client.get_random_node()
    assert node is not None, "a client that has started knows a broker"
    return await client.send(node, request)


async def group_topics(client: AIOKafkaClient, group: str) -> dict[str, str]:
    """Topics that members of the group subscribe to at this moment, and one member each (client id and host)."""
    node, _ = await _coordinator(client, group, _GROUP)
    if node is None:
        return {}
    answer = (await client.send(node, DescribeGroups([group]))).to_object()["groups"][0]
    found: dict[str, str] = {}
    for member in answer["members"] if answer["error_code"] == 0 else ():
        for topic in DescribeGroups.subscription(member["member_metadata"]):
            found[topic] = f"{member['client_id']} at {member['client_host'].strip('/')}"
    return found
