"""CloudEvents that damage could make of a record."""

from __future__ import annotations

import pytest

from sla_stream.errors import InvalidRecord
from sla_stream.formats.codec import decode_ticket_event


def test_data_nested_too_deeply_is_refused() -> None:
    value = b'{"specversion":"1.0","data":' + b"[" * 300 + b"]" * 300 + b"}"
    with pytest.raises(InvalidRecord, match="nested too deeply"):
        decode_ticket_event(value, [("content-type", b"application/cloudevents+json")])
