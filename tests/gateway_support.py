"""Gateways as processes, and requests signed as each vendor signs them, for tests."""

from __future__ import annotations

import base64
import hashlib
import hmac
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import yaml

from sla_stream.formats.instants import format_instant
from tests.worker_support import ROOT, WorkerProcess, _environment, free_port, now_ms


def signed(vendor: str, secret: str, body: bytes, at: int | None = None) -> dict[str, str]:
    """The headers that prove a request to be the vendor's, written anew from the vendors' documentation."""
    at = now_ms() if at is None else at
    key = secret.encode()
    match vendor:
        case "zendesk":
            stamp = format_instant(at)[:19] + "Z"
            digest = hmac.new(key, stamp.encode() + body, hashlib.sha256).digest()
            return {
                "X-Zendesk-Webhook-Signature": base64.b64encode(digest).decode(),
                "X-Zendesk-Webhook-Signature-Timestamp": stamp,
            }
        case "jira":
            return {"X-Hub-Signature": "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest()}
        case "github":
            return {"X-Hub-Signature-256": "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest()}
        case "pagerduty":
            other = hmac.new(b"the one before", body, hashlib.sha256).hexdigest()
            return {"X-PagerDuty-Signature": f"v1={other},v1={hmac.new(key, body, hashlib.sha256).hexdigest()}"}
        case "intercom" | "zammad":
            return {"X-Hub-Signature": "sha1=" + hmac.new(key, body, hashlib.sha1).hexdigest()}
        case "standard-webhooks":
            raw = base64.b64decode(secret.removeprefix("whsec_"))
            digest = hmac.new(raw, f"msg_1.{at // 1000}.".encode() + body, hashlib.sha256).digest()
            return {
                "webhook-id": "msg_1",
                "webhook-timestamp": str(at // 1000),
                "webhook-signature": f"v1,{base64.b64encode(b'other').decode()} v1,{base64.b64encode(digest).decode()}",
            }
        case "servicenow":
            return {"Authorization": "Basic " + base64.b64encode(key).decode()}
        case _:
            return {"Authorization": f"Bearer {secret}"}


class GatewayProcess(WorkerProcess):
    """A gateway in a process of its own. `address` is where its hooks are."""

    def __init__(self, config: Path, *flags: str, host: str = "127.0.0.1") -> None:
        self.port, self.hooks_port = free_port(), free_port()
        self.lines: list[dict[str, Any]] = []
        self._process = subprocess.Popen(
            [
                sys.executable, "-m", "sla_stream", "gateway", f"--config={config}", f"--port={self.hooks_port}",
                f"--listen=127.0.0.1:{self.port}", "--log-format=json", *flags,
            ],
            stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, cwd=ROOT, env=_environment(),
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.hooks_port}"

    async def ready(self, timeout: float = 30.0) -> GatewayProcess:
        await self.until(lambda: bool(self.said("gateway.ready")), "gateway.ready", timeout)
        return self


def write_config(folder: Path, kafka: str, hooks: dict[str, Any], **gateway: Any) -> Path:
    """gateway.yaml; a hook's `secret` (text) becomes a file beside it."""
    written = {}
    for name, hook in hooks.items():
        hook = dict(hook)
        if (secret := hook.pop("secret", None)) is not None:
            (folder / f"{name}.secret").write_text(f"{secret}\n")
            hook["secrets"] = {"file": f"{name}.secret"}
        written[name] = hook
    path = folder / "gateway.yaml"
    path.write_text(yaml.safe_dump({"kafka": kafka, "gateway": gateway, "hooks": written}))
    return path
