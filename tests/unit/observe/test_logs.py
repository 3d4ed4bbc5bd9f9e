"""Log lines: JSON off a terminal, our events and the libraries' alike."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from sla_stream.observe.logs import NormalAtFirst, SeldomTheSame, get_logger, setup_logging


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)


def test_json_lines(stream: io.StringIO) -> None:
    setup_logging("info", "auto", stream)
    get_logger("test").info("partition.ready", partition=3)
    logging.getLogger("aiokafka.cluster").warning("lost %s", "it")
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert first["event"] == "partition.ready"
    assert first["partition"] == 3
    assert first["level"] == "info"
    assert first["timestamp"].endswith("Z")
    assert second["event"] == "lost it"


def test_level_and_noise(stream: io.StringIO) -> None:
    setup_logging("info", "json", stream)
    get_logger("test").debug("transaction.committed")
    logging.getLogger("aiokafka.producer.sender").warning("NotEnoughReplicas")
    assert stream.getvalue() == ""


def test_console_form_is_no_json(stream: io.StringIO) -> None:
    setup_logging("debug", "console", stream)
    get_logger("test").debug("transaction.committed", events=4)
    assert "transaction.committed" in stream.getvalue()
    with pytest.raises(json.JSONDecodeError):
        json.loads(stream.getvalue())


def test_a_library_repeats_itself_seldom() -> None:
    now = [0.0]
    seldom = SeldomTheSame(every=10, clock=lambda: now[0])

    def passes(name: str, message: str, *args: object) -> bool:
        return seldom.filter(logging.LogRecord(name, logging.ERROR, "f.py", 1, message, args, None))

    assert [passes("aiokafka", "no node %s", n) for n in (1, 2)] == [True, False]
    assert passes("aiokafka", "another")
    assert [passes("sla_stream.worker", "partition.ready") for _ in range(2)] == [True, True]
    now[0] = 10.0
    assert passes("aiokafka", "no node %s", 3)


def test_what_was_suppressed_is_counted(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("sla_stream.observe.logs.time.monotonic", lambda: now[0])
    monkeypatch.setattr(SeldomTheSame.__init__, "__defaults__", (10.0, lambda: now[0]))
    setup_logging("info", "json", stream)
    for second in (0, 1, 2, 10, 20):
        now[0] = second
        logging.getLogger("aiokafka.cluster").error("no node %s", second)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(line["event"], line.get("suppressed")) for line in lines] == [
        ("no node 0", None), ("no node 10", 2), ("no node 20", None),
    ]  # fmt: skip


class GroupCoordinatorNotAvailableError(Exception):
    """Stands for aiokafka's; only the name counts."""


@pytest.mark.parametrize(("least", "shown"), [(logging.INFO, False), (logging.DEBUG, True)])
def test_a_group_that_is_just_being_made_is_no_error_unless_it_lasts(least: int, shown: bool) -> None:
    now = [0.0]
    normal = NormalAtFirst(least, grace=15, clock=lambda: now[0])

    def seen(error: Exception, name: str = "aiokafka.consumer.group_coordinator") -> tuple[bool, str]:
        record = logging.LogRecord(name, logging.ERROR, "f.py", 1, "Request failed: %s", (error,), None)
        return normal.filter(record), record.levelname

    unavailable = GroupCoordinatorNotAvailableError()
    assert seen(unavailable) == (shown, "DEBUG")
    assert seen(OSError()) == (True, "ERROR")
    assert seen(unavailable, "aiokafka.other") == (True, "ERROR")
    for now[0] in (5, 10, 15):
        assert seen(unavailable) == (shown, "DEBUG")
    now[0] = 16
    assert seen(unavailable) == (True, "ERROR")
    now[0] = 60  # quiet in between: another beginning
    assert seen(unavailable) == (shown, "DEBUG")
