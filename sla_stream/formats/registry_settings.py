"""The settings that lead to a schema registry: address, log-in, and whom to trust.

There is no setting that turns the check of its certificate off.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from sla_stream.formats import setting_values as values
from sla_stream.formats.security_checks import Problem
from sla_stream.formats.security_settings import SecuritySettings
from sla_stream.formats.setting_field import setting
from sla_stream.formats.setting_values import Secret


def registry_url(found: str) -> str:
    """An http or https address without a user name in it."""
    refusal = "expected an http:// or https:// address without a user name in it, such as https://registry:8081"
    try:
        parts = urlsplit(found.strip())
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError(refusal) from None
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError(refusal)  # without what was found: it may hold a password
    return found.strip().rstrip("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrySettings(SecuritySettings):
    """Where schemas of Avro and Protobuf values are found."""

    registry_url: str | None = setting(
        registry_url, None, "schema registry, for sources whose values are Avro or Protobuf"
    )
    registry_ca_file: str | None = setting(
        values.text, None, "PEM file of the authorities to trust for it (default: the system's)", path=True
    )
    registry_username: str | None = setting(values.text, None, "user name (API key) for the registry")
    registry_password: Secret | None = setting(  # noqa: RUF009 (it returns a field)
        values.secret, None, "password (API secret) for the registry", secret=True
    )
    registry_password_file: str | None = setting(values.text, None, "file that holds that password", path=True)


def registry_contradictions(settings: RegistrySettings) -> Iterator[Problem]:
    """Every contradiction, in the order of the settings' declaration."""
    given = {
        "registry_ca_file": settings.registry_ca_file,
        "registry_username": settings.registry_username,
        "registry_password": settings.registry_password,
    }
    for name, value in given.items():
        if value is not None and settings.registry_url is None:
            yield (name, f"{name}_file"), "has no effect without registry_url; set that too"
    if settings.registry_ca_file is not None and not Path(settings.registry_ca_file).is_file():
        yield ("registry_ca_file",), f"there is no file {settings.registry_ca_file}"
    if (settings.registry_username is None) != (settings.registry_password is None):
        missing = "registry_password" if settings.registry_password is None else "registry_username"
        yield (
            ("registry_username", "registry_password", "registry_password_file"),
            f"a log-in has a name and a password: set {missing} too",
        )
