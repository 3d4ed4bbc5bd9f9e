"""What a replay writes: SLA events, states or a summary to standard output, bad lines and progress beside it."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable

import orjson

from sla_stream.cli.progress import progress
from sla_stream.core.sla_events import SlaEvent
from sla_stream.formats import sla_event, timer_state
from sla_stream.formats.csv_rows import csv_row
from sla_stream.history.explain import Stories
from sla_stream.history.log import BadRecord, Log, Record
from sla_stream.history.replay import Replay
from sla_stream.history.summary import Summary


class StopAtFirst(Exception):
    """A bad line was met, and the first is to be the last."""


def quiet_collector() -> None:
    """Replaying makes much that lives long and no cycles: let the garbage collector look seldom."""
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)


class Output:
    """Standard output gets `what` (`events`, `state`, `summary`) as `form` (`jsonl`, `csv`) and nothing else."""

    def __init__(
        self, what: str, form: str, log: Log, app_id: str, strict: bool, stories: Stories | None = None
    ) -> None:
        """`log` names its places in reports of bad records. `strict`: the first one ends it (`StopAtFirst`).

        `stories`: where states have their `history` from.
        """
        self._stories = stories
        self._what = what
        self._csv = form == "csv"
        self._log = log
        self._strict = strict
        self._out = sys.stdout.buffer
        self._summary = Summary()
        self._renderer = log.renderer(sla_event.source_of(app_id))
        self._progress = progress()
        if self._csv and what == "events":
            self._out.write(sla_event.render_csv_header())

    def watch(self, records: Iterable[Record | BadRecord]) -> Iterable[Record | BadRecord]:
        """The same records; on a terminal, their number is shown."""
        return self._progress.watch(records)

    def report(self, record: BadRecord) -> None:
        """One line on standard error: FILE:LINE: reason."""
        self._progress.clear()
        sys.stderr.write(f"{self._log.where(record.line)}: {record.reason}: {record.detail}\n")
        if self._strict:
            raise StopAtFirst

    def events(self, events: list[SlaEvent]) -> None:
        """Take what was said."""
        self._progress.say(len(events))
        if self._what == "summary":
            self._summary.add(events)
        elif self._what == "events":
            rendered = map(self._renderer.render, events)
            lines = map(sla_event.render_csv_row, rendered) if self._csv else (each + b"\n" for each in rendered)
            self._out.writelines(lines)

    def end(self, replay: Replay, unknown_fields: int) -> None:
        """The replay is over: write what depends on its end."""
        if self._what == "state":
            self._states(replay)
        elif self._what == "summary":
            self._write_summary(replay, unknown_fields)
        self._out.flush()

    def close(self) -> None:
        """Leave a clean line behind on the terminal."""
        self._progress.clear()

    def _states(self, replay: Replay) -> None:
        if self._stories is not None:
            return self._states_with_history(replay, self._stories)
        if self._csv:
            self._out.write(timer_state.render_csv_header())
        for view in replay.views():
            for state in view.cycles:
                if self._csv:
                    self._out.write(timer_state.render_csv_row(state))
                else:
                    self._out.write(timer_state.render_timer_state(state) + b"\n")
        return None

    def _states_with_history(self, replay: Replay, stories: Stories) -> None:
        columns = (*timer_state.FIELDS, "history")
        if self._csv:
            self._out.write(csv_row(columns))
        for view in replay.views():
            for state in stories.states(replay.engine.timeline, view):
                if self._csv:
                    self._out.write(csv_row(state[name] for name in columns))
                else:
                    self._out.write(orjson.dumps(state, option=orjson.OPT_APPEND_NEWLINE))

    def _write_summary(self, replay: Replay, unknown_fields: int) -> None:
        tickets = 0
        for view in replay.views(ended=False):
            tickets += 1
            self._summary.add_view(view)
        numbers = self._summary.numbers(replay.engine, replay.tally, replay.as_of, tickets, unknown_fields)
        self._out.write(self._summary.as_csv(numbers) if self._csv else self._summary.as_json(numbers))
