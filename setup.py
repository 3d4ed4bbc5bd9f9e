"""Builds the compiled form of the engine, if asked to: `SLA_STREAM_COMPILE=1 pip install .` (wants a C compiler).

Without that variable the package is pure Python, and that is the form which every test runs. Everything else about the
package is in pyproject.toml.
"""

from __future__ import annotations

import os

from setuptools import Extension, setup

WANTED = os.environ.get("SLA_STREAM_COMPILE", "") not in ("", "0")
LEVEL = os.environ.get("SLA_STREAM_COMPILE_LEVEL", "3")
"""Optimisation of the C compiler, 0 to 3."""

COMPILED = (
    "agenda", "conditions", "cycle", "engine", "engine_state", "facts", "fold", "folders", "ids", "metrics", "moves",
    "past", "periods", "planner", "rows", "schedule", "store", "ticket", "timeline", "timers", "voice",
)  # fmt: skip
"""Modules of sla_stream.core. The others hold msgspec Structs and dataclasses, which stay as they are."""
NEEDED = ("mypy[mypyc]>=1.13", "msgspec>=0.19")
"""What compiling needs: mypy reads the types of what is imported, too."""


def extensions() -> list[Extension]:
    """The engine's modules as one extension; none while the build's own requirements are being asked for."""
    try:
        from mypyc.build import mypycify
    except ImportError:
        return []
    paths = [f"sla_stream/core/{name}.py" for name in COMPILED]
    built: list[Extension] = mypycify(
        ["--config-file=", "--strict", *paths], opt_level=LEVEL, group_name="sla_stream_core"
    )
    for each in built:
        # A new compiler's new warnings are no reason not to install.
        each.extra_compile_args = [flag for flag in each.extra_compile_args if flag != "-Werror"]
    return built


if __name__ == "__main__":
    setup(ext_modules=extensions() if WANTED else [], setup_requires=list(NEEDED) if WANTED else [])
