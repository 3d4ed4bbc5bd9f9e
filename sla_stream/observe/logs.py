"""Logging: structured lines on standard error, for people on a terminal and as JSON elsewhere.

One canonical line for each commit at debug, one for each change of state at info. No ticket's text, no record's
value and no secret is ever logged: a line names topic, partition, offset and counts.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from typing import Any, Final, Literal, TextIO

import structlog

Format = Literal["auto", "console", "json"]

NOISY: Final = {
    "aiokafka.producer.sender": logging.ERROR,
    "aiokafka.consumer.group_coordinator": logging.ERROR,
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
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _renderer(pretty, out),
            ],
        )
    )
    handler.addFilter(SeldomTheSame())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name, least in NOISY.items():
        logging.getLogger(name).setLevel(least)


class SeldomTheSame(logging.Filter):
    """Lets a library say the same thing (logger, level, unformatted message) once in `every` seconds.

    With the broker away the Kafka clients repeat themselves a hundred times a second. Our own lines always pass.
    """

    def __init__(self, every: float = 10.0, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._every = every
        self._clock = clock
        self._last: dict[tuple[str, int, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith("sla_stream"):
            return True
        key, now = (record.name, record.levelno, str(record.msg)), self._clock()
        if now - self._last.get(key, -self._every) < self._every:
            return False
        if len(self._last) > 1_000:
            self._last.clear()
        self._last[key] = now
        return True


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger whose calls are `log.info("partition.ready", partition=3, tickets=12)`."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


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
