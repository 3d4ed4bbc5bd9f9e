"""What would become of a record if it were sent again as it is: known to be refused, or worth a try."""

from __future__ import annotations

from sla_stream.errors import InvalidRecord
from sla_stream.formats.codec import check_not_future, decode_ticket_event
from sla_stream.formats.instants import format_instant
from sla_stream.formats.setting_values import duration_text
from sla_stream.formats.settings import Settings
from sla_stream.formats.wire import UnknownFields
from sla_stream.letters.letter import Letter

Refusal = tuple[str, str]
"""Reason code and sentence."""


def refusal(letter: Letter, settings: Settings, now: int) -> Refusal | None:
    """Why a worker with these settings would set the record aside again at `now` (ms); None: nothing says so.

    Only of ticket events: what becomes of a source's own record its mapping decides. A late event was late because
    its ticket had gone on, so it is late again until `allowed_lateness` reaches back to it.
    """
    if letter.source is None or letter.source.topic != settings.topic("ticket_events"):
        return None
    if letter.reason == "conflict":
        return "conflict", "its event id stands with other content; send it under an event id of its own"
    try:
        event = decode_ticket_event(letter.value, letter.headers, letter.key, UnknownFields())
        check_not_future(event, now, settings.max_skew)
    except InvalidRecord as bad:
        return bad.reason, bad.detail
    if letter.reason == "too_late" and now - event.at > settings.allowed_lateness:
        return "too_late", (
            f"its place is {format_instant(event.at)}; allowed_lateness ({duration_text(settings.allowed_lateness)}) "
            "does not reach back so far"
        )
    return None
