"""Policy sets as bytes: what a worker stores beside its tickets, so that a running cycle keeps the policies of its start.

The stored form is the resolved one (holidays as dates, no file names, no library data), so it means the same in every
later release that reads it.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from sla_stream.core.policy import PolicySet
from sla_stream.core.schedule import Schedule
from sla_stream.core.schedule_rules import ScheduleRules

FORM: Final = 1


class _Packed(msgspec.Struct, array_like=True):
    """`schedules` holds the rules of all but the schedules that are always open; `policies` names them."""

    form: int
    always: list[str]
    schedules: list[ScheduleRules]
    policies: msgspec.Raw


def pack_policies(policies: PolicySet) -> bytes:
    """The packed form of a policy set; equal sets have equal forms."""
    found = [policies.schedules[name] for name in sorted(policies.schedules)]
    packed = _Packed(
        form=FORM,
        always=[schedule.name for schedule in found if schedule.always_open],
        schedules=[schedule.rules for schedule in found if not schedule.always_open],
        policies=msgspec.Raw(_encoder.encode(policies)),
    )
    return _encoder.encode(packed)


def unpack_policies(packed: bytes) -> PolicySet:
    """The policy set of a packed form."""
    found = msgspec.msgpack.decode(packed, type=_Packed)
    assert found.form == FORM, f"stored form {found.form} of policies is not known"
    schedules = {name: Schedule.always(name) for name in found.always}
    schedules.update({rules.name: Schedule(rules) for rules in found.schedules})

    def decode(kind: type, value: Any) -> Any:
        assert kind is Schedule
        return schedules[value]

    return msgspec.msgpack.decode(found.policies, type=PolicySet, dec_hook=decode)


def _name(schedule: Any) -> str:
    assert isinstance(schedule, Schedule)
    return schedule.name


_encoder: Final = msgspec.msgpack.Encoder(enc_hook=_name, order="sorted")
