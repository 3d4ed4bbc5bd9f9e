"""Settings: precedence, every source's errors with their places, secrets, names derived from the prefix."""

from __future__ import annotations

import argparse
import pickle
from pathlib import Path

import pytest

from sla_stream.errors import ConfigError
from sla_stream.formats.settings import (
    SETTING_NAMES,
    Secret,
    Settings,
    add_settings_arguments,
    load_settings,
    settings_from_arguments,
)


def problems(config: str | None = None, env: dict[str, str] | None = None, **flags: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_settings(config, env or {}, flags)
    return str(caught.value).splitlines()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "settings.yaml"


def test_defaults_are_those_of_the_documentation() -> None:
    settings = load_settings(None, {}, {})
    assert settings == Settings()
    assert (settings.partitions, settings.settle_for, settings.allowed_lateness) == (8, 5_000, 7 * 86_400_000)
    assert (settings.commit_interval, settings.max_skew, settings.hold_for) == (50, 300_000, 0)
    assert settings.listen == ("127.0.0.1", 8085)
    assert settings.timers_topic and settings.replication is None and settings.instance_id is None


def test_flags_win_over_environment_over_file(config: Path) -> None:
    config.write_text("app_id: file\npartitions: 2\nsettle_for: 1s\n")
    env = {"SLA_STREAM_APP_ID": "env", "SLA_STREAM_PARTITIONS": "3"}
    settings = load_settings(str(config), env, {"app_id": "flag", "partitions": None})
    assert (settings.app_id, settings.partitions, settings.settle_for) == ("flag", 3, 1_000)


def test_file_may_be_named_by_the_environment_and_empty_variables_count_as_unset(config: Path) -> None:
    config.write_text('{"partitions": 5, "timers_topic": false, "instance_id": null}')
    settings = load_settings(None, {"SLA_STREAM_CONFIG": str(config), "SLA_STREAM_PARTITIONS": ""}, {})
    assert (settings.partitions, settings.timers_topic, settings.instance_id) == (5, False, None)


def test_kinds_of_values(config: Path) -> None:
    config.write_text("kafka: [a:1, 'b:2']\ntimers_topic: off\npublish_from: 2026-01-01T00:00:00+01:00\n")
    settings = load_settings(str(config), {}, {"listen": "[::1]:0", "commit_interval": "1s500ms"})
    assert settings.kafka == "a:1,b:2"
    assert settings.timers_topic is False
    assert settings.publish_from == 1_767_222_000_000
    assert settings.listen == ("::1", 0)
    assert settings.commit_interval == 1_500


def test_only_a_setting_of_several_values_takes_a_list(config: Path) -> None:
    config.write_text("kafka: [a:1, [b]]\nmax_skew: [10m]\nsettle_for: [1s, 2s]\n")
    assert problems(str(config)) == [
        f"{config}:1:8: kafka: found a list, expected one value or a list of them",
        f"{config}:2:11: max_skew: found a list, expected one value",
        f"{config}:3:13: settle_for: found a list, expected one value",
    ]


def test_a_path_in_the_file_starts_at_the_file_and_one_in_a_flag_where_we_are(config: Path) -> None:
    config.write_text("policies: rules/sla.yaml\n")
    assert load_settings(str(config), {}, {}).policies == str(config.parent / "rules/sla.yaml")
    assert load_settings(str(config), {}, {"policies": "mine.yaml"}).policies == "mine.yaml"


def test_all_problems_of_all_sources_come_at_once_each_with_its_place(config: Path) -> None:
    config.write_text("app_id: fine\npartions: 3\nsettle_for: 5\napp_id: again\nkafka: {a: 1}\n")
    env = {"SLA_STREAM_POLICES": "x", "SLA_STREAM_PARTITIONS": "many", "SLA_STREAM_TEST_KAFKA": "a:1"}
    assert problems(str(config), env, listen="8085") == [
        f'{config}:2:1: no such setting "partions"; did you mean "partitions"?',
        f"{config}:4:1: app_id: set twice, first in line 1",
        f"{config}:5:8: kafka: found a mapping, expected one value or a list of them",
        'SLA_STREAM_POLICES: no such setting; did you mean "SLA_STREAM_POLICIES"?',
        f"{config}:3:13: settle_for: '5' has no unit: expected a duration such as 50ms, 10s, 5m, 2h or 7d",
        'SLA_STREAM_PARTITIONS: found "many", expected a whole number from 1 to 10000',
        '--listen: found "8085", expected HOST:PORT such as 127.0.0.1:8085',
    ]


def test_what_kubernetes_puts_into_the_environment_is_not_taken_for_settings() -> None:
    env = {
        "SLA_STREAM_SERVICE_HOST": "10.0.0.1",
        "SLA_STREAM_SERVICE_PORT_HTTP": "80",
        "SLA_STREAM_PORT": "tcp://10.0.0.1:80",
        "SLA_STREAM_BOARD_PORT_8085_TCP_ADDR": "10.0.0.1",
        "SLA_STREAM_CACHE": "/tmp/x",
    }
    assert load_settings(None, env, {}) == Settings()
    assert problems(env={"SLA_STREAM_PORTS": "1"}) == ["SLA_STREAM_PORTS: no such setting"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"- a\n", ":1:1: found a list, expected a mapping of settings"),
        (b"a: [1\n", ":2:1: not YAML: expected ',' or ']', but got '<stream end>'"),
        (b"\xff\xfe\xff", ": not UTF-8 text (byte 0)"),
        (b"a: \x00\n", ": not YAML: unacceptable character #x0000: special characters are not allowed"),
    ],
)
def test_unreadable_settings_file(config: Path, content: bytes, message: str) -> None:
    config.write_bytes(content)
    assert problems(str(config)) == [f"{config}{message}"]


