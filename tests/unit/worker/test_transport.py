"""The pinned internals: this fails loudly when a new version changes what the transport touches."""

from __future__ import annotations

import pytest

from sla_stream.worker import transport


def test_the_installed_libraries_are_the_ones_this_was_written_for() -> None:
    assert transport.check_internals() == []


def test_a_changed_version_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(transport.PINNED, "aiokafka", "9.9.9")
    assert transport.check_internals() == ["aiokafka 0.14.0 is installed, 9.9.9 expected"]


def test_a_changed_signature_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fetched_records(self: object, partitions: object) -> None: ...

    changed = [(fetched_records, ("self", "partitions", "timeout", "max_records"))]
    monkeypatch.setattr(transport, "_SIGNATURES", changed)
    (problem,) = transport.check_internals()
    assert "fetched_records takes ('self', 'partitions')" in problem


def test_a_vanished_attribute_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_ATTRIBUTES", [(int, "gone")])
    assert transport.check_internals() == ["int.gone is gone"]
