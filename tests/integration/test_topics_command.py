"""`sla-stream topics`, as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.kafka


def topics(*words: str) -> tuple[int, str, str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SLA_STREAM_")}
    done = subprocess.run(
        [sys.executable, "-m", "sla_stream", "topics", *words],
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


def test_create_twice_and_check(kafka: str, prefix: str) -> None:
    where = ("--kafka", kafka, "--topic-prefix", prefix, "--partitions", "2")
    code, out, err = topics("check", *where)
    assert (code, err) == (1, "")
    assert out.splitlines()[0] == f"{prefix}sla.ticket-events.v1: missing (`sla-stream topics create` makes it)"
    assert out.splitlines()[-1] == "11 differences in 11 topics"
    code, out, err = topics("create", *where)
    assert (code, err) == (0, "")
    assert len(out.splitlines()) == 11
    assert out.splitlines()[0].startswith(f"created {prefix}sla.ticket-events.v1 (2 partitions, ")
    assert topics("check", *where) == (0, "no difference in 11 topics\n", "")
    code, out, err = topics("create", *where)
    assert (code, err) == (0, "")
    assert all(line.startswith("exists ") for line in out.splitlines())


def test_differences_and_putting_configs_right(kafka: str, prefix: str) -> None:
    where = ("--kafka", kafka, "--topic-prefix", prefix)
    # the input's role under the outcomes' name: deleted by time, but stamped by the broker
    assert topics("create", *where, "--partitions", "1", "--topic-ticket-events", "sla.outcomes.v1",
                  "--topic-outcomes", "other")[0] == 0  # fmt: skip
    wrong = f"{prefix}sla.outcomes.v1: message.timestamp.type: found LogAppendTime, expected CreateTime"
    code, out, _ = topics("check", *where, "--partitions", "1")
    assert code == 1
    assert wrong in out.splitlines()
    code, out, _ = topics("create", *where, "--partitions", "1")
    assert code == 1
    assert out.splitlines()[-2:] == [wrong, "1 difference in 11 topics"]
    code, out, _ = topics("create", *where, "--partitions", "1", "--alter")
    assert code == 0
    assert f"altered {prefix}sla.outcomes.v1" in out.splitlines()
    assert topics("check", *where, "--partitions", "1")[0] == 0
    assert topics("check", *where, "--partitions", "3")[0] == 1


def test_wrong_use(unused_tcp_port: int) -> None:
    server = f"127.0.0.1:{unused_tcp_port}"
    assert topics("check", "--kafka", server) == (
        2, "", f"kafka: cannot use the cluster: {server}: connection refused\n",
    )  # fmt: skip
    code, out, err = topics("create", "--kafka", "nonsense", "--partitions", "0")
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 2
    assert topics("make")[0] == 2
    assert topics()[0] == 2
