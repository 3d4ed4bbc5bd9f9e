"""Log lines: JSON off a terminal, our events and the libraries' alike."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from sla_stream.observe.logs import SeldomTheSame, get_logger, setup_logging


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
