"""Mappings by name (those that are part of the project) or by path (your own)."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

from sla_stream.errors import ConfigError
from sla_stream.formats.policy_file.findings import did_you_mean
from sla_stream.sources.compiler import compile_mapping
from sla_stream.sources.mapping import Mapping

_ENDINGS = (".yaml", ".yml", ".json")


@cache
def mapping_names() -> tuple[str, ...]:
    """The mappings that are part of the project, in alphabetical order."""
    folder = files(__package__).joinpath("mappings")
    return tuple(sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml")))


def load_mapping(name_or_path: str | Path) -> Mapping:
    """A mapping by its name (`jira`) or by the path of its file (`./mine.yaml`).

    ConfigError if there is none, it cannot be read, or it holds errors: then all of them, one a line, with their
    places.
    """
    text = str(name_or_path)
    if text in mapping_names():
        return compile_mapping(shipped_text(text), f"{text}.yaml")
    path = Path(text)
    if not text.endswith(_ENDINGS) and not path.is_file():
        hint = did_you_mean(text, mapping_names())
        raise ConfigError(
            f"mapping {text!r}: not known{hint}; expected a file ({', '.join(_ENDINGS)}) or one of "
            + ", ".join(mapping_names())
        )
    return compile_mapping(_read(path), text)


def shipped_text(name: str) -> str:
    """The text of a mapping that is part of the project."""
    return files(__package__).joinpath("mappings", f"{name}.yaml").read_text(encoding="utf-8")


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}; expected a mapping file") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: byte {error.start} is not UTF-8; expected a mapping file in UTF-8") from None
