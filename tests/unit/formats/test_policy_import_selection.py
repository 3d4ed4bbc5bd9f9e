"""An imported filter takes exactly the tickets that it took in Zendesk, or is not carried over."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sla_stream.core.policy import Match
from sla_stream.formats.policy_file import parse_policies
from sla_stream.formats.policy_import import import_zendesk
from sla_stream.formats.policy_import.writing import write_policies

GROUPS, BRANDS, TAGS = ("1", "2", "3"), ("8", "9"), ("a", "b", "c")


def fields(field: str, values: tuple[str, ...]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda operator, value: {"field": field, "operator": operator, "value": value},
        st.sampled_from(["is", "is_not"]),
        st.sampled_from(values),
    )


TAGGED = st.builds(
    lambda operator, values: {"field": "current_tags", "operator": operator, "value": " ".join(values)},
    st.sampled_from(["includes", "not_includes"]),
    st.lists(st.sampled_from(TAGS), min_size=1, max_size=2),
)
CONDITION = fields("group_id", GROUPS) | fields("brand_id", BRANDS) | TAGGED
TICKETS = [
    {"group": group, "service": brand, "tags": [tag for i, tag in enumerate(TAGS) if bits >> i & 1], "priority": "low"}
    for group in (None, *GROUPS)
    for brand in (None, *BRANDS)
    for bits in range(8)
]


def holds(condition: dict[str, Any], ticket: dict[str, Any]) -> bool:
    """What Zendesk documents of the operators."""
    if condition["field"] == "current_tags":
        found = bool(set(condition["value"].split()) & set(ticket["tags"]))
    else:
        found = ticket["group" if condition["field"] == "group_id" else "service"] == condition["value"]
    return found != condition["operator"].startswith(("is_not", "not"))


def fits(match: Match, ticket: dict[str, Any]) -> bool:
    """The contract's words for `match`, once more."""
    for name, mode, values in match.terms:
        own = set(ticket["tags"]) if name == "tags" else {ticket[name]}
        if not (own >= set(values) if mode == "all" else own & set(values)):
            return False
    return match.negated is None or not fits(match.negated, ticket)


@given(st.lists(CONDITION, max_size=3), st.lists(CONDITION, max_size=3))
def test_the_same_tickets(all_: list[dict[str, Any]], any_: list[dict[str, Any]]) -> None:
    metric = {"priority": "low", "metric": "agent_work_time", "target": 60, "business_hours": False}
    policy = {"title": "P", "filter": {"all": all_, "any": any_}, "policy_metrics": [metric]}
    draft = import_zendesk([("z.json", json.dumps({"sla_policy": policy}))])
    matches = [one.match for one in parse_policies(write_policies(draft), "p.yaml").policies]
    expected = [
        ticket
        for ticket in TICKETS
        if all(holds(each, ticket) for each in all_) and (not any_ or any(holds(each, ticket) for each in any_))
    ]
    found = [ticket for ticket in TICKETS if any(fits(match, ticket) for match in matches)]
    if draft.policies[0].lost:
        assert found == []
    else:
        assert found == expected
