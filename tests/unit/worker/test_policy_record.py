"""The policy sets of a partition: what is adopted when, what is stored, and what a start makes of both."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sla_stream.core.policy import PolicySet
from sla_stream.core.policy_form import pack_policies
from sla_stream.core.ticket import NEVER
from sla_stream.formats.policy_history import PublishedSet
from sla_stream.formats.policy_set_record import pushed_set
from sla_stream.worker.policy_record import Adopted, PoliciesRemade, Stored, key_of, read_record, since_of
from tests.builders import HOUR, policies, policy, target


def hours(count: int) -> PolicySet:
    return replace(policies(policy(target("resolution", count * HOUR, ref=count))), digest=f"{count} hours")


def published(number: int, count: int, at: int) -> PublishedSet:
    return PublishedSet(number * 2, at, pushed_set(number, hours(count)))


def stored(adopted: Adopted, before: dict[int, Stored] | None = None) -> dict[int, Stored]:
    """What the changelog holds after the next transaction."""
    found = dict(before or {})
    for key, value in adopted.changes():
        if value is None:
            del found[since_of(key)]
        else:
            found[since_of(key)] = read_record(value)
    return found


def seen(adopted: Adopted) -> list[tuple[int, str]]:
    return [(since, each.digest) for since, each in adopted.timeline()]


def test_a_new_partition_takes_all_that_is_published() -> None:
    adopted = Adopted({})
    adopted.take([published(1, 8, 1000), published(2, 4, 2000)])
    assert seen(adopted) == [(NEVER, "8 hours"), (2000, "4 hours")]
    assert adopted.number == 2
    again = Adopted(stored(adopted))
    assert seen(again) == seen(adopted)
    assert again.take([published(1, 8, 1000), published(2, 4, 2000)]) == []
    assert again.changes() == []


def test_a_running_partition_takes_what_is_added() -> None:
    sets = [published(1, 8, 1000)]
    adopted = Adopted({})
    adopted.take(sets)
    kept = stored(adopted)
    assert adopted.take(sets) == []
    sets.append(published(2, 4, 2000))
    assert [(since, one.pushed.number) for since, one in adopted.take(sets)] == [(2000, 2)]
    assert [since_of(key) for key, _ in adopted.changes()] == [2000]  # only what is new is written
    assert list(kept) == [NEVER]


def test_what_an_owner_before_us_knew_is_not_lost() -> None:
    """Its changelog holds set 2, of which we have not heard yet; when we do, it is no news."""
    first = Adopted({})
    first.take([published(1, 8, 1000), published(2, 4, 2000)])
    ours = Adopted(stored(first))
    ours.check([published(1, 8, 1000)], "t")
    assert ours.take([published(1, 8, 1000)]) == []
    assert seen(ours) == [(NEVER, "8 hours"), (2000, "4 hours")]
    assert ours.take([published(1, 8, 1000), published(2, 4, 2000), published(3, 2, 3000)]) == [
        (3000, published(3, 2, 3000))
    ]


def test_from_a_file_to_the_same_set_published() -> None:
    adopted = Adopted({})
    assert not adopted.take_file(hours(8), 500)
    assert adopted.take([published(1, 8, 1000)]) == []
    assert adopted.take([published(1, 8, 1000), published(2, 4, 2000)]) != []
    assert seen(adopted) == [(NEVER, "8 hours"), (2000, "4 hours")]
    again = Adopted(stored(adopted))
    assert again.take([published(1, 8, 1000), published(2, 4, 2000)]) == []


def test_from_a_file_to_another_set_published() -> None:
    """What ran under the file goes on under it; the first published set then holds from its publication."""
    adopted = Adopted({})
    adopted.take_file(hours(8), 500)
    adopted.take([published(1, 4, 1000)])
    assert seen(adopted) == [(NEVER, "8 hours"), (1000, "4 hours")]
    again = Adopted(stored(adopted))
    assert again.take([published(1, 4, 1000)]) == []


def test_a_publication_before_the_last_edit_of_a_file_comes_after_it() -> None:
    adopted = Adopted({})
    adopted.take_file(hours(8), 0)
    adopted.take_file(hours(6), 5000)
    adopted.take([published(1, 4, 1000)])
    assert [digest for _, digest in seen(adopted)] == ["8 hours", "6 hours", "4 hours"]
    assert sorted(since for since, _ in seen(adopted)) == [since for since, _ in seen(adopted)]


def test_an_edited_file_holds_from_the_log_time() -> None:
    adopted = Adopted({})
    assert not adopted.take_file(hours(8), 500)
    again = Adopted(stored(adopted))
    assert not again.take_file(hours(8), 900)
    assert again.changes() == []
    assert again.take_file(hours(4), 900)
    assert seen(again) == [(NEVER, "8 hours"), (901, "4 hours")]


def test_many_edits_leave_those_in_use() -> None:
    kept: dict[int, Stored] = {}
    for count in range(1, 12):
        adopted = Adopted(kept)
        adopted.prune({})
        adopted.take_file(hours(count), count * 100)
        kept = stored(adopted, kept)
    assert len(kept) < 11
    assert list(kept.values())[-1] == Stored(0, pack_policies(hours(11)))


def test_a_topic_made_anew_is_noticed() -> None:
    adopted = Adopted({})
    adopted.take([published(1, 8, 1000), published(2, 4, 2000)])
    again = Adopted(stored(adopted))
    with pytest.raises(PoliciesRemade, match="holds another set 1 than the one that tickets live under"):
        again.check([published(1, 2, 9000)], "sla.policies.v1")


@pytest.mark.parametrize("since", [NEVER, -5, 0, 1767603600000])
def test_keys_name_instants_and_can_be_no_tickets(since: int) -> None:
    assert since_of(key_of(since)) == since
    with pytest.raises(UnicodeDecodeError):
        key_of(since).decode()