def test_missing_settings_file(config: Path) -> None:
    assert problems(str(config)) == [f"--config: cannot read {config}: No such file or directory"]


def test_empty_settings_file_sets_nothing(config: Path) -> None:
    config.write_text("# nothing yet\n")
    assert load_settings(str(config), {}, {}) == Settings()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            {"allowed_lateness": "60d"},
            "--allowed-lateness: retain_closed: 30d is shorter than allowed_lateness (60d): "
            "a late event would meet a forgotten ticket",
        ),
        ({"topic_late": "sla.timers.v1"}, '--topic-late: "sla.timers.v1" is the name of topic_timers too'),
        ({"kafka_tls_ca_file": "ca"}, "--kafka-tls-ca-file: has no effect while kafka_tls is off; "
                                      "set kafka_tls to on"),
        ({"kafka_tls": "on", "kafka_tls_ca_file": "/no/ca"}, "--kafka-tls-ca-file: there is no file /no/ca"),
        ({"kafka_sasl_username": "u"}, "--kafka-sasl-username: has no effect without kafka_sasl_mechanism; "
                                       "set that too"),
        ({"registry_username": "u", "registry_url": "http://r"}, "--registry-username: a log-in has a name and a "
                                                                 "password: set registry_password too"),
        ({"registry_ca_file": __file__}, "--registry-ca-file: has no effect without registry_url; set that too"),
        ({"registry_url": "http://u:secret@r"}, "--registry-url: expected an http:// or https:// address without a "
                                                "user name in it, such as https://registry:8081"),
        ({"publish_from": "2026-01-01T00:00:00"}, "--publish-from: '2026-01-01T00:00:00' has no zone: end it "
                                                  "with Z, or with an offset such as +01:00"),
        ({"kafka": "broker"}, '--kafka: found "broker", expected HOST:PORT, several separated by commas, '
                              "such as kafka-1:9092,kafka-2:9092"),
        ({"topic_prefix": "a/b"}, '--topic-prefix: found "a/b", expected 1 to 200 of the characters '
                                  "A-Z a-z 0-9 . _ -"),
        ({"kafka_sasl_mechanism": "GSSAPI"}, '--kafka-sasl-mechanism: found "GSSAPI", expected one of '
                                             "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER, "
                                             "AWS_MSK_IAM"),
        ({"commit_interval": "1h"}, '--commit-interval: found "1h", expected a duration from 1ms to 10s'),
        ({"timers_topic": "maybe"}, '--timers-topic: found "maybe", expected on or off'),
        ({"app_id": ""}, '--app-id: found "", expected 1 to 200 of the characters A-Z a-z 0-9 . _ -'),
    ],
)  # fmt: skip
def test_one_wrong_setting(flags: dict[str, str], message: str) -> None:
    assert problems(**flags) == [message]


