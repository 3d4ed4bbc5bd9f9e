"""Policies of a simulation: a file's, or sets on the policies topic, of which every worker hears in its own time."""

from __future__ import annotations

import functools

from sla_stream.core.policy import PolicySet
from sla_stream.core.ticket import NEVER
from sla_stream.formats.policy_file import parse_policies
from sla_stream.formats.policy_history import PublishedSet
from sla_stream.formats.policy_set_record import pushed_set

TEMPLATE = """\
apiVersion: sla-stream/v1
policies:
  - name: quick
    schedule: 24x7
    on_change: {on_change}
    warn: ["50%"]
    targets:
      first_response: {{target: {{urgent: 1s, default: {reply}}}}}
      next_response: {{target: 2s}}
      resolution:
        target: {{urgent: 2s, default: {resolution}}}
        pause: [{{status: pending}}]
        escalate: [{{at: "+1s", notify: [lead]}}]
"""

VARIANTS = (
    {"on_change": "pin", "reply": "3s", "resolution": "4s"},
    {"on_change": "migrate", "reply": "2s", "resolution": "3s"},
    {"on_change": "pin", "reply": "1s", "resolution": "2s"},
    {"on_change": "migrate", "reply": "3s", "resolution": "4s"},
)


@functools.cache
def policy_set(variant: int = 0) -> PolicySet:
    return parse_policies(TEMPLATE.format(**VARIANTS[variant]), "simulation")


@functools.lru_cache(maxsize=256)
def published_set(variant: int, number: int, published: int) -> PublishedSet:
    return PublishedSet(number - 1, published, pushed_set(number, policy_set(variant)))


class Feed:
    """What one worker knows of the policies topic; it has read all of it when it starts."""

    topic = "sla.policies.v1"

    def __init__(self, published: list[PublishedSet]) -> None:
        self.file = None if published else policy_set()
        self.published = list(published)


def timeline(published: list[PublishedSet]) -> list[tuple[int, PolicySet]]:
    """For an engine that has known all of them from the start."""
    if not published:
        return [(NEVER, policy_set())]
    return [(one.published if index else NEVER, one.pushed.policies) for index, one in enumerate(published)]
