"""`run --workers N`: N worker processes, started again with back-off when they fail, gone when we are gone.

Each child holds the reading end of a pipe whose writing end only the supervisor has. When the supervisor ends, in
whatever way, the kernel closes it and the child stops.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Final

from sla_stream.formats.setting_model import Settings
from sla_stream.observe.logs import get_logger

log = get_logger(__name__)

FIRST_BACKOFF: Final = 0.5
LAST_BACKOFF: Final = 30.0
STEADY: Final = 60.0
"""Seconds after which a child counts as healthy and its back-off starts anew."""

STOP_LIMIT: Final = 10.0
"""Seconds that children may take to stop before they are killed."""

POLL: Final = 0.1
WRONG_CONFIGURATION: Final = 2


@dataclass(slots=True)
class _Child:
    number: int
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_at: float = 0.0
    backoff: float = field(default=FIRST_BACKOFF)


def supervise(count: int, settings: Settings, flags: list[str], command: str = "run") -> int:
    """Run until SIGTERM or Ctrl-C: 0. A child that says its configuration is wrong stops all: 2."""
    return _Supervisor(count, settings, flags, command).run()


def die_with_parent(descriptor: int) -> None:
    """In a child: stop as on SIGTERM when the other end of the pipe closes, however that came about."""

    def watch() -> None:
        os.read(descriptor, 1)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(STOP_LIMIT)
        os._exit(3)

    threading.Thread(target=watch, name="watch-parent", daemon=True).start()


class _Supervisor:
    def __init__(self, count: int, settings: Settings, flags: list[str], command: str) -> None:
        self._cli_command = command
        self._alive, self._ours = os.pipe()
        self._stop = threading.Event()
        self._children = [_Child(number, self._command(number, settings, flags)) for number in range(count)]

    def run(self) -> int:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.set())
        log.info("supervisor.started", workers=len(self._children))
        try:
            while not self._stop.is_set():
                for child in self._children:
                    if self._tend(child) == WRONG_CONFIGURATION:
                        return WRONG_CONFIGURATION
                self._stop.wait(POLL)
        finally:
            self._stop_all()
        return 0

    def _command(self, number: int, settings: Settings, flags: list[str]) -> list[str]:
        host, port = settings.listen
        own = [f"--listen={host}:{port + number if port else 0}", f"--watch-parent={self._alive}"]
        if settings.instance_id is not None:
            own.append(f"--instance-id={settings.instance_id}-{number}")
        return [sys.executable, "-m", "sla_stream", self._cli_command, *flags, *own]

    def _tend(self, child: _Child) -> int | None:
        """Start what should run; returns the code of a child that has just ended."""
        now = time.monotonic()
        if child.process is None:
            if now >= child.start_at:
                self._start(child, now)
            return None
        code = child.process.poll()
        if code is None:
            return None
        child.process = None
        if now - child.started_at >= STEADY:
            child.backoff = FIRST_BACKOFF
        child.start_at = now + child.backoff * random.uniform(0.8, 1.2)
        log.warning("supervisor.child_ended", worker=child.number, code=code, again_in_s=round(child.start_at - now, 1))
        child.backoff = min(LAST_BACKOFF, child.backoff * 2)
        return code

    def _start(self, child: _Child, now: float) -> None:
        child.process = subprocess.Popen(child.command, pass_fds=(self._alive,), stdin=subprocess.DEVNULL)
        child.started_at = now
        log.info("supervisor.child_started", worker=child.number, pid=child.process.pid)

    def _stop_all(self) -> None:
        running = [child.process for child in self._children if child.process is not None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + STOP_LIMIT
        for process in running:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.error("supervisor.child_killed", pid=process.pid)
                process.kill()
                process.wait()
        log.info("supervisor.stopped")
