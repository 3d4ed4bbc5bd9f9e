"""Attainment in figures: counts of cycles by group, with what is needed to get the same figures again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from sla_stream.formats.calendar_data import calendar_data
from sla_stream.formats.csv_rows import csv_row
from sla_stream.formats.instants import format_instant
from sla_stream.history.grouping import Dimensions
from sla_stream.history.results import COUNT_COLUMNS, Counts, Result, count


@dataclass(frozen=True, slots=True)
class Window:
    """Only cycles that ended, or were breached, in [since, until), ms; None: no bound. Open ones have no instant."""

    since: int | None = None
    until: int | None = None

    def __call__(self, result: Result) -> bool:
        """Whether the result lies in it."""
        if self.since is None and self.until is None:
            return True
        if result.at is None:
            return False
        return (self.since is None or result.at >= self.since) and (self.until is None or result.at < self.until)


@dataclass(slots=True)
class Report:
    """Rows of counts by group. `policies`: each policy with the versions that the cycles had."""

    dimensions: Dimensions
    as_of: int | None
    rows: dict[tuple[Any, ...], Counts]
    total: Counts
    policies: dict[str, list[str]]

    def as_json(self) -> bytes:
        """{"as_of", "by", "policies", "libraries", "rows": [{dimensions, counts}], "total": {counts}}, one line."""
        found = {
            "as_of": None if self.as_of is None else format_instant(self.as_of),
            "by": list(self.dimensions.names),
            "policies": self.policies,
            "libraries": calendar_data(),
            "rows": [
                dict(zip(self.dimensions.names, group, strict=True)) | counts.as_json()
                for group, counts in self.rows.items()
            ],
            "total": self.total.as_json(),
        }
        return orjson.dumps(found, option=orjson.OPT_APPEND_NEWLINE)

    def as_csv(self) -> Iterator[bytes]:
        """A head and a line for each group; shares are numbers from 0 to 1."""
        yield csv_row([*self.dimensions.names, *COUNT_COLUMNS])
        for group, counts in self.rows.items():
            yield csv_row([*group, *(counts.as_json()[name] for name in COUNT_COLUMNS)])

    def as_text(self) -> Iterator[str]:
        """Head lines, then a table with a total."""
        yield from head_lines(self.as_of, self.policies)
        cells = [_cells(group, counts) for group, counts in self.rows.items()]
        if self.dimensions.names:
            cells.append(_cells(("total", *[""] * (len(self.dimensions.names) - 1)), self.total))
        yield from text_table([*self.dimensions.names, *COUNT_COLUMNS], cells, len(self.dimensions.names))


def make_report(results: Iterable[Result], dimensions: Dimensions, window: Window, as_of: int | None) -> Report:
    """Count the results that lie in the window."""
    kept = [result for result in results if window(result)]
    total = Counts()
    for result in kept:
        total.add(result)
    return Report(dimensions, as_of, count(kept, dimensions.grouping()), total, versions_of(kept))


def versions_of(results: Iterable[Result]) -> dict[str, list[str]]:
    """Policy -> its versions, sorted."""
    found: dict[str, set[str]] = {}
    for result in results:
        found.setdefault(result.policy, set()).add(result.policy_version)
    return {policy: sorted(versions) for policy, versions in sorted(found.items())}


def head_lines(as_of: int | None, policies: dict[str, list[str]]) -> Iterator[str]:
    """What a reader needs to get the same figures again."""
    when = "nothing read" if as_of is None else f"as of {format_instant(as_of)}"
    libraries = ", ".join(f"{name} {number}" for name, number in calendar_data().items())
    yield f"# {when}; {libraries}"
    if policies:
        yield "# policies: " + ", ".join(f"{name} {'/'.join(versions)}" for name, versions in policies.items())
    yield ""


def text_table(head: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> Iterator[str]:
    """Aligned columns; the first `left` to the left, figures to the right."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    for row in [head, *rows]:
        cells = [
            cell.ljust(width) if i < left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def percent(share: float | None) -> str:
    """`97.50%`, `-` where there is nothing to share."""
    return "-" if share is None else f"{share:.2%}"


def shown(value: Any) -> str:
    """A value of a group in a table."""
    return "-" if value is None else str(value)


def _cells(group: tuple[Any, ...], counts: Counts) -> list[str]:
    numbers = counts.as_json()
    figures = [percent(numbers[name]) if name.endswith("attainment") else str(numbers[name]) for name in COUNT_COLUMNS]
    return [*map(shown, group), *figures]
