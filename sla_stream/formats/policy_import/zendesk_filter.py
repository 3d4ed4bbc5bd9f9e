"""Conditions of a Zendesk filter as terms of `match`.

The attributes are those that the mapping `zendesk` fills: ids as text. Fields that it does not fill become custom
attributes with a sentence that says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sla_stream.formats.policy_file.findings import show
from sla_stream.formats.policy_import.selection import TAGS, Term, Unsayable
from sla_stream.formats.policy_import.zendesk_shape import ZendeskCondition

_TYPES: Final = {"1": "question", "2": "incident", "3": "problem", "4": "task"}
_CHANNELS: Final = {
    "0": ("web_form", "web"), "4": ("mail", "email"), "5": ("web_service", "api"), "8": ("rule",),
    "16": ("get_satisfaction",), "23": ("twitter_favorite",), "26": ("twitter_dm",), "27": ("closed_ticket",),
    "29": ("chat",), "30": ("twitter",), "31": ("ticket_sharing",), "33": ("voicemail",),
    "34": ("phone_call_inbound",), "35": ("phone_call_outbound",), "38": ("facebook_post",),
    "41": ("facebook_message",), "44": ("api_voicemail",), "45": ("api_phone_call_inbound",),
    "46": ("api_phone_call_outbound",), "48": ("web_widget",), "49": ("mobile_sdk",), "50": ("helpcenter",),
    "54": ("satisfaction_prediction",), "55": ("any_channel",), "56": ("mobile",), "57": ("sms",),
    "72": ("line",), "73": ("wechat",), "74": ("whatsapp",),
}  # fmt: skip
_ATTRIBUTES: Final = {
    "group_id": "group", "assignee_id": "assignee", "organization_id": "customer", "brand_id": "service",
    "type": "type", "ticket_type_id": "type", "via_id": "channel", "current_tags": TAGS,
}  # fmt: skip
_CUSTOM: Final = ("ticket_form_id", "requester_id", "locale_id")
_CUSTOM_FIELD: Final = "custom_fields_"
_POSITIVE: Final = {"is": False, "includes": False, "is_not": True, "not_includes": True}
"""Operator -> whether it excludes."""


@dataclass(frozen=True, slots=True)
class Said:
    """A condition as a term, and what a person has to know of it."""

    term: Term
    attention: str | None = None


def say(condition: ZendeskCondition) -> Said:
    """The condition as a term. Unsayable if there is no such thing here."""
    if condition.operator not in _POSITIVE:
        raise Unsayable(f"{describe(condition)}: this operator has no counterpart")
    attribute, attention = _attribute(condition)
    values = _values(condition, attribute)
    return Said(Term(attribute, values, _POSITIVE[condition.operator]), attention)


def describe(condition: ZendeskCondition) -> str:
    """`filter.all[0]: group_id is '7'`."""
    value = condition.value
    shown = ", ".join(map(show, value)) if isinstance(value, list) else show(value)
    return f"{condition.where}: {condition.field} {condition.operator or ''} {shown}".replace("  ", " ")


def _attribute(condition: ZendeskCondition) -> tuple[str, str | None]:
    name = condition.field
    if name in _ATTRIBUTES:
        attention = None
        if name == "via_id":
            attention = f"{describe(condition)}: check the names of channels against `channel` in your ticket events"
        return _ATTRIBUTES[name], attention
    if name in _CUSTOM or (name.startswith(_CUSTOM_FIELD) and name != _CUSTOM_FIELD):
        custom = f"custom.{name.removeprefix(_CUSTOM_FIELD)}"
        return custom, f"{describe(condition)}: no ticket matches until your mapping fills `{custom}`"
    raise Unsayable(f"{describe(condition)}: a ticket has no such attribute here")


def _values(condition: ZendeskCondition, attribute: str) -> tuple[Any, ...]:
    value = condition.value
    items = value if isinstance(value, list) else [value]
    if attribute == TAGS and isinstance(value, str):
        items = value.split()
    found: list[Any] = []
    for item in items:
        if item is None or item in ("", "current_user") or not isinstance(item, (str, int, float, bool)):
            raise Unsayable(f"{describe(condition)}: `match` compares with certain values only")
        found += _names(condition, attribute, item)
    if not found:
        raise Unsayable(f"{describe(condition)}: no value to compare with")
    return tuple(dict.fromkeys(found))


def _names(condition: ZendeskCondition, attribute: str, item: Any) -> tuple[Any, ...]:
    if attribute.startswith("custom."):
        return (item,)
    text = str(item)
    table: Callable[[str], tuple[str, ...] | None]
    if condition.field == "via_id":
        table = _CHANNELS.get
    elif condition.field == "ticket_type_id":
        table = _type
    else:
        return (text.lower(),) if condition.field == "type" else (text,)
    names = table(text)
    if names is None:
        raise Unsayable(f"{describe(condition)}: unknown {condition.field} {text}")
    return names


def _type(number: str) -> tuple[str, ...] | None:
    return (_TYPES[number],) if number in _TYPES else None
