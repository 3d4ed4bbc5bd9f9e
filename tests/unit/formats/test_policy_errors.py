"""Every mistake in a policy file gets a sentence with its place, and all of them at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from sla_stream.core.metrics import BUILT_IN
from sla_stream.errors import ConfigError
from sla_stream.formats.policy_file import load_policies, parse_policies
from sla_stream.formats.policy_file.findings import one_of

HEAD = "apiVersion: sla-stream/v1\n"
METRICS = one_of(BUILT_IN)
ATTRIBUTES = "status_label, priority, type, channel, customer, plan, service, department, group, assignee, tags"


def errors_of(text: str, name: str = "p.yaml") -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse_policies(text, name)
    return str(caught.value).splitlines()


def policy(rest: str) -> str:
    """A file whose only policy goes on with `rest` on line 4."""
    return f"{HEAD}policies:\n  - name: p\n    {rest}\n"


def target(rest: str) -> str:
    """A file whose only target, on line 5 from column 19 on, is `rest`."""
    return policy(f"targets:\n      resolution: {rest}")


def schedule(rest: str) -> str:
    """A file with one schedule in UTC; `rest` stands on line 5 from column 5 on."""
    return f"{HEAD}schedules:\n  s:\n    timezone: UTC\n    {rest}\n"


DOCUMENTS = [
    ("", "1:1: the file is empty; expected at least `apiVersion: sla-stream/v1`"),
    ("- a\n", "1:1: found a list; expected a mapping with `apiVersion: sla-stream/v1`"),
    ("policies: []\n", "1:1: `apiVersion` is missing; expected sla-stream/v1"),
    ("apiVersion: v2\n", "1:13: apiVersion: found 'v2'; expected sla-stream/v1"),
    (HEAD + "a: [\n", "3:1: not valid YAML: while parsing a flow node, did not find expected node content"),
    (HEAD + "---\nb: 1\n", "2:1: not valid YAML: expected a single document in the stream, but found another document"),
    (HEAD + "x: \x07\n", "2:4: not valid YAML: character U+0007 is not allowed in a text file"),
    (HEAD + "metrics: &a {x: *a}\n", "2:10: metrics.x: an alias to something that contains it; expected no loops"),
    (
        HEAD + "apiVersion: sla-stream/v1\n",
        "2:1: apiVersion: key 'apiVersion' a second time, first on line 1; expected each key once",
    ),
    (HEAD + "policies: !!python/name:os.system\n", "2:11: policies: tag 'tag:yaml.org,2002:python/name:os.system'; "
     "expected no tags"),
    (HEAD + "schedules: .inf\n", "2:12: schedules: '.inf'; expected a finite number, or text in quotes"),
    (HEAD + "? [a]\n: 1\n", "2:3: a key that is not plain text; expected a name"),
    (
        HEAD + "schedules:\n  a: &a {timezone: UTC}\n  b:\n    <<: *a\n    timezone: UTC\n",
        "5:5: schedules.b: merge keys (`<<`) are not part of YAML 1.2; expected a plain alias (`*name`)",
    ),
    (
        HEAD + "schedules:\n",
        "2:1: schedules: found nothing; expected a value (leave the key out if there is none)",
    ),
    (
        HEAD + "schedule: {}\n",
        "2:1: schedule: unknown key 'schedule'; expected apiVersion, schedules, metrics, relaxations or policies "
        "(did you mean 'schedules'?)",
    ),
    (HEAD + "relaxations: {}\n", "2:14: relaxations: found a mapping; expected a list of relaxations"),
]  # fmt: skip

SCHEDULES = [
    ("hours: {mon-fri: ['9:00-17:00']}", "5:23: schedules.s.hours.mon-fri[0]: '9:00-17:00'; expected a window "
     "'HH:MM-HH:MM' (or HH:MM:SS), such as '08:00-17:30'"),
    ("hours: {mon: '08:00-25:00'}", "5:18: schedules.s.hours.mon: '08:00-25:00'; expected times from 00:00 to 24:00"),
    ("hours: {mon: ['24:00-08:00']}", "5:19: schedules.s.hours.mon[0]: '24:00-08:00' starts at 24:00; expected a start "
     "before it (00:00 of the next day)"),
    ("hours: {mon: ['08:00-08:00']}", "5:19: schedules.s.hours.mon[0]: '08:00-08:00' is empty; expected an end after "
     "the start ('00:00-24:00' is the whole day)"),
    ("hours: {mno: []}", "5:13: schedules.s.hours.mno: 'mno'; expected days such as mon, mon-fri or mon,wed,fri "
     "(did you mean 'mon'?)"),
    ("hours: {'mon,mon': []}", "5:13: schedules.s.hours[\"mon,mon\"]: 'mon,mon' names a day twice; expected each day "
     "once"),
    ("hours: {mon-wed: [], 'tue,fri': []}", "5:26: schedules.s.hours[\"tue,fri\"]: tue is named a second time, first "
     "under 'mon-wed'; expected each day once"),
    ("hours: {mon: ['08:00-12:00', '11:59-13:00']}", "5:34: schedules.s.hours.mon[1]: '11:59-13:00' overlaps "
     "'08:00-12:00'; expected windows of a day apart from each other"),
    ("hours: {sun: ['22:00-06:00'], mon: ['05:00-06:00']}", "5:13: schedules.s.hours.sun: sun 22:00-06:00 overlaps "
     "mon 05:00-06:00; expected no overlap across midnight"),
    ("hours: {mon: ['05:00-06:00']}\n    dates: {'2026-03-01': ['22:00-06:00']}", "6:13: "
     "schedules.s.dates[\"2026-03-01\"]: 2026-03-01 22:00-06:00 overlaps mon 05:00-06:00; expected no overlap across "
     "midnight"),
    ("holidays: ['2026-02-29']", "5:16: schedules.s.holidays[0]: '2026-02-29' does not exist; expected a date of the "
     "calendar"),
    ("holidays: {}", "5:15: schedules.s.holidays: no holidays are named; expected dates, country or ics"),
    ("holidays: {country: DEX}", "5:25: schedules.s.holidays.country: unknown country 'DEX'; expected a code of ISO "
     "3166 such as DE (did you mean 'DE'?)"),
    ("holidays: {country: AT, subdivision: 10}", "5:42: schedules.s.holidays.subdivision: found the number 10; "
     "expected a state, province or canton of the country, such as BY"),
    ("holidays: {subdivision: BY, add: ['2026-01-01']}", "5:16: schedules.s.holidays.subdivision: subdivision without "
     "country; expected both"),
    ("holidays: {country: DE, ics: a.ics}", "5:29: schedules.s.holidays.ics: both country and ics; expected one of "
     "them"),
    ("holidays: {ics: none.ics}", "5:21: schedules.s.holidays.ics: 'none.ics' cannot be read: No such file or "
     "directory; expected an iCalendar file"),
    ("closed: ['2026-03-04T10:00Z/2026-03-04T11:00']", "5:14: schedules.s.closed[0]: "
     "'2026-03-04T10:00Z/2026-03-04T11:00'; expected two local times without zone, such as "
     "'2026-03-04T10:00/2026-03-04T12:30'"),
    ("closed: ['2026-03-04T10:00/2026-03-04T10:00']", "5:14: schedules.s.closed[0]: "
     "'2026-03-04T10:00/2026-03-04T10:00' ends before it starts; expected from/to"),
    ("holliday: []", "5:5: schedules.s.holliday: unknown key 'holliday'; expected timezone, hours, holidays, dates or "
     "closed (did you mean 'holidays'?)"),
]  # fmt: skip

POLICIES = [
    ("level: service", "3:5: policies[0]: `targets` is missing; expected a mapping of metrics to their targets"),
    ("targets: {}", "4:14: policies[0].targets: an empty mapping; expected at least one metric"),
    ("targets: {resolutoin: {target: 1h}}", f"4:15: policies[0].targets.resolutoin: unknown metric 'resolutoin'; "
     f"expected {METRICS} (did you mean 'resolution'?)"),
    ("targets: {resolution: 4h}", "4:27: policies[0].targets.resolution: found '4h'; expected a mapping with target"),
    ("valid_from: 2026-01-01\n    targets: {resolution: {target: 1h}}", "4:17: policies[0].valid_from: '2026-01-01' "
     "is not an instant: expected RFC 3339 with a zone, as in 2026-01-02T03:04:05Z"),
    ("on_change: move\n    targets: {resolution: {target: 1h}}", "4:16: policies[0].on_change: found 'move'; "
     "expected pin or migrate"),
    ("targets: {due_date: {target: 1h}}", "4:26: policies[0].targets.due_date.target: `due_date` takes no target: "
     "the deadline is the ticket's due_at; expected the key to be left out"),
    ("targets: {due_date: }", "4:15: policies[0].targets.due_date: found nothing; expected a value (leave the key out "
     "if there is none)"),
    ("targets: {due_date: {pause: [{status: pending}]}}", "4:26: policies[0].targets.due_date.pause: `pause` has no "
     "place in `due_date`: it runs from the promise to the promised date; expected the key to be left out"),
    ("schedule: 24/7\n    targets: {resolution: {target: 1h}}", "4:15: policies[0].schedule: unknown schedule '24/7'; "
     "expected one of 24x7 (did you mean '24x7'?)"),
    ("match: {custmer: x}\n    targets: {resolution: {target: 1h}}", f"4:13: policies[0].match.custmer: unknown key "
     f"'custmer'; expected {ATTRIBUTES}, not or custom.NAME (did you mean 'customer'?)"),
    ("match: {not: {not: {}}}\n    targets: {resolution: {target: 1h}}", f"4:19: policies[0].match.not.not: unknown "
     f"key 'not'; expected {ATTRIBUTES} or custom.NAME"),
    ("match: {customer: 7}\n    targets: {resolution: {target: 1h}}", "4:23: policies[0].match.customer: found the "
     "number 7; expected text in quotes"),
    ("match: {custom.x: [[1]]}\n    targets: {resolution: {target: 1h}}", "4:24: policies[0].match[\"custom.x\"][0]: "
     "found a list; expected text, a number, true or false"),
    ("match: {tags: {anny: [a]}}\n    targets: {resolution: {target: 1h}}", "4:20: policies[0].match.tags.anny: "
     "unknown key 'anny'; expected any or all (did you mean 'any'?)"),
    ("match: {plan: []}\n    targets: {resolution: {target: 1h}}", "4:19: policies[0].match.plan: an empty list; "
     "expected at least one value"),
    ("level: platinum\n    targets: {resolution: {target: 1h}}", "4:12: policies[0].level: found 'platinum'; expected "
     "base, service, plan or customer (did you mean 'plan'?)"),
]  # fmt: skip

TARGETS = [
    ("{target: 30}", "5:28: {T}.target: found the number 30; expected a duration such as 4h, or a mapping of "
     "priorities (and `default`) to durations"),
    ("{target: '30'}", "5:28: {T}.target: '30' has no unit: expected a duration such as 90s, 30m, 8h or 1h30m"),
    ("{warn: ['80%']}", "5:7: {T}: `target` is missing; expected a duration such as 4h, or a mapping of priorities "
     "(and `default`) to durations"),
    ("{target: 0bd}", "5:28: {T}.target: '0bd'; expected 1 to 2000 business days"),
    ("{target: 9999bd}", "5:28: {T}.target: '9999bd'; expected 1 to 2000 business days"),
    ("{target: 1bd4h}", "5:28: {T}.target: '1bd4h': business days stand only alone and only as a target, as in 2bd: "
     "expected a duration such as 90s, 30m, 8h or 1h30m"),
    ("{target: 1h, reopen_grace: 2bd}", "5:46: {T}.reopen_grace: '2bd': business days stand only alone and only as a "
     "target, as in 2bd: expected a duration such as 90s, 30m, 8h or 1h30m"),
    ("{target: 0m}", "5:28: {T}.target: '0m' is no time at all; expected more than zero"),
    ("{target: {high: 1x}}", "5:35: {T}.target.high: '1x': unknown unit 'x': expected a duration such as 90s, 30m, "
     "8h or 1h30m"),
    ("{target: 1h, warn: ['100%']}", "5:39: {T}.warn[0]: '100%'; expected more than 0% and less than 100% (100% is "
     "the deadline itself)"),
    ("{target: 1h, warn: ['0.0%']}", "5:39: {T}.warn[0]: '0.0%'; expected more than 0% and less than 100% (100% is "
     "the deadline itself)"),
    ("{target: 1h, warn: ['+5m']}", "5:39: {T}.warn[0]: '+5m' lies after the deadline; expected it under `escalate`, "
     "as in {at: +5m}"),
    ("{target: 1h, warn: [5m, 300s]}", "5:43: {T}.warn[1]: '300s' a second time, the same as '5m'; expected each "
     "threshold once"),
    ("{target: 1h, warn: ['80%', '80%']}", "5:46: {T}.warn[1]: '80%' a second time; expected each threshold once"),
    ("{target: 1h, escalate: [{at: 1h}]}", "5:48: {T}.escalate[0].at: '1h'; expected time after the deadline with a "
     "plus, such as '+1h'"),
    ("{target: 1h, escalate: [{at: +0s}]}", "5:48: {T}.escalate[0].at: '0s' is no time at all; expected more than "
     "zero"),
    ("{target: 1h, escalate: [{at: +1h}, {at: +60m}]}", "5:59: {T}.escalate[1].at: '+60m' a second time, the same as "
     "'+1h'; expected each threshold once"),
    ("{target: 1h, from: applicaton}", "5:38: {T}.from: found 'applicaton'; expected start or application (did you "
     "mean 'application'?)"),
    ("{target: 1h, kind: ola}", "5:38: {T}.kind: found 'ola'; expected sla or kpi (did you mean 'sla'?)"),
    ("{target: 1h, reopen: resumed}", "5:40: {T}.reopen: found 'resumed'; expected resume, continue or new_cycle "
     "(did you mean 'resume'?)"),
    ("{target: 1h, pause: [{kind: created}]}", "5:41: {T}.pause[0].kind: `kind` is true at one event only, and this "
     "pause holds while it is true; expected a status or an attribute, or `resume` beside `pause`"),
    ("{target: 1h, resume: [{kind: created}]}", "5:32: {T}.resume: `resume` without `pause`; expected both"),
    ("{target: 1h, stop: []}", "5:38: {T}.stop: an empty list; expected at least one condition"),
    ("{target: 1h, stop: [{}]}", "5:39: {T}.stop[0]: an empty condition; expected at least one key"),
    ("{target: 1h, stop: [{kind: resolvd}]}", "5:46: {T}.stop[0].kind: 'resolvd'; expected created, updated, "
     "customer_replied, agent_replied, note_added, answered, resolved, closed, reopened, merged, unmerged, deleted or "
     "restored (did you mean 'resolved'?)"),
    ("{target: 1h, stop: [{public: 'yes'}]}", "5:48: {T}.stop[0].public: found 'yes'; expected true or false"),
    ("{target: 1h, stop: [{has: asignee}]}", "5:45: {T}.stop[0].has: 'asignee'; expected status_label, priority, "
     "type, channel, customer, plan, service, department, group, assignee, status, tags, due_at, url or custom.NAME "
     "(did you mean 'assignee'?)"),
    ("{target: 1h, breach: {credit: {amount: -1, currency: EUR}}}", "5:58: {T}.breach.credit.amount: the number -1; "
     "expected a number, zero or more"),
    ("{target: 1h, breach: {credit: {amount: 1, currency: euro}}}", "5:71: {T}.breach.credit.currency: found 'euro'; "
     "expected a currency code such as EUR"),
    ("{target: 1h, breach: {notify: [7]}}", "5:50: {T}.breach.notify[0]: found the number 7; expected text: `notify` "
     "takes a list of receivers (text)"),
    ("{target: 1h, reopen_grace: 7d}", None),
]  # fmt: skip


def check(text: str, expected: str | None) -> None:
    found = errors_of(text)
    assert len(found) == 1, found
    if expected is not None:
        assert found[0] == f"p.yaml:{expected}"


@pytest.mark.parametrize(("text", "expected"), DOCUMENTS)
def test_documents(text: str, expected: str | None) -> None:
    check(text, expected)


@pytest.mark.parametrize(("rest", "expected"), SCHEDULES)
def test_schedules(rest: str, expected: str) -> None:
    check(schedule(rest), expected)


@pytest.mark.parametrize(("rest", "expected"), POLICIES)
def test_policies(rest: str, expected: str) -> None:
    check(policy(rest), expected)


@pytest.mark.parametrize(("rest", "expected"), TARGETS)
def test_targets(rest: str, expected: str | None) -> None:
    check(target(rest), expected and expected.replace("{T}", "policies[0].targets.resolution"))


def test_time_zone_with_a_suggestion() -> None:
    (found,) = errors_of(HEAD + "schedules:\n  s: {timezone: europe/berlin}\n")
    assert found == (
        "p.yaml:3:17: schedules.s.timezone: unknown time zone 'europe/berlin'; "
        "expected an IANA time zone such as Europe/Berlin (did you mean 'Europe/Berlin'?)"
    )


def test_subdivision_lists_what_is_known() -> None:
    (found,) = errors_of(schedule("holidays: {country: DE, subdivision: Bavaria}"))
    assert "unknown subdivision 'Bavaria' of DE; expected Augsburg, BB, BE, BW, BY" in found


def test_own_metrics() -> None:
    text = (
        f"{HEAD}metrics:\n  resolution: {{start: [{{kind: created}}], stop: [{{kind: closed}}]}}\n"
        "  assignment: {start: [{kind: created}], stop: [{kind: closed}]}\n"
        "  mine: {start: [], stop: [{statuss: open}], resume: [{kind: closed}]}\n"
    )
    known = f"kind, status, left_status, actor, public, changed, has, {ATTRIBUTES} or custom.NAME"
    assert errors_of(text) == [
        "p.yaml:3:3: metrics.resolution: metric 'resolution' is built in; expected another name",
        "p.yaml:4:3: metrics.assignment: metric 'assignment' is built in; expected another name",
        "p.yaml:5:17: metrics.mine.start: an empty list; expected at least one condition",
        f"p.yaml:5:29: metrics.mine.stop[0].statuss: unknown key 'statuss'; expected {known} (did you mean 'status'?)",
        "p.yaml:5:46: metrics.mine.resume: `resume` without `pause`; expected both",
    ]


@pytest.mark.parametrize("key", ["apiVersion", "relaxations", "metrics", "policies"])
def test_a_key_of_the_top_level_in_a_policy(key: str) -> None:
    expected = f"key '{key}' does not belong here; expected at the top level of the file"
    found = errors_of(policy(f"{key}: []\n    targets: {{resolution: {{target: 1h}}}}"))
    assert found == [f"p.yaml:4:5: policies[0].{key}: {expected}"]
    found = errors_of(target(f"{{target: 1h, {key}: []}}"))
    assert found == [f"p.yaml:5:32: policies[0].targets.resolution.{key}: {expected}"]


def test_schedules_in_a_policy_may_be_meant_as_its_schedule() -> None:
    (found,) = errors_of(policy("schedules: desk\n    targets: {resolution: {target: 1h}}"))
    assert found.endswith("does not belong here; expected at the top level of the file (did you mean 'schedule'?)")


def test_a_target_on_a_schedule_that_is_never_open() -> None:
    text = schedule("closed: []") + "policies:\n  - {name: p, schedule: s, targets: {resolution: {target: 1h}}}\n"
    assert errors_of(text) == [
        "p.yaml:7:25: policies[0].schedule: schedule 's' is never open; expected one with opening hours"
    ]


def test_24x7_is_built_in() -> None:
    assert errors_of(HEAD + "schedules:\n  24x7: {timezone: UTC}\n") == [
        'p.yaml:3:3: schedules["24x7"]: 24x7 is built in; expected another name'
    ]


@pytest.mark.parametrize("name", ["posix/Europe/Berlin", "localtime", "../etc/passwd", ""])
def test_time_zones_are_those_of_the_pinned_data(name: str) -> None:
    (found,) = errors_of(HEAD + f"schedules:\n  s: {{timezone: '{name}'}}\n")
    assert found.startswith(f"p.yaml:3:17: schedules.s.timezone: unknown time zone '{name}'; expected an IANA")


def test_two_policies_of_one_name() -> None:
    text = policy("targets: {resolution: {target: 1h}}") + "  - {name: p, targets: {resolution: {target: 1h}}}\n"
    assert errors_of(text) == [
        "p.yaml:5:12: policies[1].name: policy 'p' a second time, first on line 3; "
        "expected another name, or another valid_from"
    ]


def test_errors_of_shape_and_of_meaning_come_together_in_the_order_of_the_file() -> None:
    text = """\
