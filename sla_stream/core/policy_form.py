"""Policy sets as bytes: stored beside the tickets, so that a running cycle keeps the policies of its start.

The stored form is the resolved one (holidays as dates, no file names, no library data), so it means the same in every
later release that reads it.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

import msgspec

from sla_stream.core.policy import PolicySet
from sla_stream.core.schedule import Schedule
from sla_stream.core.schedule_rules import ScheduleRules, Windows

FORM: Final = 1


class _PackedSchedule(msgspec.Struct, array_like=True):
    name: str
    timezone: str
    hours: tuple[Windows, Windows, Windows, Windows, Windows, Windows, Windows]
    holidays: list[date]
    dates: list[tuple[date, Windows]]
    closed: tuple[tuple[datetime, datetime], ...]


class _Packed(msgspec.Struct, array_like=True):
    """`schedules` holds the rules of all but the schedules that are always open; `policies` names them."""

    form: int
    always: list[str]
    schedules: list[_PackedSchedule]
    policies: msgspec.Raw


def pack_policies(policies: PolicySet) -> bytes:
    """The packed form of a policy set; equal sets have equal forms."""
    found = [policies.schedules[name] for name in sorted(policies.schedules)]
    packed = _Packed(
        form=FORM,
        always=[schedule.name for schedule in found if schedule.always_open],
        schedules=[_pack_rules(schedule.rules) for schedule in found if not schedule.always_open],
        policies=msgspec.Raw(_encoder.encode(policies)),
    )
    return _encoder.encode(packed)


def unpack_policies(packed: bytes) -> PolicySet:
    """The policy set of a packed form."""
    found = msgspec.msgpack.decode(packed, type=_Packed)
    assert found.form == FORM, f"stored form {found.form} of policies is not known"
    schedules = {name: Schedule.always(name) for name in found.always}
    schedules.update({rules.name: Schedule(_unpack_rules(rules)) for rules in found.schedules})

    def decode(kind: type, value: Any) -> Any:
        assert kind is Schedule
        return schedules[value]

    return msgspec.msgpack.decode(found.policies, type=PolicySet, dec_hook=decode)


def _pack_rules(rules: ScheduleRules) -> _PackedSchedule:
    dates, holidays = sorted(rules.dates.items()), sorted(rules.holidays)
    return _PackedSchedule(rules.name, rules.timezone, rules.hours, holidays, dates, rules.closed)


def _unpack_rules(packed: _PackedSchedule) -> ScheduleRules:
    return ScheduleRules(
        name=packed.name,
        timezone=packed.timezone,
        hours=packed.hours,
        holidays=frozenset(packed.holidays),
        dates=dict(packed.dates),
        closed=packed.closed,
    )


def _name(schedule: Any) -> str:
    assert isinstance(schedule, Schedule)
    return schedule.name


_encoder: Final = msgspec.msgpack.Encoder(enc_hook=_name, order="sorted")
