"""Runs one program and outlives neither it nor whoever asked for it. A script: standard library only.

    python -I -S keeper.py [--remove DIR] -- PROGRAM ARGUMENT...

The asker holds the other end of our standard input. When that closes, however the asker ended (kill -9 included), the
program is killed and DIR is removed. When the program ends by itself, DIR stays and its exit code is ours. The
program's process id is the one line on our standard output.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1


def _die_with(parent: int) -> Callable[[], None]:
    """For the child before it becomes the program: on Linux the kernel kills it when we are killed ourselves."""

    def before_exec() -> None:
        if sys.platform == "linux":
            with contextlib.suppress(OSError, AttributeError):
                ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)

    return before_exec


def keep(command: list[str], remove: str | None) -> int:
    """The program's exit code; 128 + signal when a signal ended it."""
    for ignored in (signal.SIGINT, signal.SIGHUP):  # a Ctrl-C is for the asker, who then stops the program in order
        signal.signal(ignored, signal.SIG_IGN)
    program = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=2, preexec_fn=_die_with(os.getpid()))
    print(program.pid, flush=True)
    abandoned = threading.Event()

    def watch() -> None:
        while os.read(0, 512):
            pass
        abandoned.set()
        program.kill()

    threading.Thread(target=watch, daemon=True).start()
    code = program.wait()
    if abandoned.is_set() and remove is not None:
        shutil.rmtree(remove, ignore_errors=True)
    return code if code >= 0 else 128 - code


def main(arguments: list[str]) -> int:
    remove = arguments[1] if arguments[0] == "--remove" else None
    return keep(arguments[arguments.index("--") + 1 :], remove)


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)  # the watching thread sits in a read that nothing will end
