"""SLA events v1 to bytes: CloudEvents 1.0, structured JSON, every field of `data` always there.

What the contract leaves open is decided here:

* `source` is a slash and the application's id (`/sla-stream`), the same for a worker and its replay.
* `dataschema` names the schema in `schemas/` by a URN, which no host has to serve.
* `incident` is `TICKET/METRIC/CYCLE`: read from the right it is never ambiguous. A stretch goal's has `!kpi` behind the
  metric: it opens and closes apart from the promise.
* `actions`: a warning and an escalation carry what their threshold says, a breach what `breach:` says
  (credits are here and only here, so that nobody pays twice), an outcome nothing.
* `ticket` holds the attributes that are set; the link is in `url` beside it.
* `evidence` of a replayed file: `offset` is the line number, `topic` and `partition` are null.
* A stretch goal's events carry `kind` = `kpi` in `data`, a promise's carry no `kind`.
* A deadline beyond the schedule's horizon is written as null.

The text is put together from a template: rendering is the largest part of the work for most logs.
"""

from __future__ import annotations

from json.encoder import encode_basestring as quote
from typing import Any, Final

import orjson

from sla_stream.core.sla_events import BREACH, ESCALATION, WARNING, SlaEvent
from sla_stream.formats.attributes import ticket_json
from sla_stream.formats.csv_rows import csv_row
from sla_stream.formats.numbers import instant, seconds
from sla_stream.formats.sentences import summary

DATASCHEMA: Final = "urn:sla-stream:schema:sla-event:v1"
DEFAULT_APP_ID: Final = "sla-stream"

ENVELOPE_FIELDS: Final = (
    "specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema", "partitionkey",
)  # fmt: skip
DATA_FIELDS: Final = (
    "ticket_id", "metric", "policy", "policy_version", "schedule", "cycle", "target_s", "started_at",
    "due_at", "at", "threshold", "elapsed_s", "remaining_s", "overrun_s", "paused_s", "wall_elapsed_s", "outcome",
    "revision", "supersedes", "retracts", "reason", "late_attach", "incident", "summary", "url", "decided_at",
    "late_s", "evidence", "ticket", "actions",
)  # fmt: skip
"""The fields of `data`, in the order in which they are written."""


def source_of(app_id: str = DEFAULT_APP_ID) -> str:
    """The CloudEvents `source` of an installation."""
    return f"/{app_id}"


class SlaEventRenderer:
    """Renders the SLA events of one input partition (or of one file: topic and partition None)."""

    def __init__(self, source: str, topic: str | None, partition: int | None) -> None:
        self._source = quote(source)
        topic_text = "null" if topic is None else quote(topic)
        self._evidence = f'"evidence":{{"topic":{topic_text},"partition":{_or_null(partition)},"offset":'
        self._fixed: dict[tuple[int, str, str | None], tuple[str, str, str]] = {}

    def render(self, event: SlaEvent) -> bytes:
        """The record value. ValueError if an instant lies outside the years 0001 to 9999."""
        target, threshold, ticket = event.target, event.threshold, event.ticket
        kind = event.retracts_type or event.type
        fixed = self._fixed.get((target.ref, kind, threshold))
        if fixed is None:
            fixed = self._fixed[(target.ref, kind, threshold)] = _fixed_parts(event, kind)
        policy, threshold_text, actions = fixed
        ticket_id = quote(event.ticket_id)
        at_ms, decided_ms = event.at, event.decided_at
        at, due = instant[at_ms], instant[event.due_at]
        offset, recorded_ms = event.evidence
        target_ms, elapsed = event.target_ms, event.elapsed
        url = ticket.get("url")
        return (
            f'{{"specversion":"1.0","id":"{event.id}","source":{self._source},"type":"{event.type}",'
            f'"subject":{ticket_id},"time":{at},"datacontenttype":"application/json",'
            f'"dataschema":"{DATASCHEMA}","partitionkey":{ticket_id},"data":{{"ticket_id":{ticket_id},'
            f'{policy},"cycle":{event.cycle},"target_s":{seconds[target_ms]},'
            f'"started_at":{instant[event.started_at]},"due_at":{due},"at":{at},'
            f'"threshold":{threshold_text},"elapsed_s":{seconds[elapsed]},'
            f'"remaining_s":{seconds[target_ms - elapsed]},"overrun_s":{seconds[event.overrun]},'
            f'"paused_s":{seconds[event.paused]},"wall_elapsed_s":{seconds[at_ms - event.started_at]},'
            f'"outcome":{_quoted(event.outcome)},"revision":{event.revision},'
            f'"supersedes":{_quoted(event.supersedes)},"retracts":{_quoted(event.retracts)},'
            f'"reason":{_quoted(event.reason)},"late_attach":{"true" if event.late_attach else "false"},'
            f'"incident":{ticket_id[:-1]}/{event.clock}/{event.cycle}",'
            f'"summary":{quote(summary(event, _plain(due)))},"url":{_quoted(url)},"decided_at":{instant[decided_ms]},'
            f'"late_s":{seconds[decided_ms - at_ms]},{self._evidence}{offset},"recorded_at":{instant[recorded_ms]}}},'
            f'"ticket":{ticket_json(ticket)},"actions":{actions}{_raw(event)}}}}}'
        ).encode()


def render_csv_header() -> bytes:
    """The CSV header: envelope, then `data.*`."""
    return csv_row([*ENVELOPE_FIELDS, *(f"data.{name}" for name in DATA_FIELDS)])


def render_csv_row(rendered: bytes) -> bytes:
    """The CSV line of a rendered SLA event."""
    envelope = orjson.loads(rendered)
    data = envelope["data"]
    return csv_row([*(envelope[name] for name in ENVELOPE_FIELDS), *(data[name] for name in DATA_FIELDS)])


def actions_of(event: SlaEvent, kind: str) -> dict[str, Any]:
    """`notify`, `runbook` and `credit` as the policy gives them for what is said; null where it does not."""
    target = event.target
    said: dict[str, Any] = {}
    if kind == BREACH:
        said = target.breach_actions
    elif kind in (WARNING, ESCALATION):
        thresholds = target.warnings if kind == WARNING else target.escalations
        said = next((step.actions for step in thresholds if step.name == event.threshold), {})
    return {name: said.get(name) for name in ("notify", "runbook", "credit")}


def _fixed_parts(event: SlaEvent, kind: str) -> tuple[str, str, str]:
    """What every event of one target, type and threshold has in common."""
    target = event.target
    policy = (
        f'"metric":{quote(event.metric)},"policy":{quote(target.policy)},'
        f'"policy_version":{quote(target.policy_version)},"schedule":{quote(target.schedule.name)}'
    )
    if target.kind == "kpi":
        policy += ',"kind":"kpi"'
    return policy, _quoted(event.threshold), orjson.dumps(actions_of(event, kind)).decode()


def _raw(event: SlaEvent) -> str:
    """What would hold without the relaxation that stretched the target."""
    if event.raw is None:
        return ""
    due_at, outcome = event.raw
    return f',"raw_due_at":{instant[due_at]},"raw_outcome":{_quoted(outcome)}'


def _plain(quoted: str) -> str | None:
    """`"2026-01-02T03:04:05.000Z"` as a sentence has it: without quotes and without zero ms."""
    return None if quoted == "null" else quoted[1:-1].replace(".000Z", "Z")


def _quoted(text: str | None) -> str:
    return "null" if text is None else quote(text)


def _or_null(number: int | None) -> str:
    return "null" if number is None else str(number)
