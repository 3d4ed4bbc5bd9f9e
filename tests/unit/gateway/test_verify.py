"""Signatures and shown secrets: what is believed, what is not, and that a secret can be changed without a gap."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

import pytest
from multidict import CIMultiDict

from sla_stream.gateway.vendors import VENDORS
from sla_stream.gateway.verify import Check, Hmac, Shown, key_of
from tests.gateway_support import signed

NOW = 1_772_442_000_000
BODY = '{"ticket": {"id": 1, "title": "Grüße"}}'.encode()
WHSEC = "whsec_" + base64.b64encode(b"a key of 24 bytes and so").decode()
SIGNED = [name for name, vendor in VENDORS.items() if isinstance(vendor.check, Hmac)]
SHOWN = [name for name, vendor in VENDORS.items() if isinstance(vendor.check, Shown)]


def secret_of(vendor: str) -> str:
    return {"standard-webhooks": WHSEC, "servicenow": "user:pass word"}.get(vendor, "s3cret")


def keys(vendor: str, *texts: str) -> list[bytes]:
    return [key_of(text, VENDORS[vendor].key_form) for text in texts or (secret_of(vendor),)]


def refusal(check: Check, headers: dict[str, str], body: bytes, keys: list[bytes], now: int = NOW) -> str | None:
    return check.refusal(CIMultiDict(headers), body, keys, now)


@pytest.mark.parametrize("vendor", VENDORS)
def test_what_the_vendor_sends_is_believed(vendor: str) -> None:
    headers = signed(vendor, secret_of(vendor), BODY, NOW)
    assert refusal(VENDORS[vendor].check, headers, BODY, keys(vendor)) is None
    small = {name.lower(): value for name, value in headers.items()}
    assert refusal(VENDORS[vendor].check, small, BODY, keys(vendor)) is None


@pytest.mark.parametrize("vendor", SIGNED)
def test_a_changed_body_is_not_believed(vendor: str) -> None:
    headers = signed(vendor, secret_of(vendor), BODY, NOW)
    for changed in (BODY + b" ", BODY[:-1], b"", BODY.replace(b"1", b"2")):
        assert "does not fit" in str(refusal(VENDORS[vendor].check, headers, changed, keys(vendor)))


@pytest.mark.parametrize("vendor", VENDORS)
def test_another_secret_or_none_is_not_believed(vendor: str) -> None:
    other = {"standard-webhooks": "whsec_" + base64.b64encode(b"another").decode()}.get(vendor, "another:one")
    headers = signed(vendor, other, BODY, NOW)
    assert refusal(VENDORS[vendor].check, headers, BODY, keys(vendor)) is not None
    assert str(refusal(VENDORS[vendor].check, {}, BODY, keys(vendor))).startswith("no header")


@pytest.mark.parametrize("vendor", VENDORS)
def test_while_a_secret_is_changed_both_are_good(vendor: str) -> None:
    new = {"standard-webhooks": "whsec_" + base64.b64encode(b"newer").decode()}.get(vendor, "newer:one")
    both = keys(vendor, secret_of(vendor), new)
    for text in (secret_of(vendor), new):
        assert refusal(VENDORS[vendor].check, signed(vendor, text, BODY, NOW), BODY, both) is None


@pytest.mark.parametrize("vendor", ["zendesk", "standard-webhooks"])
def test_an_old_request_shown_again_is_not_believed(vendor: str) -> None:
    check, key = VENDORS[vendor].check, keys(vendor)
    for apart, believed in ((-299, True), (299, True), (-302, False), (302, False), (-86_400, False)):
        headers = signed(vendor, secret_of(vendor), BODY, NOW + apart * 1000)
        assert (refusal(check, headers, BODY, key) is None) is believed, apart
    headers = signed(vendor, secret_of(vendor), BODY, NOW)
    stamp = next(name for name in headers if "imestamp" in name)
    assert "does not fit" in str(refusal(check, headers | {stamp: "2026-03-02T10:00:00Z"}, BODY, key))
    assert refusal(check, {name: headers[name] for name in headers if name != stamp}, BODY, key) == f"no header {stamp}"


def test_github_s_own_example() -> None:
    """The values of its page on validating deliveries."""
    headers = {"X-Hub-Signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}
    assert refusal(VENDORS["github"].check, headers, b"Hello, World!", [b"It's a Secret to Everybody"]) is None


@pytest.mark.parametrize(
    "value", ["", "sha256=", "sha256", "sha1=abc", "sha256=zz", "sha256=é", "\udcff", "sha256=" + "0" * 63, "=" * 9_000]
)
def test_odd_signatures_are_refused_and_nothing_breaks(value: str) -> None:
    assert refusal(VENDORS["jira"].check, {"X-Hub-Signature": value}, BODY, [b"k"]) is not None


@pytest.mark.parametrize(
    "value", ["", "Bearer", "Bearer ", "Basic czNjcmV0", "bearer\ts3cret", "s3cret", "Bearer s3cre"]
)
def test_odd_tokens_are_refused(value: str) -> None:
    assert refusal(VENDORS["freshdesk"].check, {"Authorization": value}, BODY, [b"s3cret"]) is not None


def test_a_scheme_s_case_does_not_matter_and_a_secret_s_does() -> None:
    assert refusal(Shown(), {"Authorization": "bearer s3cret"}, BODY, [b"s3cret"]) is None
    assert refusal(Shown(), {"Authorization": "Bearer S3cret"}, BODY, [b"s3cret"]) is not None
    assert refusal(Shown("X-Key", ""), {"x-key": "s3cret"}, BODY, [b"s3cret"]) is None
    assert refusal(Shown(scheme="Basic"), {"Authorization": "Basic !!"}, BODY, [b"u:p"]) is not None


def test_timestamps_in_seconds_milliseconds_and_words() -> None:
    check = Hmac("X-S", timestamp_header="X-T", signed=("{timestamp}", ".", "{body}"))
    for stamp, believed in (
        (str(NOW // 1000), True), (str(NOW), True), ("2026-03-02T09:00:00Z", True), ("2026-03-02T10:00:00+01:00", True),
        ("yesterday", False), ("", False), ("9" * 4_000, False), ("²", False),
    ):  # fmt: skip
        signature = hmac.new(b"k", stamp.encode() + b"." + BODY, hashlib.sha256).hexdigest()
        assert (refusal(check, {"X-S": signature, "X-T": stamp}, BODY, [b"k"]) is None) is believed, stamp


def test_keys_in_other_forms() -> None:
    raw = secrets.token_bytes(20)
    assert key_of(raw.hex(), "hex") == raw
    assert key_of(base64.b64encode(raw).decode(), "base64") == raw
    for form in ("hex", "base64"):
        with pytest.raises(ValueError) as caught:
            key_of("not of that form!", form)  # type: ignore[arg-type]
        assert "not of that form!" not in str(caught.value)
