"""What is known of each system that sends webhooks: how it signs, what names a delivery, which record is whose.

Checked against the vendors' documentation in November 2026 (docs/gateway.md names the pages). `place`s are either
`header:NAME` or a path of keys in the JSON body.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sla_stream.gateway.verify import Check, Hmac, KeyForm, Shown


@dataclass(frozen=True, slots=True)
class Vendor:
    """`delivery`: places of the id that stays the same when the vendor sends again, best first. `ticket`: places of
    the ticket's id, for the record's key. `keep`: headers that go into the record. `ping`: a place and the word that
    marks a mere test. `cloudevents`: headers `ce-*` become `ce_*`, and the handshake of its webhooks is answered.
    """

    check: Check
    mapping: str | None = None
    delivery: tuple[str, ...] = ()
    ticket: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    ping: tuple[str, str] | None = None
    key_form: KeyForm = "text"
    cloudevents: bool = False


HUB_SHA1: Final = Hmac("X-Hub-Signature", "sha1", prefix="sha1=")
STANDARD_WEBHOOKS: Final = Hmac(
    "webhook-signature",
    encoding="base64",
    prefix="v1,",
    separator=" ",
    timestamp_header="webhook-timestamp",
    id_header="webhook-id",
    signed=("{id}", ".", "{timestamp}", ".", "{body}"),
)

VENDORS: Final[dict[str, Vendor]] = {
    "zendesk": Vendor(
        Hmac(
            "X-Zendesk-Webhook-Signature",
            encoding="base64",
            timestamp_header="X-Zendesk-Webhook-Signature-Timestamp",
            signed=("{timestamp}", "{body}"),
        ),
        mapping="zendesk",
        delivery=("id", "header:X-Zendesk-Webhook-Invocation-Id"),
        ticket=("detail.id",),
        keep=("X-Zendesk-Account-Id", "X-Zendesk-Webhook-Id", "X-Zendesk-Webhook-Invocation-Id"),
    ),
    "jira": Vendor(
        Hmac("X-Hub-Signature", prefix="sha256="),
        mapping="jira",
        delivery=("header:X-Atlassian-Webhook-Identifier",),
        ticket=("issue.id",),
        keep=("X-Atlassian-Webhook-Identifier", "X-Atlassian-Webhook-Retry", "X-Atlassian-Webhook-Flow"),
    ),
    "github": Vendor(
        Hmac("X-Hub-Signature-256", prefix="sha256="),
        mapping="github-issues",
        delivery=("header:X-GitHub-Delivery",),
        ticket=("issue.id",),
        keep=("X-GitHub-Delivery", "X-GitHub-Event", "X-GitHub-Hook-Id"),
        ping=("header:X-GitHub-Event", "ping"),
    ),
    "pagerduty": Vendor(
        Hmac("X-PagerDuty-Signature", prefix="v1=", separator=","),
        mapping="pagerduty",
        delivery=("header:X-Webhook-Id", "event.id"),
        ticket=("event.data.incident.id", "event.data.id"),
        keep=("X-Webhook-Id",),
        ping=("event.event_type", "pagey.ping"),
    ),
    "intercom": Vendor(HUB_SHA1, delivery=("id",), ticket=("data.item.id",), ping=("topic", "ping")),
    "zammad": Vendor(
        HUB_SHA1,
        mapping="zammad",
        delivery=("header:X-Zammad-Delivery",),
        ticket=("ticket.id",),
        keep=("X-Zammad-Delivery", "X-Zammad-Trigger"),
    ),
    "freshdesk": Vendor(Shown(), mapping="freshdesk", ticket=("freshdesk_webhook.ticket_id",)),
    "liveagent": Vendor(
        Shown(), mapping="liveagent", delivery=("liveagent.message_id",), ticket=("liveagent.ticket_id",)
    ),
    "servicenow": Vendor(Shown(scheme="Basic"), mapping="servicenow-record", ticket=("result.sys_id", "sys_id")),
    "webim": Vendor(Shown(), mapping="webim", delivery=("event_id",), ticket=("chat.id",)),
    "cloudevents": Vendor(
        Shown(),
        mapping="cloudevents",
        delivery=("header:ce-id", "id"),
        ticket=("header:ce-subject", "subject"),
        cloudevents=True,
    ),
    "standard-webhooks": Vendor(
        STANDARD_WEBHOOKS, delivery=("header:webhook-id",), keep=("webhook-id",), key_form="base64"
    ),
    "other": Vendor(Shown()),
}
"""By the word after `vendor:` in the gateway's file."""

CHECKS: Final[dict[str, Check]] = {
    "bearer": Shown(),
    "basic": Shown(scheme="Basic"),
    "standard-webhooks": STANDARD_WEBHOOKS,
    **{name: vendor.check for name, vendor in VENDORS.items() if isinstance(vendor.check, Hmac)},
}
"""By the word after `verify:`; `none` is spelled out where it is read."""
