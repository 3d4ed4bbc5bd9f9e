"""The page says what the code does: its files load, its tables are whole."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from sla_stream.gateway.config import Gateway
from sla_stream.gateway.gateway_file import GATEWAY_KEYS, HMAC_KEYS, HOOK_KEYS, load_gateway
from sla_stream.gateway.vendors import CHECKS, VENDORS

TEXT = (Path(__file__).parents[3] / "docs" / "gateway.md").read_text(encoding="utf-8")
BLOCKS = [block for block in re.findall(r"^```yaml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL) if "hooks:" in block]


@pytest.mark.parametrize("block", BLOCKS)
def test_its_files_load(tmp_path: Path, block: str) -> None:
    for name in ("zendesk", "crm.secret", "crm.secret.old"):
        (tmp_path / name).write_text("s3cret")
    path = tmp_path / "gateway.yaml"
    path.write_text(block.replace("/run/secrets/", ""))
    gateway = load_gateway(str(path), {"JIRA_WEBHOOK_SECRET": "s3cret"})
    assert all(hook.keys for hook in gateway.hooks)


def test_its_tables_are_whole() -> None:
    assert len(BLOCKS) == 2
    for name in (*VENDORS, *CHECKS, *GATEWAY_KEYS, *HOOK_KEYS, *HMAC_KEYS):
        assert re.search(rf"`{name}\b|\b{name}:", TEXT), f"{name} is not explained"
    plain = Gateway(())
    assert f"{plain.host} and {plain.port}" in TEXT and len(fields(plain)) == len(GATEWAY_KEYS) + 1
