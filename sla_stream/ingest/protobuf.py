"""Protobuf values as JSON by Protobuf's own JSON form, with the names of fields as the schema writes them.

So enums are their names, 64-bit integers are text, timestamps RFC 3339, bytes Base64, and a field of proto3 that holds
its zero value is not there. The registry gives a schema as text; protoc, in a process of its own, makes descriptors.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path, PurePosixPath
from typing import Any, Final

import orjson
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError

from sla_stream.errors import InvalidRecord
from sla_stream.ingest.registry import Registered

_MAIN: Final = "registered_value_schema.proto"
_PATIENCE_S: Final = 30.0


class ProtobufDecoder:
    """Decodes values of one schema file; `make` makes one."""

    def __init__(self, files: Any) -> None:
        self._pool = descriptor_pool.DescriptorPool()
        for file in files.file:
            self._pool.AddSerializedFile(file.SerializeToString())
        self._main = next(file for file in files.file if file.name == _MAIN)
        self._classes: dict[tuple[int, ...], Any] = {}

    @classmethod
    async def make(cls, schema: Registered) -> ProtobufDecoder:
        """Raises InvalidRecord (`schema`) with protoc's words when the schema makes no sense."""
        return cls(await _descriptors(schema))

    def decode(self, payload: bytes, indexes: tuple[int, ...]) -> bytes:
        """JSON. Raises InvalidRecord (`schema`) for bytes that are no such message."""
        kind = self._classes.get(indexes)
        if kind is None:
            kind = self._classes[indexes] = self._class(indexes)
        message = kind()
        try:
            message.ParseFromString(payload)
            found = MessageToDict(message, preserving_proto_field_name=True, descriptor_pool=self._pool)
            return orjson.dumps(found)
        except (DecodeError, TypeError, ValueError, RecursionError) as error:
            raise InvalidRecord("schema", f"not a {kind.DESCRIPTOR.full_name} of it: {error}") from None

    def _class(self, indexes: tuple[int, ...]) -> Any:
        names, messages = [], self._main.message_type
        for index in indexes:
            if not 0 <= index < len(messages):
                raise InvalidRecord("schema", f"it has no message at {list(indexes)}")
            names.append(messages[index].name)
            messages = messages[index].nested_type
        full = ".".join([*([self._main.package] if self._main.package else []), *names])
        return message_factory.GetMessageClass(self._pool.FindMessageTypeByName(full))


async def _descriptors(schema: Registered) -> Any:
    with tempfile.TemporaryDirectory(prefix="sla-stream-proto-") as folder:
        for name, text in {**schema.references, _MAIN: schema.text}.items():
            _write(Path(folder), name, text)
        out = Path(folder) / "descriptors"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "grpc_tools.protoc", f"-I{folder}", f"--descriptor_set_out={out}",
            "--include_imports", _MAIN,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            async with asyncio.timeout(_PATIENCE_S):
                _, said = await process.communicate()
        except BaseException:
            process.kill()
            await process.wait()
            raise
        if process.returncode != 0:
            raise InvalidRecord("schema", f"it is no Protobuf schema: {said.decode(errors='replace').strip()}")
        return descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())


def _write(folder: Path, name: str, text: str) -> None:
    """A file that protoc finds by the name it is imported under; Google's own types it has itself."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name:
        raise InvalidRecord("schema", f"it imports {name!r}; expected a relative name")
    if name.startswith("google/protobuf/"):
        return
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
