"""Further breaks: the corners of the rules, which a change elsewhere may well leave behind."""

from __future__ import annotations

from tests.mutation.breaks import Break

CORNER_BREAKS: tuple[Break, ...] = (
    Break(
        "2 overrun counts from the deadline",
        "core/facts.py",
        "elapsed - cycle.at_due if cycle.breached else 0",
        "elapsed - cycle.target if cycle.breached else 0",
    ),
    Break(
        "5 with continue, solved time counts",
        "core/moves.py",
        'return target.reopen == "continue"',
        "return False",
    ),
    Break(
        "5 within the grace a cycle that ended paused stays uncounted",
        "core/moves.py",
        "return cycle.ended_from == RUNNING",
        "return True",
    ),
    Break(
        "5 a cancelled cycle is not reopened",
        "core/moves.py",
        "if cycle.stage == CANCELLED:\n            return",
        "if cycle.stage == RUNNING:\n            return",
    ),
    Break(
        "6 a breached cycle is not reset",
        "core/moves.py",
        "if bits & RESET and not cycle.breached:\n            self._tell_again(",
        "if bits & RESET:\n            self._tell_again(",
    ),
    Break(
        "8 old events of a ticket first seen now are not late",
        "core/engine.py",
        "            self._count_first(event)\n",
        "            self._count_first(event)\n            if now - event.at > self._settings.allowed_lateness:\n"
        "                return Applied.TOO_LATE\n",
    ),
    Break(
        "8 the same id with other content is a conflict",
        "core/past.py",
        "return stored.canonical(known) == stored.canonical(event)",
        "return True",
    ),
    Break(
        "8 a folded id with other content is a conflict, too",
        "core/past.py",
        "return found == wanted",
        "return True",
    ),
    Break(
        "12 a merged ticket is forgotten whatever its status was",
        "core/past.py",
        'if fold.void is None and fold.attributes.get("status") not in ENDED:',
        'if fold.attributes.get("status") not in ENDED:',
    ),
    Break(
        "13 created_at after the event counts as the event",
        "core/fold.py",
        "at=min(event.created_at, event.at),",
        "at=event.created_at,",
    ),
    Break(
        "14 from application, the time before does not count",
        "core/moves.py",
        'if target.starts_from == "application":',
        'if target.starts_from == "never":',
    ),
    Break(
        "14 what a later version adds attaches only under migrate",
        "core/timeline.py",
        "return current is None and all(earlier.name != policy.name for earlier in before.policies)",
        "return current is None",
    ),
    Break(
        "14 retarget restart starts from zero",
        "core/cycle.py",
        'if new.retarget == "restart":',
        'if new.retarget == "never":',
    ),
    Break(
        "14 a set reaches back no further than the allowed lateness",
        "core/timeline.py",
        "valid_from=max(policy.valid_from, earliest)",
        "valid_from=policy.valid_from",
    ),
    Break(
        "14 a set that cannot judge a ticket leaves it under the sets before",
        "core/folders.py",
        "if ticket.published >= self.timeline.published:",
        "if ticket.published:",
    ),
    Break(
        "15 a relaxation may add time",
        "core/cycle.py",
        "cycle.target = round(cycle.target * relaxation.factor) + relaxation.extra",
        "cycle.target = round(cycle.target * relaxation.factor)",
    ),
    Break(
        "17 so many dead letters in a row pause the partition",
        "kafka/dead_letters.py",
        "if self._streak >= self._limit:",
        "if self._streak > self._limit:",
        "tests/unit/kafka/test_dead_letters.py",
    ),
    Break(
        "17 half of the last thousand pause it, too",
        "kafka/dead_letters.py",
        "self._bad * 2 >= WINDOW",
        "self._bad >= WINDOW",
        "tests/unit/kafka/test_dead_letters.py",
    ),
    Break(
        "order: stop comes before reset",
        "core/moves.py",
        "if bits & (STOP | CANCEL):",
        "if bits & (STOP | CANCEL) and not bits & RESET:",
    ),
    Break(
        "order: pause comes before resume",
        "core/moves.py",
        "if bits & RESUME and cycle.stage == PAUSED:",
        "if bits & RESUME and not bits & PAUSE and cycle.stage == PAUSED:",
    ),
    Break(
        "order: what an event stops it may start again",
        "core/moves.py",
        "not self._move_running(metric, cycle, bits):\n                self._go_on(metric, i)",
        "not self._move_running(metric, cycle, bits):\n                return None",
    ),
    Break(
        "order: attributes apply before conditions are tested",
        "core/moves.py",
        "self.after = fold.attributes\n",
        "self.after = before\n",
    ),
)
