"""Secrets of hooks: from files and variables, never from the text of the configuration, never into a message."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sla_stream.formats.policy_file.findings import Findings, did_you_mean, quote
from sla_stream.formats.policy_file.findings import Path as Place
from sla_stream.gateway.verify import KeyForm, key_of

_EXPECTED = "expected {file: PATH} or {env: VARIABLE}, or a list of them"


class SecretReader:
    """Reads what `secrets` refers to; what is wrong goes to the findings, without what was found."""

    def __init__(self, findings: Findings, folder: Path, environment: Mapping[str, str]) -> None:
        self._findings = findings
        self._folder = folder
        self._environment = environment

    def keys(self, node: Any, at: Place, form: KeyForm) -> tuple[bytes, ...]:
        """The keys, in the order of the file."""
        if node is None or node == []:
            self._findings.error(at, f"no `secrets`; {_EXPECTED}")
            return ()
        entries = list(enumerate(node)) if isinstance(node, list) else [(None, node)]
        keys: list[bytes] = []
        for index, entry in entries:
            place = at if index is None else (*at, index)
            text = self._text(entry, place)
            if text is None:
                continue
            try:
                keys.append(key_of(text, form))
            except ValueError as error:
                self._findings.error(place, f"the secret cannot be used: {error}")
        return tuple(keys)

    def _text(self, entry: Any, at: Place) -> str | None:
        if not isinstance(entry, dict):
            self._findings.error(at, f"a secret does not belong into this file; {_EXPECTED}")
            return None
        if len(entry) != 1 or next(iter(entry)) not in ("file", "env"):
            found = next((str(key) for key in entry if key not in ("file", "env")), "")
            hint = f"unknown key {quote(found)}{did_you_mean(found, ('file', 'env'))}; " if found else ""
            self._findings.error(at, f"{hint}{_EXPECTED}")
            return None
        kind, name = next(iter(entry.items()))
        if not isinstance(name, str) or not name:
            self._findings.error((*at, kind), f"no name; {_EXPECTED}")
            return None
        return self._of_file(name, (*at, kind)) if kind == "file" else self._of_variable(name, (*at, kind))

    def _of_file(self, name: str, at: Place) -> str | None:
        path = self._folder / Path(name).expanduser()
        try:
            text = path.read_text(encoding="utf-8").rstrip("\r\n")
        except OSError as error:
            self._findings.error(at, f"cannot read {path}: {error.strerror}; expected a file that holds the secret")
            return None
        except UnicodeDecodeError:
            self._findings.error(at, f"{path} is not UTF-8 text; expected a file that holds the secret")
            return None
        if not text:
            self._findings.error(at, f"{path} is empty; expected a file that holds the secret")
        return text or None

    def _of_variable(self, name: str, at: Place) -> str | None:
        text = self._environment.get(name)
        if not text:
            self._findings.error(at, f"variable {name} is not set; expected it to hold the secret")
        return text or None
