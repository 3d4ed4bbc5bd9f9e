"""A child process that ends with us: asked first, made to when it does not hear, and by itself if we are killed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

STOP_WITHIN_S: Final = 12.0


class Child:
    """`python -m MODULE ... --watch-parent FD`, with what it writes in the file `log`.

    FD is a pipe of which we hold the other end: it closes when we end, however that comes about. The child has a
    process group of its own, so that Ctrl-C on the terminal reaches only us and we stop things in order.
    """

    def __init__(self, module: str, arguments: Sequence[str], log: Path) -> None:
        self._command = [sys.executable, "-m", module, *arguments]
        self._process: asyncio.subprocess.Process | None = None
        self._lifeline: int | None = None
        self.log = log

    async def start(self) -> None:
        watched, self._lifeline = os.pipe()
        try:
            with self.log.open("ab") as log:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command,
                    f"--watch-parent={watched}",
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=[watched],
                    start_new_session=True,
                )
        finally:
            os.close(watched)

    @property
    def pid(self) -> int:
        """Process id."""
        assert self._process is not None
        return self._process.pid

    async def wait(self) -> int:
        """Its exit code, once it has ended."""
        assert self._process is not None
        return await self._process.wait()

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL when that was not heard in time."""
        process = self._process
        if process is not None and process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), STOP_WITHIN_S)
            except TimeoutError:
                process.kill()
                await process.wait()
        self.let_go()

    def let_go(self) -> None:
        """Close our end of the pipe, as our end would."""
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None

    def last_words(self, lines: int = 8) -> str:
        """The end of what it wrote."""
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])
