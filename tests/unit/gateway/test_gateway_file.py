"""The gateway's file: what it gives, every mistake with its place, and no secret in any of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sla_stream.cli.main import main
from sla_stream.errors import ConfigError
from sla_stream.gateway.config import Gateway
from sla_stream.gateway.gateway_file import load_gateway
from sla_stream.gateway.vendors import VENDORS
from sla_stream.gateway.verify import Hmac, Nothing, Shown
from sla_stream.sources import mapping_names

SECRET = "v3ry-s3cret"


def load(folder: Path, text: str, **variables: str) -> Gateway:
    (folder / "s").write_text(f"{SECRET}\n")
    path = folder / "gateway.yaml"
    path.write_text(text)
    return load_gateway(str(path), variables)


def problems(folder: Path, text: str, **variables: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(folder, text, **variables)
    assert SECRET not in str(caught.value)
    return [line.removeprefix(f"{folder}/gateway.yaml:") for line in str(caught.value).splitlines()]


def test_short_file_gets_what_is_known_of_the_vendor(tmp_path: Path) -> None:
    gateway = load(tmp_path, "hooks: {zd: {vendor: zendesk, topic: zendesk.raw, secrets: {file: s}}}")
    (hook,) = gateway.hooks
    assert (hook.name, hook.topic, hook.mapping, hook.keys) == ("zd", "zendesk.raw", "zendesk", (SECRET.encode(),))
    assert hook.check == VENDORS["zendesk"].check and hook.delivery[0] == "id" and hook.ticket == ("detail.id",)
    assert (gateway.host, gateway.port, gateway.tls_cert_file) == ("127.0.0.1", 8080, None)
    assert SECRET not in repr(gateway)


def test_everything_can_be_said(tmp_path: Path) -> None:
    (tmp_path / "cert.pem").touch()
    gateway = load(
        tmp_path,
        """
kafka: localhost:9092
gateway: {host: 0.0.0.0, port: 8443, tls_cert_file: cert.pem, answer_within: 2s, buffer: 8MiB}
hooks:
  crm:
    vendor: other
    topic: crm.raw
    mapping: own-queue
    verify: {hmac: {header: X-Sig, algorithm: sha512, encoding: base64, prefix: "s=", separator: " ",
                    timestamp_header: X-Time, id_header: X-Id, signed: "v0:{id}:{timestamp}:{body}", tolerance: 1m}}
    secrets: [{file: s}, {env: OLD}]
    delivery_id: [header:X-Id, id]
    key: ticket.id
    keep_headers: [X-Tenant]
    max_body: 100kB
    rate: 2.5
    in_flight: 7
  own: {vendor: freshdesk, topic: fd.raw, verify: {secret_header: X-Key}, secrets: {env: OLD}}
  lab: {vendor: other, topic: lab.raw, verify: none}
  bare: {vendor: zammad, topic: z.raw, verify: basic, secrets: {env: PAIR}}
""",
        OLD="older",
        PAIR="user:pass",
    )
    crm, own, lab, bare = gateway.hooks
    assert crm.check == Hmac(
        "X-Sig", "sha512", "base64", "s=", " ", "X-Time", "X-Id",
        ("v0:", "{id}", ":", "{timestamp}", ":", "{body}"), 60_000,
    )  # fmt: skip
    assert (crm.keys, crm.delivery, crm.ticket) == ((SECRET.encode(), b"older"), ("header:X-Id", "id"), ("ticket.id",))
    assert (crm.keep, crm.max_body, crm.rate, crm.in_flight) == (("X-Tenant",), 100_000, 2.5, 7)
    assert own.check == Shown("X-Key", "") and isinstance(lab.check, Nothing) and bare.check == Shown(scheme="Basic")
    assert (gateway.port, gateway.answer_within_ms, gateway.buffer) == (8443, 2_000, 8 << 20)
    assert gateway.tls_cert_file == str(tmp_path / "cert.pem")


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        f"""
gateway: {{port: 99999, buffer: lots, answer_within: 4, tls_key_file: none.pem, hosts: x}}
hooks:
  "a b": {{}}
  zd: {{vendor: zendsk, topic: "a b", secrets: {SECRET}}}
  gh: {{vendor: github, topic: t, secret: {{file: s}}, tolerance: 5m, rate: 0}}
  ji: {{vendor: jira, topic: t, mapping: jria, secrets: [{{file: nowhere}}, {{env: NOBODY}}, {{path: s}}],
       in_flight: 0}}
  cr: {{vendor: other, topic: t, verify: hmac, secrets: {{file: s}}}}
  on: {{vendor: other, topic: t, verify: none, secrets: {{file: s}}}}
  ba: {{vendor: servicenow, topic: t, secrets: {{file: s}}}}
  hm: {{vendor: other, topic: t, secrets: {{file: s}},
       verify: {{hmac: {{algorithm: md5, timestamp_header: X-T, signed: "{{body}}"}}}}}}
