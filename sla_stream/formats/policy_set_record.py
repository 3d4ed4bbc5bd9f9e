"""One policy set as a record of the policies topic.

Key: the set's number as text. Value, JSON:

    {"form": 1, "number": 3, "digest": "<64 hex>", "set": "<base64>", "set_sha256": "<64 hex>", "text": "...",
     "file": "policies.yaml", "pushed_by": "...", "reason": "..."}

`set` is the resolved form (`core.policy_form`): holidays as dates, no file names, so that every later release means
the same by it. `text` is what a person wrote, for people. The last three may be absent. The instant of publication is
the record's timestamp.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec

from sla_stream.core.policy import PolicySet
from sla_stream.core.policy_form import pack_policies, unpack_policies
from sla_stream.errors import InvalidRecord
from sla_stream.formats.policy_file.versions import digest as digest_of

FORM: Final = 1
MAX_BYTES: Final = 8 << 20
"""The largest record that the topic takes."""


@dataclass(frozen=True, slots=True)
class PushedSet:
    """A policy set with its number (from 1) and where it came from."""

    number: int
    policies: PolicySet
    squeezed: bytes
    """`packed`, compressed: a worker keeps every set that was ever published."""
    text: str = ""
    file: str | None = None
    pushed_by: str | None = None
    reason: str | None = None

    @property
    def packed(self) -> bytes:
        """The resolved form (`core.policy_form`)."""
        return zlib.decompress(self.squeezed)


class _Record(msgspec.Struct, omit_defaults=True):
    form: int
    number: Annotated[int, msgspec.Meta(ge=1)]
    digest: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    set: str
    set_sha256: str
    text: str
    file: str | None = None
    pushed_by: str | None = None
    reason: str | None = None


def pushed_set(number: int, policies: PolicySet, text: str = "", file: str | None = None) -> PushedSet:
    """A set to be published."""
    return PushedSet(number, policies, _squeeze(pack_policies(policies)), text, file)


def encode_policy_set(pushed: PushedSet) -> tuple[bytes, bytes]:
    """(key, value) of the record."""
    packed = pushed.packed
    record = _Record(
        form=FORM,
        number=pushed.number,
        digest=pushed.policies.digest,
        set=base64.b64encode(packed).decode(),
        set_sha256=hashlib.sha256(packed).hexdigest(),
        text=pushed.text,
        file=pushed.file,
        pushed_by=pushed.pushed_by,
        reason=pushed.reason,
    )
    return b"%d" % pushed.number, msgspec.json.encode(record)


def decode_policy_set(key: bytes | None, value: bytes | None) -> PushedSet:
    """The set of a record. InvalidRecord says why it cannot be used."""
    record = _parse(value)
    if key != b"%d" % record.number:
        raise InvalidRecord(
            "key", f"found key {_shown(key)}; expected {str(record.number)!r}, the number in the record"
        )
    packed = _packed(record)
    policies = _unpack(packed)
    if not record.digest == policies.digest == digest_of(policies.policies, policies.relaxations):
        raise InvalidRecord("schema", "digest: it is not that of the policies in `set`; expected an undamaged record")
    return PushedSet(
        record.number, policies, _squeeze(packed), record.text, record.file, record.pushed_by, record.reason
    )  # fmt: skip


def _parse(value: bytes | None) -> _Record:
    if value is None:
        raise InvalidRecord("schema", "found no value (a tombstone); policy sets are never taken back")
    try:
        form = msgspec.json.decode(value, type=dict[str, msgspec.Raw]).get("form")
        if form is not None and bytes(form) != b"%d" % FORM:
            raise InvalidRecord("schema", f"form: found {bytes(form)[:20].decode('utf-8', 'replace')}; expected {FORM}")
        return msgspec.json.decode(value, type=_Record)
    except msgspec.ValidationError as error:
        raise InvalidRecord("schema", f"found no policy set: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRecord("json", f"found no JSON: {error}") from None


def _packed(record: _Record) -> bytes:
    try:
        packed = base64.b64decode(record.set, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRecord("schema", f"set: no base64: {error}") from None
    if hashlib.sha256(packed).hexdigest() != record.set_sha256:
        raise InvalidRecord("schema", "set: damaged; expected content of the hash set_sha256")
    return packed


def _unpack(packed: bytes) -> PolicySet:
    try:
        return unpack_policies(packed)
    except Exception as error:  # bytes of any kind, names of schedules and time zones that there are not
        raise InvalidRecord("schema", f"set: no policies: {type(error).__name__}: {error}") from None


def _squeeze(packed: bytes) -> bytes:
    return zlib.compress(packed, 1)


def _shown(key: bytes | None) -> str:
    return "none" if key is None else repr(key[:40].decode("utf-8", "replace"))
