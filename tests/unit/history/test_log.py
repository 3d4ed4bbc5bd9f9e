"""Reading a log line by line."""

from __future__ import annotations

import gzip
import io
import lzma
from pathlib import Path

import pytest

from sla_stream.errors import ConfigError
from sla_stream.history.log import BadRecord, LogFile, Record, read_lines

LINE = b'{"event_id":"e1","ticket_id":"t1","kind":"updated","occurred_at":"2026-03-02T08:00:00Z"}'


def lines(path: Path) -> list[tuple[int, bytes]]:
    return list(read_lines(str(path)))


def test_plain_and_compressed_files_read_the_same(tmp_path: Path) -> None:
    text = b"one\ntwo\n"
    (tmp_path / "a.jsonl").write_bytes(text)
    (tmp_path / "a.jsonl.xz").write_bytes(lzma.compress(text))
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(text))
    assert {str(lines(path)) for path in tmp_path.iterdir()} == {"[(1, b'one\\n'), (2, b'two\\n')]"}


def test_blank_lines_are_skipped_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"\xef\xbb\xbfone\n\n  \r\nfour\r\nlast")
    assert lines(path) == [(1, b"one\n"), (4, b"four\r\n"), (5, b"last")]


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    assert lines(tmp_path / "a") == []


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"one\ntwo")))
    assert list(read_lines("-")) == [(1, b"one\n"), (2, b"two")]


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"/missing.jsonl: cannot read it: No such file or directory$"):
        lines(tmp_path / "missing.jsonl")
    with pytest.raises(ConfigError, match=r"cannot read it: Is a directory$"):
        lines(tmp_path)
    whole = lzma.compress(b"one\n" * 100_000)
    for name, content in {
        "a.xz": b"plain",
        "b.gz": b"plain",
        "c.xz": whole[:-20],
        "d.gz": gzip.compress(b"x")[:-9],
    }.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(ConfigError, match=rf"{name}:\d+: damaged archive"):
            lines(path)


def test_good_and_bad_lines(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(LINE + b"\n{\n" + LINE.replace(b"updated", b"broken") + b"\n" + LINE[:-1] + b',"more":1}\n')
    log = LogFile(str(path))
    found = list(log)
    assert [(type(each), each.line) for each in found] == [(Record, 1), (BadRecord, 2), (BadRecord, 3), (Record, 4)]
    assert [each.reason for each in found if isinstance(each, BadRecord)] == ["json", "schema"]
    assert log.unknown.by_name == {"more": 1}


def test_a_timed_log_needs_recorded_at(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(LINE + b"\n" + LINE[:-1] + b',"recorded_at":"2026-03-02T08:00:01Z"}\n')
    missing, record = LogFile(str(path), timed=True)
    assert missing == BadRecord(1, "schema", "recorded_at: missing; required by --clock recorded")
    assert isinstance(record, Record)
    assert record.log_time == record.event.at + 1000