""",
    )
    assert found == [
        "2:17: gateway.port: found the number 99999; expected a whole number from 0 to 65535",
        "2:32: gateway.buffer: found 'lots'; expected a size such as 900kB or 64MiB",
        "2:53: gateway.answer_within: '4' has no unit: expected a duration such as 50ms, 10s, 5m, 2h or 7d",
        "2:70: gateway.tls_key_file: a key needs its certificate; expected tls_cert_file, too",
        f"2:70: gateway.tls_key_file: there is no file {tmp_path}/none.pem; expected a file in PEM form",
        "2:80: gateway.hosts: unknown key 'hosts' (did you mean 'host'?); expected host, port, tls_cert_file, "
        "tls_key_file, answer_within or buffer",
        "4:3: hooks[\"a b\"]: found 'a b'; expected a name of letters, digits and - . _",
        "5:16: hooks.zd.vendor: found 'zendsk'; expected zendesk, jira, github, pagerduty, intercom, zammad, "
        "freshdesk, liveagent, servicenow, webim, cloudevents, standard-webhooks or other (did you mean 'zendesk'?)",
        "5:31: hooks.zd.topic: found 'a b'; expected the full name of a topic",
        "5:47: hooks.zd.secrets: a secret does not belong into this file; expected {file: PATH} or {env: VARIABLE}, "
        "or a list of them",
        "6:7: hooks.gh: no `secrets`; expected {file: PATH} or {env: VARIABLE}, or a list of them",
        "6:34: hooks.gh.secret: unknown key 'secret' (did you mean 'secrets'?); expected vendor, topic, mapping, "
        "verify, secrets, secret_form, tolerance, delivery_id, key, keep_headers, max_body, rate or in_flight",
        "6:64: hooks.gh.tolerance: this source signs no time; leave it out",
        "6:74: hooks.gh.rate: found the number 0; expected a number above 0, such as 100 (requests a second)",
        "7:41: hooks.ji.mapping: mapping 'jria': not known (did you mean 'jira'?); expected a file (.yaml, .yml, "
        ".json) or one of " + ", ".join(mapping_names()),
        f"7:64: hooks.ji.secrets[0].file: cannot read {tmp_path}/nowhere: No such file or directory; expected a file "
        "that holds the secret",
        "7:80: hooks.ji.secrets[1].env: variable NOBODY is not set; expected it to hold the secret",
        "7:89: hooks.ji.secrets[2]: unknown key 'path'; expected {file: PATH} or {env: VARIABLE}, or a list of them",
        "8:19: hooks.ji.in_flight: found the number 0; expected a whole number from 1 to 100000",
        "9:41: hooks.cr.verify: found 'hmac'; expected bearer, basic, standard-webhooks, zendesk, jira, github, "
        "pagerduty, intercom, zammad, none, {secret_header: NAME} or {hmac: {header: NAME, ...}}",
        "10:56: hooks.on.secrets: `verify: none` uses none; leave one of them out",
        "11:47: hooks.ba.secrets: `basic` needs USER:PASSWORD in each; expected a colon",
        "13:23: hooks.hm.verify.hmac: no `header`; expected the name of the header with the signature",
        "13:35: hooks.hm.verify.hmac.algorithm: found 'md5'; expected sha1, sha256, sha384 or sha512",
        "13:71: hooks.hm.verify.hmac.signed: found '{body}'; expected timestamp_header and {timestamp} in `signed` "
        "together",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "1:1: the file is empty; expected at least `hooks`"),
        ("kafka: x:1", "expected `hooks`, a mapping of names to what is received there"),
        ("hooks: []", "expected `hooks`, a mapping of names to what is received there"),
        ("hooks: {a: 3}", "found the number 3; expected a mapping with vendor, topic"),
        ("hooks: {a: {vendor: other, topic: t, secrets: {env: E}, verify: standard-webhooks, secret_form: base64}}",
         "hooks.a.secrets: the secret cannot be used: it is not base64"),
        ("hooks: {a: {vendor: other, topic: t, secrets: {env: E}, keep_headers: [X-A, authorization]}}",
         "hooks.a.keep_headers: 'authorization' is for us alone"),
        ("hooks: {a: {vendor: jira, topic: t, secrets: {env: E}, keep_headers: X-Hub-Signature}}", "is for us alone"),
        ("hooks: {a: {vendor: other, topic: t, secrets: {env: E}, max_body: 1GB}}", "more than `buffer` of `gateway`"),
    ],
)  # fmt: skip
def test_other_mistakes(tmp_path: Path, text: str, said: str) -> None:
    assert any(said in line for line in problems(tmp_path, text, E=f"{SECRET}!"))


def test_the_command_checks_a_file_and_says_no_secret(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    load(tmp_path, "log_level: debug\nhooks: {zd: {vendor: zendesk, topic: t, secrets: [{file: s}, {file: s}]}}")
    assert main(["gateway", "--check", f"--config={tmp_path}/gateway.yaml"]) == 0
    out = capsys.readouterr()
    assert out.out == "/hooks/zd: zendesk to topic t, secrets: 2\n" and SECRET not in out.err
    (tmp_path / "gateway.yaml").write_text("hook: {}\nhooks: {zd: {vendor: zendesk, topic: t, secrets: {file: s}}}")
    assert main(["gateway", "--check", f"--config={tmp_path}/gateway.yaml"]) == 2
    assert 'no such setting "hook"; did you mean "hooks"?' in capsys.readouterr().err
    assert main(["gateway"]) == 2
    assert "--config: missing" in capsys.readouterr().err
