"""A child process that cannot outlive us: started through `keeper`, logging into a file."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from sla_stream.broker import keeper

_KEEPER: Final = str(Path(keeper.__file__))


class KeptProcess:
    """Runs `command` until it ends, `stop` or `kill` ends it, or this process is gone in whatever way.

    `remove` is a directory that goes too in the last case (and only then). `environment` is added to ours.
    """

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        remove: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        removal = ["--remove", str(remove)] if remove else []
        with log.open("ab") as sink:
            self._keeper = subprocess.Popen(
                [sys.executable, "-I", "-S", _KEEPER, *removal, "--", *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=sink,
                env=os.environ | dict(environment or {}),
                start_new_session=True,  # a Ctrl-C on the terminal is for us alone
            )
        assert self._keeper.stdout is not None
        line = self._keeper.stdout.readline()
        if not line:
            self._keeper.wait()
            raise OSError(f"{command[0]} could not be started; see {log}")
        self.pid = int(line)

    @property
    def running(self) -> bool:
        return self._keeper.poll() is None

    def stop(self, patience_s: float = 10) -> None:
        """SIGTERM, and SIGKILL when it takes longer than `patience_s`."""
        self._signal(signal.SIGTERM)
        try:
            self._keeper.wait(patience_s)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
        self._release()

    def kill(self) -> None:
        """SIGKILL."""
        self._signal(signal.SIGKILL)
        self._release()

    def _signal(self, number: signal.Signals) -> None:
        if self.running:  # the keeper has not collected the program yet, so its id is still its own
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _release(self) -> None:
        self._keeper.wait()
        for pipe in (self._keeper.stdin, self._keeper.stdout):
            if pipe is not None:
                pipe.close()
