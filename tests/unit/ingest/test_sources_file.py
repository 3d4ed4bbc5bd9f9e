"""The list of sources: what may stand in it, and every error at once with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from sla_stream.errors import ConfigError
from sla_stream.ingest import schemas
from sla_stream.ingest.route import ByHeader, Chosen
from sla_stream.ingest.sources_file import load_sources
from sla_stream.sources.catalogue import shipped_text


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "mine.yaml").write_text(shipped_text("own-queue"))
    return tmp_path / "sources.yaml"


def errors(file: Path, text: str) -> list[str]:
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_sources(str(file), with_settings=False)
    return [line.removeprefix(f"{file}:") for line in str(caught.value).splitlines()]


def test_everything_that_may_be_said(file: Path) -> None:
    file.write_text(
        "sources:\n"
        "  - {topic: a, mapping: jira, nulls: skip}\n"
        "  - {topic: [b, c], mapping: mine.yaml, value: avro, key: protobuf}\n"
        "  - {topic: d, header: X-Source, mappings: {jira: jira, 7: ./mine.yaml}, otherwise: zendesk, value: json}\n"
    )
    routes = load_sources(str(file), with_settings=False)
    assert list(routes) == ["a", "b", "c", "d"]
    assert routes["a"].skip_nulls and routes["a"].value is routes["a"].key is None
    assert (routes["b"].value, routes["b"].key, routes["b"].skip_nulls) == ("avro", "protobuf", False)
    assert routes["b"] is routes["c"]
    by_header = routes["d"].choice
    assert isinstance(by_header, ByHeader) and by_header.header == "x-source"
    assert {value: one.name for value, one in by_header.mappings.items()} == {"jira": "jira", "7": "own-queue"}
    assert by_header.otherwise is not None and by_header.otherwise.name == "zendesk"


def test_settings_beside_sources_only_in_the_settings_file(file: Path) -> None:
    text = "kafka: k:1\nsources: [{topic: a, mapping: jira}]\n"
    file.write_text(text)
    assert isinstance(load_sources(str(file), with_settings=True)["a"].choice, Chosen)
    assert errors(file, text) == ["1:1: kafka: unknown key 'kafka'; expected sources"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ["1:1: the file is empty; expected `sources`"]),
        ("kafka: k:1", ["1:1: expected `sources`, a list of topics and their mappings"]),
        ("sources: {}", ["1:10: sources: expected `sources`, a list of topics and their mappings"]),
        ("sources: [a]", ["1:11: sources[0]: found 'a'; expected a mapping with `topic` and `mapping`"]),
        (
            "sources:\n  - {topic: [a, 3], mapping: jra}\n  - {topic: a, mapping: jira}\n  - {mapping: 4}\n",
            [
                "2:13: sources[0].topic: found a list; expected the name of a topic, or a list of names",
                "2:30: sources[0].mapping: mapping 'jra': not known (did you mean 'jira'?)",
                "3:13: sources[1].topic: 'a' stands twice; expected once",
                "4:5: sources[2]: found nothing; expected the name of a topic",
                "4:15: sources[2].mapping: found the number 4; expected a mapping's name",
            ],
        ),
        (
            "sources:\n  - {topic: a, mapping: jira, header: h, vale: avro}\n"
            "  - {topic: b, value: xml, key: 3, nulls: no}\n",
            [
                "2:5: sources[0]: expected either `mapping`, or `header` and `mappings`",
                "2:42: sources[0].vale: unknown key 'vale'; expected ",
                "3:5: sources[1]: expected either `mapping`, or `header` and `mappings`",
            ],
        ),
        (
            "sources: [{topic: a, header: 3, mappings: [], value: avrro, nulls: drop}]",
            [
                "1:30: sources[0].header: found the number 3; expected the name of a header",
                "1:43: sources[0].mappings: found a list; expected the header's values and their mappings",
                "1:54: sources[0].value: found 'avrro'; expected json, avro or protobuf (did you mean 'avro'?)",
                "1:68: sources[0].nulls: found 'drop'; expected refuse or skip",
            ],
        ),
        (
            "sources: [{topic: a, mapping: jira, otherwise: jira}]",
            ["1:37: sources[0].otherwise: goes with `header` only"],
        ),
        ("sources: [{topic: a, mapping: none.yaml}]", ["1:31: sources[0].mapping: "]),
        ("sources: [", ["2:1: not valid YAML"]),
    ],
)
def test_every_error_at_once(file: Path, text: str, found: list[str]) -> None:
    lines = errors(file, text)
    for beginning in found:
        assert any(line.startswith(beginning) for line in lines), (beginning, lines)


def test_errors_of_a_mapping_come_along(file: Path) -> None:
    (file.parent / "bad.yaml").write_text("apiVersion: sla-stream/mapping/v1\nmapping: bad\n")
    lines = errors(file, "sources: [{topic: a, mapping: ./bad.yaml}]")
    assert len(lines) >= 3 and all("sources[0].mapping: " in line and "bad.yaml:1:1" in line for line in lines)


def test_an_extra_that_is_not_installed(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(schemas.LIBRARY, "avro", "no_such_library")
    assert errors(file, "sources: [{topic: a, mapping: jira, value: avro}]") == [
        '1:44: sources[0].value: avro needs an extra: pip install "sla-stream[avro]"'
    ]


def test_no_file_and_no_text(file: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file or directory; expected a file of sources"):
        load_sources(str(file), with_settings=False)
    file.write_bytes(b"sources: \xff")
    with pytest.raises(ConfigError, match="byte 9 is not UTF-8"):
        load_sources(str(file), with_settings=False)
