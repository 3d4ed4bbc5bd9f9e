"""The policies topic as a list of sets: what is taken, what is refused, since when each holds."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from sla_stream.core.policy_form import pack_policies
from sla_stream.core.ticket import NEVER
from sla_stream.errors import InvalidRecord
from sla_stream.formats.policy_file import parse_policies
from sla_stream.formats.policy_history import PolicyHistory
from sla_stream.formats.policy_set_record import decode_policy_set, encode_policy_set, pushed_set
from tests.contract.example_files import ROOT

TEXT = """\
apiVersion: sla-stream/v1
schedules:
  berlin: {timezone: Europe/Berlin, hours: {mon-fri: "08:00-18:00"}, holidays: {country: DE}}
policies:
  - {name: desk, schedule: berlin, targets: {resolution: {target: HOURSh}}}
"""
COMPLETE = (ROOT / "schemas/examples/policies/v1/complete.yaml").read_text()


def record(number_: int, hours: int = 8, **changes: Any) -> tuple[bytes, bytes]:
    """(key, value), with some members of the value changed."""
    text = TEXT.replace("HOURS", str(hours))
    key, value = encode_policy_set(pushed_set(number_, parse_policies(text, "p.yaml"), text, "p.yaml"))
    return key, json.dumps(json.loads(value) | changes).encode()


@pytest.mark.parametrize("text", [TEXT.replace("HOURS", "8"), COMPLETE, "apiVersion: sla-stream/v1\n"])
def test_there_and_back(text: str) -> None:
    policies = parse_policies(text, "p.yaml")
    pushed = replace(pushed_set(7, policies, text, "p.yaml"), pushed_by="ops", reason="4711")
    key, value = encode_policy_set(pushed)
    found = decode_policy_set(key, value)
    assert (key, found.number, found.text, found.file, found.pushed_by, found.reason) == (
        b"7", 7, text, "p.yaml", "ops", "4711",
    )  # fmt: skip
    assert found.policies.digest == policies.digest
    assert found.packed == pack_policies(policies) == pack_policies(found.policies)


def holding(packed: bytes) -> bytes:
    """The value of a record with this content, its hash right."""
    return record(1, set=b64encode(packed).decode(), set_sha256=sha256(packed).hexdigest())[1]


BAD: dict[str, tuple[bytes | None, bytes | None, str]] = {
    "tombstone": (b"1", None, "found no value"),
    "rubbish": (b"1", b"\x00\xff", "found no JSON"),
    "a list": (b"1", b"[]", "found no policy set"),
    "empty": (b"1", b"{}", "found no policy set"),
    "other form": (b"1", record(1, form=2)[1], "form: found 2; expected 1"),
    "no key": (None, record(1)[1], "found key none; expected '1'"),
    "other key": (b"one", record(1)[1], "found key 'one'; expected '1'"),
    "number": (b"0", record(1, number=0)[1], "found no policy set"),
    "digest": (b"1", record(1, digest="0" * 64)[1], "digest: it is not that of the policies"),
    "digest of another": (
        b"1", record(1, digest=json.loads(record(1, 4)[1])["digest"])[1], "digest: it is not that of the policies",
    ),
    "no base64": (b"1", record(1, set="***")[1], "set: no base64"),
    "cut": (b"1", record(1, set=json.loads(record(1)[1])["set"][:400])[1], "set: damaged"),
    "no set": (b"1", holding(b"\x93\x01\x02\x03"), "set: no policies"),
    "unknown form": (b"1", holding(b"\x94\x63\x90\x90\x80"), "set: no policies: AssertionError: stored form 99"),
    "no schedule of that name": (
        b"1", holding(pack_policies(parse_policies(TEXT.replace("HOURS", "8"), "p")).replace(b"berlin", b"berlim", 1)),
        "set: no policies: KeyError",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_record_is_refused_and_changes_nothing(name: str) -> None:
    key, value, why = BAD[name]
    with pytest.raises(InvalidRecord) as caught:
        decode_policy_set(key, value)
    assert caught.value.detail.startswith(why)
    history = PolicyHistory()
    assert history.take(5, 1000, key, value) is None
    assert (history.sets, [one.offset for one in history.refused]) == ([], [5])
    good = history.take(6, 2000, *record(history.next_number))
    assert good is not None and good.published == 2000


def test_any_damage_is_refused_or_harmless() -> None:
    """Whatever single bytes of a record turn into: no exception, and never other policies."""
    key, value = record(1)
    packed = decode_policy_set(key, value).packed
    for place in range(0, len(value), 7):
        for byte in (0, 32, 0x41, 0x7D, 0xFF):
            history = PolicyHistory()
            found = history.take(0, 0, key, value[:place] + bytes([byte]) + value[place + 1 :])
            assert found is None or found.pushed.packed == packed


def test_the_first_set_holds_from_the_beginning_the_others_from_their_publication() -> None:
    history = PolicyHistory()
    for number, stamp in ((1, 1000), (2, 3000)):
        history.take(number, stamp, *record(number, number))
    assert [since for since, _ in history.timeline()] == [NEVER, 3000]


def test_instants_rise_even_if_the_brokers_clock_was_set_back() -> None:
    history = PolicyHistory()
    for number, stamp in ((1, 1000), (2, 900), (3, 1001), (4, 5000)):
        history.take(number, stamp, *record(number, number))
    assert [one.published for one in history.sets] == [1000, 1001, 1002, 5000]


def test_a_set_never_changes() -> None:
    history = PolicyHistory()
    history.take(0, 1000, *record(1))
    assert history.take(1, 2000, *record(1, 4)) is None
    assert "set 1 came before; published sets never change" in history.refused[0].detail
    assert len(history.sets) == 1


def test_a_hole_is_told_and_what_follows_holds() -> None:
    """The record of set 2 was replaced by another one, so compaction took it away."""
    history = PolicyHistory()
    history.take(0, 1000, *record(1))
    assert history.take(2, 3000, *record(3, 4)) is not None
    assert "set 2 is missing" in history.refused[0].detail
    assert history.next_number == 4


def test_a_number_that_rubbish_used_is_not_given_again() -> None:
    """A record with the same key would replace it, and compaction would hide that it was there."""
    history = PolicyHistory()
    history.take(0, 1000, b"3", b"rubbish")
    history.take(1, 1000, b"9999999999999999999999", b"rubbish")
    assert history.next_number == 4


def test_successive_sets_share_what_they_have_in_common() -> None:
    """A worker keeps every set: an edit of one policy must not cost the memory of all."""
    other = "\n  - {name: other, match: {customer: acme}, schedule: berlin, targets: {resolution: {target: 2h}}}\n"
    history, alone = PolicyHistory(), []
    for number, hours in enumerate((8, 6, 6), 1):
        text = TEXT.replace("HOURS", str(hours)).rstrip() + other
        key, value = encode_policy_set(pushed_set(number, parse_policies(text, "p.yaml"), text))
        history.take(number, number, key, value)
        alone.append(decode_policy_set(key, value).policies)
    first, second, third = ({each.name: each for each in one.pushed.policies.policies} for one in history.sets)
    assert second["other"] is first["other"]
    assert third == second
    assert all(third[name] is second[name] for name in second)
    changed = (first.keys() | second.keys()) - {"other"}
    assert [name for name in changed if first[name] is not second[name]] == sorted(changed)
    for one, plain in zip(history.sets, alone, strict=True):
        assert pack_policies(one.pushed.policies) == pack_policies(plain) == one.pushed.packed
