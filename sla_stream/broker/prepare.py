"""What makes a broker start fast: a formatted data directory and an archive of loaded classes, made once."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
import time
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Final
from uuid import uuid4

from sla_stream.broker.java import Java
from sla_stream.broker.kafka_jars import Distribution, Progress, locked
from sla_stream.broker.kept_process import KeptProcess
from sla_stream.broker.server import answers, free_ports, server_properties
from sla_stream.errors import ConfigError

_JVM_OPTIONS: Final = (
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Djava.awt.headless=true",
)
_ARCHIVE_DEADLINE_S: Final = 60.0


def java_command(java: Java, distribution: Distribution, archive: Path | None = None) -> list[str]:
    """The beginning of a command line; a class name and its arguments follow."""
    shared = ["-Xshare:auto", f"-XX:SharedArchiveFile={archive}", "-Xlog:cds=off"] if archive else []
    return [str(java.program), *_JVM_OPTIONS, *shared, "-cp", distribution.classpath]


def format_directory(data: Path, distribution: Distribution, java: Java) -> None:
    """Makes `data` a formatted, empty log directory. The formatting itself is done once and copied then."""
    template = distribution.directory / "formatted"
    if not template.is_dir():
        with locked(distribution.directory):
            if not template.is_dir():
                _format(template, distribution, java)
    shutil.copytree(template, data)
    _rename_cluster(data / "meta.properties")


def _rename_cluster(meta: Path) -> None:
    """Gives a copy of the template identities of its own, so that no client can take one cluster for another."""
    lines = meta.read_text().splitlines()
    kept = [line for line in lines if not line.startswith(("cluster.id=", "directory.id="))]
    meta.write_text("\n".join([*kept, f"cluster.id={_fresh_id()}", f"directory.id={_fresh_id()}", ""]))


def _fresh_id() -> str:
    """A UUID in Kafka's writing: 22 characters of URL-safe base64; a leading dash would look like an option."""
    return urlsafe_b64encode(b"\x4b" + uuid4().bytes[1:]).decode().rstrip("=")


def _format(template: Path, distribution: Distribution, java: Java) -> None:
    with tempfile.TemporaryDirectory(prefix="format-", dir=distribution.directory) as scratch:
        data, properties = Path(scratch, "data"), Path(scratch, "server.properties")
        properties.write_text(
            "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:1\n"
            "listeners=PLAINTEXT://127.0.0.1:2,CONTROLLER://127.0.0.1:1\n"
            f"controller.listener.names=CONTROLLER\nlog.dirs={data}\n"
        )
        command = java_command(java, distribution)
        command += ["kafka.tools.StorageTool", "format", "-t", _fresh_id(), "-c", str(properties)]
        result = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        if result.returncode != 0:
            lines = "\n".join(f"  {line}" for line in (result.stderr or result.stdout).splitlines()[-5:])
            raise ConfigError(f"the data directory of the local Apache Kafka could not be formatted:\n{lines}")
        data.rename(template)


def class_archive(distribution: Distribution, java: Java, progress: Progress) -> Path | None:
    """The class archive for this Java (a start takes 1 s with it, 3 s without), made at its first use.

    None when it could not be made: the broker then starts slowly, which is no reason not to start it.
    """
    archive = distribution.directory / f"classes-{java.version}.jsa"
    refused = archive.with_suffix(".refused")
    if not archive.exists() and not refused.exists():
        with locked(distribution.directory):
            if not archive.exists() and not refused.exists():
                progress("preparing Apache Kafka for fast starts (a few seconds, once)")
                _archive_classes(archive, distribution, java)
                if not archive.exists():
                    refused.touch()
    return archive if archive.exists() else None


def _archive_classes(archive: Path, distribution: Distribution, java: Java) -> None:
    """Runs a broker on its own until it answers; at its orderly end Java writes the classes it had loaded."""
    with tempfile.TemporaryDirectory(prefix="archive-", dir=distribution.directory) as scratch:
        data, properties, dump = Path(scratch, "data"), Path(scratch, "server.properties"), Path(scratch, "jsa")
        template = distribution.directory / "formatted"
        if not template.is_dir():
            _format(template, distribution, java)
        shutil.copytree(template, data)
        client, controller = free_ports(2)
        text = "".join(f"{k}={v}\n" for k, v in server_properties((client, controller), data).items())
        properties.write_text(text)
        command = [*java_command(java, distribution), "kafka.Kafka", str(properties)]
        command.insert(1, f"-XX:ArchiveClassesAtExit={dump}")
        deadline = time.monotonic() + _ARCHIVE_DEADLINE_S
        broker = KeptProcess(command, Path(scratch, "log"), remove=Path(scratch))
        try:
            while broker.running and not answers(client) and time.monotonic() < deadline:
                time.sleep(0.05)
        finally:
            broker.stop(_ARCHIVE_DEADLINE_S)
        with contextlib.suppress(OSError):
            dump.rename(archive)
