"""Apache Kafka's jars on this machine: fetched once with Maven into a cache, then only looked up.

The cache is `$SLA_STREAM_CACHE`, else `$XDG_CACHE_HOME/sla-stream`, else `~/.cache/sla-stream`. A version's directory
appears in it complete or not at all.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sla_stream.broker.java import Java
from sla_stream.errors import ConfigError

POM: Final = Path(__file__).with_name("pom.xml")
Progress = Callable[[str], None]
"""Takes one line for a person."""

SYSTEM_AUTHORITIES: Final = Path("/etc/ssl/certs/java/cacerts")
"""Where Debian and its kin keep the system's certificate authorities for Java."""
_SAY_EVERY_S: Final = 1.0
_MAVEN_DEADLINE_S: Final = 600


def cache_directory() -> Path:
    if chosen := os.environ.get("SLA_STREAM_CACHE"):
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "sla-stream"


def kafka_version() -> str:
    match = re.search(r"<artifactId>kafka_[\d.]+</artifactId>\s*<version>([^<]+)", POM.read_text())
    assert match is not None, "pom.xml names no Kafka"
    return match[1]


@dataclass(frozen=True, slots=True)
class Distribution:
    """A version's directory in the cache: `jars/`, and what is derived from them once."""

    directory: Path
    version: str

    @property
    def classpath(self) -> str:
        return str(self.directory / "jars" / "*")


def kafka_distribution(java: Java, progress: Progress) -> Distribution:
    """The jars, fetched if the cache has none. ConfigError when they cannot be had."""
    version = kafka_version()
    wanted = Distribution(cache_directory() / f"kafka-{version}", version)
    if not (wanted.directory / "jars").is_dir():
        with locked(wanted.directory):
            if not (wanted.directory / "jars").is_dir():  # another process may have been first
                _fetch(wanted, java, progress)
    return wanted


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """One process at a time; the lock goes with the process that holds it."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with (directory / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise ConfigError(
            f"cannot write the cache {directory}: {error.strerror}; SLA_STREAM_CACHE may name another directory"
        ) from None


def _fetch(wanted: Distribution, java: Java, progress: Progress) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise ConfigError(
            "fetching Apache Kafka needs Maven, and there is no mvn on the PATH.\n"
            "Install it (Debian, Ubuntu: apt-get install maven; macOS: brew install maven), or set "
            "SLA_STREAM_TEST_KAFKA=HOST:PORT to use a broker that runs."
        )
    progress(f"fetching Apache Kafka {wanted.version} (about 45 MB, once)")
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=wanted.directory) as scratch:
        shutil.copy(POM, scratch)
        jars = Path(scratch, "jars")
        command = [
            maven,
            "--batch-mode",
            f"-Dmaven.repo.local={scratch}/repository",
            "dependency:copy-dependencies",
            f"-DoutputDirectory={jars}",
            "-DincludeScope=runtime",
        ]
        _run_maven(command, Path(scratch), java, progress)
        jars.rename(wanted.directory / "jars")
    progress(f"Apache Kafka {wanted.version} is in {wanted.directory}")


def _run_maven(command: list[str], directory: Path, java: Java, progress: Progress) -> None:
    """Maven's own output becomes a count of files; on failure its last errors are shown."""
    lines: list[str] = []
    files, said, started = 0, time.monotonic(), time.monotonic()
    with subprocess.Popen(
        command,
        cwd=directory,
        env=_maven_environment(java),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as maven:
        assert maven.stdout is not None
        for line in maven.stdout:
            lines.append(line.rstrip())
            files += "Downloaded from" in line
            if time.monotonic() - said >= _SAY_EVERY_S:
                said = time.monotonic()
                progress(f"  {files} files after {said - started:.0f} s")
            if time.monotonic() - started > _MAVEN_DEADLINE_S:
                maven.kill()
    if maven.returncode != 0:
        causes = [line for line in lines if "Could not transfer" in line][-1:]
        errors = [line for line in lines if line.startswith("[ERROR] ")][:2] or lines[-3:]
        shown = "\n".join(f"  {line[:300]}" for line in causes + errors)
        raise ConfigError(f"Maven could not fetch Apache Kafka:\n{shown}")


def _maven_environment(java: Java) -> dict[str, str]:
    """Maven runs on the Java we found. One from a package trusts only its own authorities; the system's are better."""
    environment = os.environ | {"JAVA_HOME": str(java.home)}
    if SYSTEM_AUTHORITIES.exists() and "javax.net.ssl.trustStore" not in environment.get("MAVEN_OPTS", ""):
        trust = f"-Djavax.net.ssl.trustStore={SYSTEM_AUTHORITIES}"
        environment["MAVEN_OPTS"] = f"{environment.get('MAVEN_OPTS', '')} {trust}".strip()
    return environment