def test_login_needs_name_and_password() -> None:
    assert problems(kafka_sasl_mechanism="scram-sha-512") == [
        "--kafka-sasl-mechanism: SCRAM-SHA-512 needs kafka_sasl_username too",
        "--kafka-sasl-mechanism: SCRAM-SHA-512 needs kafka_sasl_password too",
    ]


def test_password_from_a_file_and_never_in_sight(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("hush-hush\n")
    flags = {"kafka_sasl_mechanism": "plain", "kafka_sasl_username": "u", "kafka_tls": "on"}
    settings = load_settings(None, {}, flags | {"kafka_sasl_password_file": str(file)})
    assert settings.kafka_sasl_password is not None
    assert settings.kafka_sasl_password.reveal() == "hush-hush"
    assert settings.security_protocol == "SASL_SSL"
    shown = f"{settings!r} {settings} {settings.kafka_sasl_password} {settings.kafka_sasl_password!r}"
    assert "hush" not in shown
    with pytest.raises(TypeError):
        pickle.dumps(settings.kafka_sasl_password)


def test_password_given_twice_or_not_readable(tmp_path: Path) -> None:
    file = tmp_path / "password"
    both = problems(env={"SLA_STREAM_KAFKA_SASL_PASSWORD": "hush"}, kafka_sasl_password_file=str(file))
    assert both[0] == (
        "--kafka-sasl-password-file: kafka_sasl_password is set too (SLA_STREAM_KAFKA_SASL_PASSWORD); keep one of them"
    )
    assert "hush" not in "".join(both)
    missing = problems(kafka_sasl_password_file=str(file))
    assert missing[0] == f"--kafka-sasl-password-file: cannot read {file}: No such file or directory"
    file.write_text("\n")
    empty = problems(kafka_sasl_password_file=str(file))
    assert empty[0] == f"--kafka-sasl-password-file: {file} is empty, expected a password"


def test_the_prefix_comes_before_every_name_as_written() -> None:
    settings = load_settings(None, {}, {"topic_prefix": "eu-", "app_id": "desk"})
    assert settings.topic("ticket_events") == "eu-sla.ticket-events.v1"
    assert settings.topic("changelog") == "eu-desk-changelog"
    assert settings.group_id == "eu-desk"
    assert settings.transactional_id(7) == "eu-desk-7"
    assert Settings(topic_changelog="mine").topic("changelog") == "mine"


def test_guard_depends_on_replication_unless_set() -> None:
    assert [Settings().fire_guard_ms(copies) for copies in (1, 3)] == [0, 100]
    assert Settings(fire_guard=7).fire_guard_ms(3) == 7


def test_every_setting_has_its_flag_but_passwords() -> None:
    parser = argparse.ArgumentParser()
    add_settings_arguments(parser, SETTING_NAMES)
    shown = parser.format_help()
    missing = [name for name in SETTING_NAMES if f"--{name.replace('_', '-')} " not in shown]
    assert missing == ["kafka_tls_key_password", "kafka_sasl_password", "registry_password"]
    args = parser.parse_args(["--settle-for", "2s", "--listen", "127.0.0.1:1"])
    settings = settings_from_arguments(args, {"SLA_STREAM_SETTLE_FOR": "9s"})
    assert (settings.settle_for, settings.listen[1]) == (2_000, 1)


def test_sources_in_a_file_of_their_own_or_in_place(config: Path) -> None:
    config.write_text("sources: feeds.yaml\n")
    assert load_settings(str(config), {}, {}).sources == str(config.parent / "feeds.yaml")
    config.write_text("kafka: k:1\nsources:\n  - {topic: t, mapping: jira}\n")
    assert load_settings(str(config), {}, {}).sources == str(config)


def test_secrets_compare_by_their_text() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert len({Secret("a"), Secret("a")}) == 1