apiVersion: sla-stream/v1
schedules:
  desk: {timezone: Europe/Berlin, hours: {mon-fri: ["8-17"]}}
metrics:
  mine: {start: [{kind: created}]}
policies:
  - name: a
    schedule: dsek
    colour: blue
    targets:
      mine: {target: 1h, schedule: desk}
      resolution: {target: 1 hour, stop: [{kind: solved}]}
      resolutionn: {target: 1h}
  - targets: {first_response: {target: 1h, schedule: nobody}}
  - just text
"""
    assert [line.split(": ", 2)[:2] for line in errors_of(text)] == [
        ["p.yaml:3:53", "schedules.desk.hours.mon-fri[0]"],
        ["p.yaml:5:3", "metrics.mine"],
        ["p.yaml:8:15", "policies[0].schedule"],
        ["p.yaml:9:5", "policies[0].colour"],
        ["p.yaml:12:28", "policies[0].targets.resolution.target"],
        ["p.yaml:12:50", "policies[0].targets.resolution.stop[0].kind"],
        ["p.yaml:13:7", "policies[0].targets.resolutionn"],
        ["p.yaml:14:5", "policies[1]"],
        ["p.yaml:14:54", "policies[1].targets.first_response.schedule"],
        ["p.yaml:15:5", "policies[2]"],
    ]


def test_names_with_control_characters_stay_on_one_line() -> None:
    text = (
        HEAD + 'schedules: {"a\\nb": {timezone: UTC}}\npolicies: [{name: p, schedule: x, targets: {resolution: {}}}]\n'
    )
    assert errors_of(text) == [
        "p.yaml:3:32: policies[0].schedule: unknown schedule 'x'; expected one of 24x7, a\\nb",
        "p.yaml:3:45: policies[0].targets.resolution: `target` is missing; expected a duration such as 4h, or a "
        "mapping of priorities (and `default`) to durations",
    ]


def test_many_aliases_do_not_explode() -> None:
    lines = [HEAD.strip(), "x0: &x0 [a, a, a, a, a, a, a, a, a, a]"]
    lines += [f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 10)}]" for n in range(1, 9)]
    found = errors_of("\n".join(lines))
    assert any("more than 500,000 values, aliases counted; expected fewer" in line for line in found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "1:2: not valid JSON: the file ends; expected a key in double quotes"),
        ('{"a": 1,}', "1:9: not valid JSON: found '}' after a comma; expected one more entry"),
        ('{"a": tru}', "1:7: not valid JSON: unexpected 't'"),
        ('{"a": 01}', "1:7: not valid JSON: unexpected '0'"),
        ('{"a": 1e999}', "1:7: not valid JSON: '1e999'; expected a finite number"),
        ('{"a": "\\ud800"}', "1:7: not valid JSON: half a surrogate pair; expected whole characters"),
        ("{} {}", "1:4: not valid JSON: something follows the value; expected the end of the file"),
        ("[" * 60, "1:42: not valid JSON: nested more than 40 deep; expected a flatter file"),
        (
            '{"apiVersion": "sla-stream/v1",\n  "apiVersion": ""}',
            "2:3: apiVersion: key 'apiVersion' a second time, first on line 1; expected each key once",
        ),
        (
            '{"apiVersion": "sla-stream/v1",\n "policies": [{"name": "x", "targets": {"resolution": {"target": 4}}}]}',
            "2:66: policies[0].targets.resolution.target: found the number 4; expected a duration such as 4h, or a "
            "mapping of priorities (and `default`) to durations",
        ),
    ],
)
def test_json(text: str, expected: str) -> None:
    assert errors_of(text, "p.json") == [f"p.json:{expected}"]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    missing = tmp_path / "none.yaml"
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read: No such file or directory"):
        load_policies(missing)
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"apiVersion: sla-stream/v1\n# gr\xfc\xdfe\n")
    with pytest.raises(ConfigError, match=r"latin\.yaml:2: byte 0xfc is not UTF-8"):
        load_policies(latin)
