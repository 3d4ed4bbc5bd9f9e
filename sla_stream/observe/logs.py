"""Logging: structured lines on standard error, for people on a terminal and as JSON elsewhere.

One canonical line for each commit at debug, one for each change of state at info. No ticket's text, no record's
value and no secret is ever logged: a line names topic, partition, offset and counts.
"""

from __future__ import annotations

import logging
import math
import sys
import time
from collections import Counter
from collections.abc import Callable, MutableMapping
from typing import Any, Final, Literal, TextIO

import structlog

Format = Literal["auto", "console", "json"]

_COORDINATOR: Final = "aiokafka.consumer.group_coordinator"

NOISY: Final = {
    "aiokafka.producer.sender": logging.ERROR,
    _COORDINATOR: logging.ERROR,
    "aiokafka.conn": logging.ERROR,
    "aiokafka": logging.WARNING,
    "faust": logging.ERROR,
    "mode": logging.ERROR,
    "asyncio": logging.WARNING,
    "aiohttp.access": logging.ERROR,
}
"""Libraries and the least level at which they are heard.

The producer warns of every retry after a transaction marker (NotEnoughReplicas on a single broker), which is
ordinary; what matters comes back as an error of the transaction.
"""


def setup_logging(level: str = "info", form: Format = "auto", stream: TextIO | None = None) -> None:
    """Send everything, ours and the libraries', to `stream` (standard error) in one form."""
    out = stream or sys.stderr
    pretty = form == "console" or (form == "auto" and out.isatty())
    shared = _shared_processors()
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _add_suppressed],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _renderer(pretty, out),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    handler.addFilter(NormalAtFirst(root.level))
    handler.addFilter(SeldomTheSame())
    for name, least in NOISY.items():
        logging.getLogger(name).setLevel(least)


class SeldomTheSame(logging.Filter):
    """Lets a library say the same thing (logger, level, unformatted message) once in `every` seconds.

    With the broker away the Kafka clients repeat themselves a hundred times a second. The next line that passes
    carries as `suppressed` how many like it did not. Our own lines always pass.
    """

    def __init__(self, every: float = 10.0, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._every = every
        self._clock = clock
        self._last: dict[tuple[str, int, str], float] = {}
        self._suppressed: Counter[tuple[str, int, str]] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith("sla_stream"):
            return True
        key, now = (record.name, record.levelno, str(record.msg)), self._clock()
        if now - self._last.get(key, -self._every) < self._every:
            self._suppressed[key] += 1
            return False
        if len(self._last) > 1_000:
            self._last.clear()
            self._suppressed.clear()
        self._last[key] = now
        record.suppressed = self._suppressed.pop(key, 0)
        return True


class NormalAtFirst(logging.Filter):
    """Turns what aiokafka calls an error, and is none yet, into debug; `least`: the level that is shown.

    A cluster makes the topic of the groups' offsets when the first group comes. Until then it answers
    GroupCoordinatorNotAvailable, and the client asks again. So every first start on a new cluster would begin with
    an error. When it lasts for longer than `grace` seconds (too few brokers for that topic's copies, say), it is one.
    """

    def __init__(self, least: int, grace: float = 15.0, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._least = least
        self._grace = grace
        self._clock = clock
        self._since = self._last = -math.inf

    def filter(self, record: logging.LogRecord) -> bool:
        if not (record.name == _COORDINATOR and _names_error(record, "GroupCoordinatorNotAvailableError")):
            return True
        now = self._clock()
        if now - self._last > self._grace:
            self._since = now
        self._last = now
        if now - self._since <= self._grace:
            record.levelno, record.levelname = logging.DEBUG, "DEBUG"
        return record.levelno >= self._least


def _names_error(record: logging.LogRecord, name: str) -> bool:
    """By name, since only the Kafka modules import aiokafka."""
    return isinstance(record.args, tuple) and any(type(one).__name__ == name for one in record.args)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger whose calls are `log.info("partition.ready", partition=3, tickets=12)`."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def _add_suppressed(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if count := getattr(event["_record"], "suppressed", 0):
        event["suppressed"] = count
    return event


def _shared_processors() -> list[Any]:
    return [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]


def _renderer(pretty: bool, out: TextIO) -> Any:
    if not pretty:
        return structlog.processors.JSONRenderer()
    return structlog.dev.ConsoleRenderer(colors=out.isatty(), pad_event_to=24)
