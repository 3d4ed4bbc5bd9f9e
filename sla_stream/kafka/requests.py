"""Two requests of the Kafka protocol in the versions that tell of rights, which aiokafka has not."""

from __future__ import annotations

from typing import Any

from aiokafka.coordinator.protocol import ConsumerProtocolMemberMetadata
from aiokafka.protocol.admin import DescribeGroupsResponse_v3
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Schema, String

_STRING = String("utf-8")
_BROKER = Array(("node_id", Int32), ("host", _STRING), ("port", Int32), ("rack", _STRING))
_PARTITION = Array(
    ("error_code", Int16),
    ("partition", Int32),
    ("leader", Int32),
    ("leader_epoch", Int32),
    ("replicas", Array(Int32)),
    ("isr", Array(Int32)),
    ("offline_replicas", Array(Int32)),
)
_TOPIC = Array(
    ("error_code", Int16),
    ("topic", _STRING),
    ("is_internal", Boolean),
    ("partitions", _PARTITION),
    ("authorized_operations", Int32),
)


class _MetadataResponse(Response):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = 8
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", _BROKER),
        ("cluster_id", _STRING),
        ("controller_id", Int32),
        ("topics", _TOPIC),
        ("cluster_authorized_operations", Int32),
    )


class _MetadataRequest(RequestStruct):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = 8
    RESPONSE_TYPE = _MetadataResponse
    SCHEMA = Schema(
        ("topics", Array(_STRING)),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
    )


class MetadataWithRights(Request[_MetadataRequest]):  # type: ignore[misc]
    """Metadata of topics, none of which comes into being by the question, with what we may do to them."""

    API_KEY = 3

    def __init__(self, topics: list[str]) -> None:
        self._topics = topics

    def build(self, request_struct_class: Any) -> Any:
        return request_struct_class(self._topics, False, True, True)


class _DescribeGroupsRequest(RequestStruct):  # type: ignore[misc]
    API_KEY = 15
    API_VERSION = 3
    RESPONSE_TYPE = DescribeGroupsResponse_v3
    SCHEMA = Schema(("groups", Array(_STRING)), ("include_authorized_operations", Boolean))


class DescribeGroups(Request[_DescribeGroupsRequest]):  # type: ignore[misc]
    """Groups with their members and with what we may do to them."""

    API_KEY = 15

    def __init__(self, groups: list[str]) -> None:
        self._groups = groups

    def build(self, request_struct_class: Any) -> Any:
        return request_struct_class(self._groups, True)

    @staticmethod
    def subscription(member_metadata: bytes) -> list[str]:
        """Topics of a member; none while its group is between two generations, or when it is no consumer."""
        if not member_metadata:
            return []
        try:
            return list(ConsumerProtocolMemberMetadata.decode(member_metadata).subscription)
        except Exception:  # other kinds of groups put into it what they like
            return []
