"""Records as CSV: numbers, `true` and `false` as JSON spells them; null empty; nested values as JSON text."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any

import orjson


def csv_row(values: Iterable[Any]) -> bytes:
    """One line, `\\n` at its end, from JSON values."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow([_cell(value) for value in values])
    return line.getvalue().encode()


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value).decode()
