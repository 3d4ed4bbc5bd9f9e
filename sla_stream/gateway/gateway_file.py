"""The parts `gateway` and `hooks` of the gateway's file; the rest of it are settings.

kafka: localhost:9092
hooks:
  zendesk: {vendor: zendesk, topic: zendesk.webhooks, secrets: {file: zendesk.secret}}
  crm:
    vendor: other
    topic: crm.webhooks
    verify: {hmac: {header: X-Crm-Signature, prefix: "sha256="}}
    secrets: [{env: CRM_SECRET}, {env: CRM_SECRET_OLD}]
    delivery_id: header:X-Crm-Delivery
    key: ticket.id
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from sla_stream.errors import ConfigError
from sla_stream.formats.policy_file.findings import Findings, one_of, quote, show
from sla_stream.formats.policy_file.findings import Path as Place
from sla_stream.formats.policy_file.located import read
from sla_stream.gateway.config import IN_FLIGHT, MAX_BODY, Gateway, Hook
from sla_stream.gateway.fields import Fields
from sla_stream.gateway.secrets import SecretReader
from sla_stream.gateway.vendors import CHECKS, VENDORS, Vendor
from sla_stream.gateway.verify import ALGORITHMS, Check, Hmac, KeyForm, Nothing, Shown
from sla_stream.sources import load_mapping

PARTS: Final = ("gateway", "hooks")
"""Keys of the file that are no settings."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", re.ASCII)
_TOPIC: Final = re.compile(r"[A-Za-z0-9._-]{1,249}", re.ASCII)
_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}", re.ASCII)
_PLACE: Final = re.compile(r"header:[A-Za-z0-9!#$%&'*+.^_`|~-]+|[^.\s:]+(\.[^.\s:]+)*", re.ASCII)
_PARTS: Final = re.compile(r"(\{(?:id|timestamp|body)\})")
GATEWAY_KEYS: Final = ("host", "port", "tls_cert_file", "tls_key_file", "answer_within", "buffer")
HOOK_KEYS: Final = (
    "vendor", "topic", "mapping", "verify", "secrets", "secret_form", "tolerance", "delivery_id", "key",
    "keep_headers", "max_body", "rate", "in_flight",
)  # fmt: skip
HMAC_KEYS: Final = (
    "header", "algorithm", "encoding", "prefix", "separator", "timestamp_header", "id_header", "signed", "tolerance",
)  # fmt: skip
_FORMS: Final[tuple[KeyForm, ...]] = ("text", "base64", "hex")


def load_gateway(path: str, environment: Mapping[str, str]) -> Gateway:
    """What the file says. ConfigError with every error, one a line."""
    findings = Findings()
    try:
        text = Path(path).read_bytes().decode()
    except OSError as error:
        raise ConfigError(f"--config: cannot read {path}: {error.strerror}; expected the gateway's file") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text (byte {error.start})") from None
    if not text.strip():
        findings.error((), "the file is empty; expected at least `hooks`")
        findings.raise_errors(path)
    root = read(text, path, findings)
    findings.raise_errors(path)
    loaded = _Reader(findings, Path(path).resolve().parent, environment).gateway(root)
    findings.raise_errors(path)
    return loaded


