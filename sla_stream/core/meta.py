"""What a partition's engine stores beside its tickets."""

from __future__ import annotations

import msgspec


class Meta(msgspec.Struct, array_like=True):
    """What a partition's engine knows beside its tickets."""

    form: int
    log_time: int
    digest: str


def log_time_of(meta: bytes | None) -> int:
    """The log time (ms) that `Engine.meta` says; 0 without one."""
    return 0 if meta is None else msgspec.msgpack.decode(meta, type=Meta).log_time
