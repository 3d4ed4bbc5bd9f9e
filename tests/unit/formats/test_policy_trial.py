"""What a policy set goes through before it is put in force."""

from __future__ import annotations

import pytest

from sla_stream.core.policy import PolicySet
from sla_stream.core.schedule import HorizonError, Schedule
from sla_stream.formats.policy_file import parse_policies
from sla_stream.formats.policy_history import PolicyHistory
from sla_stream.formats.policy_set_record import encode_policy_set, pushed_set
from sla_stream.formats.policy_trial import try_out
from tests.builders import HOUR, MONDAY, after, policies, policy, target, warn
from tests.contract.example_files import ROOT

COMPLETE = (ROOT / "schemas/examples/policies/v1/complete.yaml").read_text()


class _NeverAgain(Schedule):
    """A schedule that has no instants any more once some time of it is used."""

    def instant(self, used: int) -> int:
        raise HorizonError("no such instant")


def broken(ref: int = 77) -> PolicySet:
    schedule = _NeverAgain(Schedule.always().rules)
    return policies(policy(target("resolution", HOUR, ref=ref, schedule=schedule)))


VERSIONS = """\
apiVersion: sla-stream/v1
policies:
  - {name: a, targets: {resolution: {target: 1h}}}
  - {name: a, valid_from: 2025-01-01T00:00:00Z, targets: {resolution: {target: 2h}, due_date: {}}}
  - {name: a, valid_from: 2040-01-01T00:00:00Z, targets: {resolution: {target: 2bd}}}
"""


@pytest.mark.parametrize("text", [COMPLETE, VERSIONS, "apiVersion: sla-stream/v1\n"])
def test_what_a_file_says_works(text: str) -> None:
    try_out(parse_policies(text, "p.yaml"), MONDAY)
    try_out(parse_policies(text, "p.yaml"), MONDAY, policies(policy(target("resolution", HOUR))))


def test_every_threshold_is_passed() -> None:
    steps = target("resolution", HOUR, ref=5, warnings=warn("50%", "80%"), escalations=after("1h", "2h"))
    promised = target("due_date", None, ref=6, warnings=warn("1h"))
    try_out(policies(policy(steps, promised)), MONDAY)


def test_a_set_that_the_engine_fails_on_is_found_out() -> None:
    with pytest.raises(HorizonError):
        try_out(broken(), MONDAY)
    with pytest.raises(HorizonError):
        try_out(broken(78), MONDAY, broken(77))
    try_out(broken(), MONDAY, broken())  # it is in force already


def test_it_is_refused_by_everybody_and_life_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """No file makes such a set, so the fault stands in the engine here."""
    history = PolicyHistory()
    text = "apiVersion: sla-stream/v1\npolicies:\n  - {name: a, targets: {resolution: {target: 1h}}}\n"
    first, second, third = (
        encode_policy_set(pushed_set(number, parse_policies(text.replace("1h", f"{number}h"), "p.yaml")))
        for number in (1, 2, 3)
    )
    assert history.take(0, MONDAY, *first) is not None
    with monkeypatch.context() as faulty:
        faulty.setattr("sla_stream.core.cycle.arm", lambda cycle, target: 1 // 0)
        assert history.take(1, MONDAY + 1, *second) is None
    assert history.refused[0].detail.startswith("set: cannot be put in force: ZeroDivisionError")
    found = history.take(2, MONDAY + 2, *third)
    assert found is not None
    assert [one.pushed.number for one in history.sets] == [1, 3]