class _Reader:
    def __init__(self, findings: Findings, folder: Path, environment: Mapping[str, str]) -> None:
        self._findings = findings
        self._folder = folder
        self._fields = Fields(findings)
        self._secrets = SecretReader(findings, folder, environment)

    def gateway(self, root: Any) -> Gateway:
        hooks = root.get("hooks") if isinstance(root, dict) else None
        if not isinstance(hooks, dict) or not hooks:
            self._findings.error(("hooks",), "expected `hooks`, a mapping of names to what is received there")
            return Gateway(())
        node = self._fields.mapping(root.get("gateway", {}), ("gateway",), GATEWAY_KEYS)
        at: Place = ("gateway",)
        fields, plain = self._fields, Gateway(())
        made = Gateway(
            tuple(hook for name, entry in hooks.items() if (hook := self._hook(name, entry)) is not None),
            fields.text(node, at, "host", plain.host) or plain.host,
            fields.whole(node, at, "port", plain.port, 0, 65_535),
            self._path(node, at, "tls_cert_file"),
            self._path(node, at, "tls_key_file"),
            fields.duration(node, at, "answer_within", plain.answer_within_ms, 100, 60_000),
            fields.size(node, at, "buffer", plain.buffer),
        )
        if made.tls_key_file and not made.tls_cert_file:
            self._findings.error((*at, "tls_key_file"), "a key needs its certificate; expected tls_cert_file, too")
        for hook in made.hooks:
            if hook.max_body > made.buffer:
                self._findings.error(("hooks", hook.name, "max_body"), "more than `buffer` of `gateway`; expected less")
        return made

    def _path(self, node: dict[str, Any], at: Place, key: str) -> str | None:
        found = self._fields.text(node, at, key, None)
        if found is None:
            return None
        path = self._folder / Path(found).expanduser()
        if not path.is_file():
            self._findings.error((*at, key), f"there is no file {path}; expected a file in PEM form")
        return str(path)

    def _hook(self, name: str, entry: Any) -> Hook | None:
        at: Place = ("hooks", name)
        if not _NAME.fullmatch(name):
            self._findings.error(at, f"found {quote(name)}; expected a name of letters, digits and - . _", key=True)
            return None
        node = self._fields.mapping(entry, at, HOOK_KEYS)
        known = tuple(VENDORS)
        vendor = VENDORS[self._fields.word(node, at, "vendor", known, "other", required=True)]
        check = self._check(node, at, vendor)
        form = self._fields.word(node, at, "secret_form", _FORMS, vendor.key_form)
        keys: tuple[bytes, ...] = ()
        if not isinstance(check, Nothing):
            keys = self._secrets.keys(node.get("secrets"), (*at, "secrets"), form)
            if isinstance(check, Shown) and check.scheme == "Basic" and not all(b":" in key for key in keys):
                self._findings.error((*at, "secrets"), "`basic` needs USER:PASSWORD in each; expected a colon")
        elif "secrets" in node:
            self._findings.error((*at, "secrets"), "`verify: none` uses none; leave one of them out")
        fields = self._fields
        return Hook(
            name,
            fields.matching(node, at, "topic", _TOPIC, "the full name of a topic"),
            str(node.get("vendor")),
            self._mapping(node, at, vendor),
            check,
            keys,
            self._places(node, at, "delivery_id", vendor.delivery),
            self._places(node, at, "key", vendor.ticket),
            (*vendor.keep, *self._kept(node, at, check)),
            vendor.ping,
            vendor.cloudevents,
            fields.size(node, at, "max_body", MAX_BODY),
            fields.number(node, at, "rate"),
            fields.whole(node, at, "in_flight", IN_FLIGHT, 1, 100_000),
        )

    def _mapping(self, node: dict[str, Any], at: Place, vendor: Vendor) -> str | None:
        found = self._fields.text(node, at, "mapping", None)
        if found is None:
            return vendor.mapping
        own = found.endswith((".yaml", ".yml", ".json"))
        try:
            return load_mapping(self._folder / Path(found).expanduser() if own else found).name
        except ConfigError as error:
            self._findings.error((*at, "mapping"), str(error))
            return None

    def _kept(self, node: dict[str, Any], at: Place, check: Check) -> tuple[str, ...]:
        names = self._fields.list_of(node, at, "keep_headers", _HEADER, "names of headers")
        secret = {"authorization", "cookie", "proxy-authorization", getattr(check, "header", "").lower()}
        for name in names:
            if name.lower() in secret:
                self._findings.error((*at, "keep_headers"), f"{quote(name)} is for us alone; expected it left out")
        return names

    def _places(self, node: dict[str, Any], at: Place, key: str, usual: tuple[str, ...]) -> tuple[str, ...]:
        return self._fields.list_of(node, at, key, _PLACE, "header:NAME, or a path such as ticket.id", usual)

    def _check(self, node: dict[str, Any], at: Place, vendor: Vendor) -> Check:
        found = node.get("verify")
        where = (*at, "verify")
        check: Check = vendor.check
        if found == "none":
            check = Nothing()
        elif isinstance(found, str) and found in CHECKS:
            check = CHECKS[found]
        elif isinstance(found, dict) and list(found) == ["hmac"]:
            check = self._hmac(found["hmac"], (*where, "hmac"))
        elif isinstance(found, dict) and list(found) == ["secret_header"]:
            name = self._fields.matching(found, where, "secret_header", _HEADER, "the name of a header")
            check = Shown(name, scheme="")
        elif found is not None:
            words = one_of([*CHECKS, "none", "{secret_header: NAME}", "{hmac: {header: NAME, ...}}"])
            self._findings.error(where, f"found {show(found)}; expected {words}")
        if "tolerance" in node and not (isinstance(check, Hmac) and check.timestamp_header):
            self._findings.error((*at, "tolerance"), "this source signs no time; leave it out")
        elif isinstance(check, Hmac):
            return replace(check, tolerance_ms=self._tolerance(node, at, check.tolerance_ms))
        return check

    def _tolerance(self, node: dict[str, Any], at: Place, usual: int) -> int:
        return self._fields.duration(node, at, "tolerance", usual, 1_000, 7 * 86_400_000)

    def _hmac(self, entry: Any, at: Place) -> Hmac:
        node, fields = self._fields.mapping(entry, at, HMAC_KEYS), self._fields
        stamped, named = node.get("timestamp_header"), node.get("id_header")
        signed = fields.text(node, at, "signed", "{timestamp}.{body}" if stamped else "{body}") or "{body}"
        for part, given in (("{body}", True), ("{timestamp}", stamped), ("{id}", named)):
            if (part in signed) != bool(given):
                needed = f"{part[1:-1]}_header and {part} in `signed` together" if part != "{body}" else "{body} in it"
                self._findings.error((*at, "signed"), f"found {quote(signed)}; expected {needed}")
        return Hmac(
            fields.matching(node, at, "header", _HEADER, "the name of the header with the signature"),
            fields.word(node, at, "algorithm", ALGORITHMS, "sha256"),
            fields.word(node, at, "encoding", ("hex", "base64"), "hex"),
            fields.text(node, at, "prefix", "") or "",
            fields.text(node, at, "separator", "") or "",
            fields.matching(node, at, "timestamp_header", _HEADER, "the name of a header") if stamped else None,
            fields.matching(node, at, "id_header", _HEADER, "the name of a header") if named else None,
            tuple(part for part in _PARTS.split(signed) if part),
            self._tolerance(node, at, Hmac("").tolerance_ms),
        )
