"""Many questions to the calendar at once: JSON Lines in, the same lines with their answers out.

A line asks for a deadline (`schedule`, `start`, `duration_s`) or for elapsed time (`schedule`, `from`, `to`).
The answer is appended to the line's own text, so every other field comes back exactly as it was written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType

from sla_stream.core.schedule import HorizonError, Schedule, check_horizon
from sla_stream.errors import ConfigError
from sla_stream.formats.instants import format_instant, parse_instant

Verb = Literal["due", "elapsed"]
_BLOCK: Final = 1_000
"""Lines written at once."""
_FOREVER_S: Final = 1e15
"""Far beyond any horizon, and still finite when turned into ms."""


class Question(msgspec.Struct, gc=False):
    """What is read of a line. `due_at` and `elapsed_s` tell whether an older answer has to be replaced."""

    schedule: str
    start: str | UnsetType = UNSET
    duration_s: float | UnsetType = UNSET
    since: str | UnsetType = msgspec.field(default=UNSET, name="from")
    to: str | UnsetType = UNSET
    due_at: Raw | UnsetType = UNSET
    elapsed_s: Raw | UnsetType = UNSET


class BadQuestion(ValueError):
    """The line cannot be answered; the text says why."""


def answer_lines(
    lines: Iterable[bytes],
    place: str,
    schedules: Mapping[str, Schedule],
    verb: Verb,
    write: Callable[[bytes], object],
) -> None:
    """Answer each line, in order; blank lines are passed over.

    ConfigError with `place:LINE` at the first bad one; the answers before it have been written by then. A
    line that asks for both things gets the answer that `verb` names.
    """
    answer = _Answerer(schedules, verb).answer
    answers: list[bytes] = []
    number = 0
    try:
        for number, line in enumerate(lines, 1):  # noqa: B007 - the error names it
            if line.isspace():
                continue
            answers.append(answer(line))
            if len(answers) == _BLOCK:
                write(b"".join(answers))
                answers.clear()
    except (BadQuestion, HorizonError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{place}:{number}: {error}") from None
    finally:
        write(b"".join(answers))


def seconds_text(ms: int) -> str:
    """Seconds as JSON writes them: `28800`, `0.25`."""
    return str(ms // 1000) if ms % 1000 == 0 else repr(ms / 1000)


def read_instant(name: str, text: str) -> int:
    """Ms of an instant within the horizon. BadQuestion, with the name of the field or flag, otherwise."""
    try:
        at = parse_instant(text)
        check_horizon(at)
    except (ValueError, HorizonError) as error:
        raise BadQuestion(f"{name}: {error}") from None
    return at


def elapsed(schedule: Schedule, since: str, to: str, names: tuple[str, str]) -> int:
    """Open ms between two written instants. BadQuestion if the second comes first."""
    start, end = read_instant(names[0], since), read_instant(names[1], to)
    if end < start:
        raise BadQuestion(f"{names[1]}: {to} is before {names[0]}, {since}")
    return schedule.elapsed(start, end)


class _Answerer:
    def __init__(self, schedules: Mapping[str, Schedule], verb: Verb) -> None:
        self._schedules = schedules
        self._due_first = verb == "due"
        self._decode = msgspec.json.Decoder(Question).decode

    def answer(self, line: bytes) -> bytes:
        question = self._decode(line)
        schedule = self._schedules.get(question.schedule)
        if schedule is None:
            raise BadQuestion(unknown_schedule(question.schedule, self._schedules))
        if self._asks_due(question):
            text = b'"%b"' % _due(schedule, question).encode()
            return _with(line, b"due_at", text, question.due_at)
        assert question.since is not UNSET and question.to is not UNSET, "a question is one or the other"
        passed = elapsed(schedule, question.since, question.to, ("from", "to"))
        return _with(line, b"elapsed_s", seconds_text(passed).encode(), question.elapsed_s)

    def _asks_due(self, question: Question) -> bool:
        due = question.start is not UNSET and question.duration_s is not UNSET
        between = question.since is not UNSET and question.to is not UNSET
        if due and between:
            return self._due_first
        if due or between:
            return due
        raise BadQuestion(
            "expected the fields 'schedule', 'start', 'duration_s' (for a deadline) "
            "or 'schedule', 'from', 'to' (for elapsed time)"
        )


def _due(schedule: Schedule, question: Question) -> str:
    assert question.start is not UNSET and question.duration_s is not UNSET, "asked before"
    if question.duration_s < 0:
        raise BadQuestion(f"duration_s: {question.duration_s:.15g} is negative")
    start = read_instant("start", question.start)
    return format_instant(schedule.due(start, round(min(question.duration_s, _FOREVER_S) * 1000)))


def _with(line: bytes, name: bytes, value: bytes, earlier: Raw | UnsetType) -> bytes:
    """The line with one more field at its end, or with that field's value replaced."""
    if earlier is UNSET:
        return b'%b,"%b":%b}\n' % (line.rstrip()[:-1], name, value)
    fields = msgspec.json.decode(line, type=dict[str, Raw])
    fields[name.decode()] = Raw(value)
    return msgspec.json.encode(fields) + b"\n"


def unknown_schedule(name: str, schedules: Mapping[str, Schedule]) -> str:
    """The sentence for a schedule that the policy file does not have."""
    import difflib

    near = difflib.get_close_matches(name, schedules, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"there is no schedule {name!r}; {hint}known: {', '.join(sorted(schedules))}"
