"""What share of a topic maps."""

from __future__ import annotations

from sla_stream.sources import load_mapping
from sla_stream.sources.share import Share

GOOD = b'{"ticket": 1, "id": "e", "at": 1772442000, "what": "opened"}'


def test_refusals_of_one_kind_are_told_once_with_their_first_place() -> None:
    share = Share(load_mapping("own-queue"))
    share.add(GOOD, (), None, 0, "offset 1")
    for number, word in enumerate(("x", "y", "z"), 2):
        share.add(GOOD.replace(b"opened", word.encode()), (), None, 0, f"offset {number}")
    share.add(b"no json", (), None, 0, "offset 5")
    lines = share.report("crm", 1)
    assert lines[0] == "read 5 records of crm: 1 give events (1), 0 mean nothing, 4 are refused (80.0 %)"
    assert lines[1].startswith("     3 x schema: kind: what: found 'x'; expected one of opened, changed")
    assert lines[2] == "         first at offset 2"
    assert lines[3] == "         and 1 more kinds of refusal (--failures shows more)"


def test_records_that_mean_nothing_are_no_failures() -> None:
    share = Share(load_mapping("github-issues"))
    share.add(
        b'{"action":"locked","issue":{"number":1},"repository":{"full_name":"a/b"}}', [("x", b"")], None, 0, "offset 1"
    )
    assert (share.read, share.empty, share.refused) == (1, 1, 0)


def test_an_empty_topic() -> None:
    assert Share(load_mapping("jira")).report("t", 5) == ["t holds no records"]
