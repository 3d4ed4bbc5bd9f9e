"""Mistakes in mapping files: each with its place, what was found and what was expected, all at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from sla_stream.errors import ConfigError
from sla_stream.sources import load_mapping, mapping_names
from sla_stream.sources.compiler import compile_mapping

GOOD = """\
apiVersion: sla-stream/mapping/v1
mapping: test
ticket_id: id
event_id: e
occurred_at: at
kind: updated
"""


def errors(text: str) -> list[str]:
    with pytest.raises(ConfigError) as error:
        compile_mapping(text, "m.yaml")
    return str(error.value).splitlines()


def added(text: str) -> str:
    """The single error of the good file with more lines."""
    (found,) = errors(GOOD + text)
    return found


def test_the_good_file_is_good() -> None:
    assert compile_mapping(GOOD, "m.yaml").name == "test"


def test_all_errors_come_at_once_in_the_order_of_the_file() -> None:
    text = """\
apiVersion: sla-stream/v1
maping: x
ticket_id: a..b
occured_at: at
kind: creatd it
attributes:
  status: {path: s, map: {a: opened}}
  prio: p
  custom: [x]
"""
    assert errors(text) == [
        "m.yaml:1:1: `event_id` is missing; expected a path or an expression",
        "m.yaml:1:1: `mapping` is missing; expected a name such as jira",
        "m.yaml:1:1: `occurred_at` is missing; expected a path or an expression",
        "m.yaml:1:13: apiVersion: found 'sla-stream/v1'; expected sla-stream/mapping/v1",
        "m.yaml:2:1: maping: unknown key 'maping'; expected " + KNOWN + " (did you mean 'mapping'?)",
        "m.yaml:3:12: ticket_id: 'a..b' is not a path; expected keys with dots, as in `issue.fields.status.name`",
        "m.yaml:4:1: occured_at: unknown key 'occured_at'; expected " + KNOWN + " (did you mean 'occurred_at'?)",
        "m.yaml:5:7: kind: 'creatd it' is not a path; expected a constant as {value: ...}",
        'm.yaml:7:30: attributes.status.map.a: found "opened"; expected one of new, open, pending, on_hold, '
        "resolved, closed",
        "m.yaml:8:3: attributes.prio: unknown key 'prio'; expected status, status_label, priority, type, channel, "
        "customer, plan, service, department, group, assignee, tags, due_at, url or custom (did you mean 'priority'?)",
        "m.yaml:9:11: attributes.custom: found a list; expected a mapping of names to expressions",
    ]


KNOWN = (
    "apiVersion, mapping, about, envelope, each, accept, ignore, let, event_id, ticket_id, kind, occurred_at, "
    "sequence, created_at, actor, public, merged_into, reason, attributes or events"
)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("sequence: 5\n", "m.yaml:7:11: sequence: found the number 5; expected a path, or a constant as {value: 5}"),
        ("reason: {}\n", "m.yaml:7:9: reason: found an empty mapping; expected one of path, value"),
        ("reason: {pth: a}\n", "m.yaml:7:9: reason: found none of path, value"),
        ("reason: {pth: a}\n", "expected one (did you mean 'path'?)"),
        ("reason: {path: a, value: b}\n", "found path and value; expected one of"),
        ("reason: {path: a, lower: true}\n", "m.yaml:7:19: reason.lower: unknown key 'lower'"),
        ("reason: {path: a, as: lwer}\n", "found 'lwer'; expected iso, epoch_s"),
        ("reason: {path: a, as: lwer}\n", "(did you mean 'lower'?)"),
        ("created_at: {path: a, as: local}\n", "`as: local` needs `zone`"),
        ("created_at: {path: a, as: local, zone: Berlin}\n", "unknown time zone 'Berlin'"),
        ("created_at: {path: a, as: iso, zone: UTC}\n", "does not go with `as: iso`"),
        ("reason: {path: a, map: []}\n", "found a list; expected a mapping of the source's values to ours"),
        ("reason: {path: a, default: x}\n", "`default` is for values without an entry in `map`"),
        ("reason: {path: a, otherwise: x}\n", "`otherwise` is for values without an entry in `map`"),
        ("reason: {path: a, map: {a: b}, default: c, otherwise: d}\n", "put it in there"),
        ("reason: {path: a, required: perhaps}\n", "found 'perhaps'; expected true or false"),
        ("reason: {path: $x}\n", "'$x': `let` has no x before this"),
        ("let: {x: a}\nreason: {path: $y}\n", "`let` has no y before this"),
        ("let: [x]\n", "found a list; expected a mapping of names to expressions"),
        ("reason: {path: '@topic'}\n", "'@topic' is not known"),
        ("reason: {path: '@body'}\n", "'@body' is the whole record; expected under `hash` only"),
        ("reason: {first: []}\n", "found a list; expected a list of paths or expressions"),
        ("reason: {text: plain}\n", "found no path in braces"),
        ("reason: {text: '{a..b}'}\n", "'a..b' is not a path"),
        ("reason: {find: list, take: a}\n", "`where` is missing"),
        ("reason: {find: list, where: {}}\n", "found a mapping; expected a mapping of paths to values"),
        ("reason: {find: list, where: {'@key': a}}\n", "expected a path within the element"),
        ("reason: {cases: []}\n", "expected a list of `{when: ..., then: ...}`"),
        ("reason: {cases: [{when: {a: b}}]}\n", "expected `when`, and `then` (a value) or `use` (an expression)"),
        ("reason: {cases: [{when: {a: b}, then: c}], map: {c: d}}\n", "`map` does not go with `cases`"),
        ("reason: {jmespath: 'a['}\n", "not a JMESPath expression"),
        ("attributes: {status: {value: opn}}\n", 'found "opn"; expected one of new, open'),
        ("attributes: {status: {path: s, absent: opn}}\n", 'found "opn"; expected one of new, open'),
        ("accept: {}\n", "m.yaml:7:9: accept: found a mapping; expected a mapping of paths to values"),
        ("accept: []\n", "found an empty list; expected at least one condition"),
        ("accept: yes\n", "m.yaml:7:9: accept: found 'yes'; expected a mapping of paths to values"),
        ("accept: {a: {is: b}}\n", "found 'is'; expected one of not, present, starts_with"),
        ("accept: {a: {present: maybe}}\n", "found 'maybe'; expected true or false"),
        ("accept: {a: [[b]]}\n", "found a list; expected a value or a list of values"),
        ("accept: {a: {not: {same_as: b}}}\n", "not possible here; expected a value"),
        ("envelope: avro\n", "m.yaml:7:11: envelope: found 'avro'; expected none, connect or cloudevents"),
        ("about: [x]\n", "found a list; expected a sentence"),
        ("attributes: 5\n", "found the number 5; expected a mapping of attributes"),
        ("kind: created\n", "key 'kind' a second time, first on line 6"),
        ("a: [\n", "not valid YAML"),
    ],
)
def test_mistakes(text: str, error: str) -> None:
    assert any(error in line for line in errors(GOOD + text)), errors(GOOD + text)


@pytest.mark.parametrize(
    ("events", "error"),
    [
        ("[]", "found a list; expected a list of events, each with a `kind`"),
        ("{kind: updated}", "found a mapping; expected a list of events"),
        ("[updated]", "found 'updated'; expected a mapping with `kind`"),
        ("[{when: {a: b}}]", "`kind` is missing; expected a path or an expression"),
        ("[{kind: updated, whn: {a: b}}]", "unknown key 'whn'"),
        ("[{kind: updated, continue: 1}]", "found the number 1; expected true or false"),
        ("[{kind: updated, attributes: true}]", "found true; expected a mapping of attributes, or false in an event"),
    ],
)
def test_mistakes_in_events(events: str, error: str) -> None:
    text = GOOD.replace("kind: updated", f"events: {events}")
    assert any(error in line for line in errors(text)), errors(text)


def test_kind_at_the_top_does_not_go_with_events() -> None:
    assert "does not go with `events`" in added("events: [{kind: updated}]\n")


@pytest.mark.parametrize("text", ["", "  \n", "# only a comment\n", "- a\n", "text\n"])
def test_files_that_are_no_mapping(text: str) -> None:
    assert any("expected" in line for line in errors(text))


def test_json_files_are_read_too() -> None:
    text = '{"apiVersion": "sla-stream/mapping/v1", "mapping": "j", "ticket_id": "i", "event_id": "e",' \
        ' "occurred_at": "a", "kind": "updated"}'  # fmt: skip
    assert compile_mapping(text, "m.json").name == "j"


def test_loading_by_name_and_path(tmp_path: Path) -> None:
    assert [load_mapping(name).name for name in mapping_names()] == list(mapping_names())
    file = tmp_path / "mine.yaml"
    file.write_text(GOOD, encoding="utf-8")
    assert load_mapping(file).name == "test"
    with pytest.raises(ConfigError, match=r"mapping 'zendsk': not known \(did you mean 'zendesk'\?\); expected a file"):
        load_mapping("zendsk")
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: cannot be read: No such file"):
        load_mapping(tmp_path / "nowhere.yaml")
    file.write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="byte 0 is not UTF-8"):
        load_mapping(file)
