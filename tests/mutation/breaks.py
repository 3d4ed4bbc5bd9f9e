"""Small breaks of the rules of time keeping, each of which some test has to notice.

A break is one line of thought: the rule, the module of the package, the text that keeps the rule, the text that breaks
it. The text that keeps the rule stands exactly once in its module (`test_breaks.py` holds that, so the table cannot
rot). `make mutants` applies them one at a time to a copy and runs the quick tests against it.
"""

from __future__ import annotations

from typing import NamedTuple

CODEC_TESTS = "tests/unit/formats/test_codec.py"


class Break(NamedTuple):
    """`rule`: number and what is broken. `tests`: what must notice, if not the quick tests of the core."""

    rule: str
    module: str
    old: str
    new: str
    tests: str = ""


BREAKS: tuple[Break, ...] = (
    # -- 1: met, missed, and when ----------------------------------------------------------------------------------
    Break(
        "1 a timer fires only after its instant",
        "core/fold.py",
        'next_at, found = now, ""',
        'next_at, found = now + 1, ""',
    ),
    Break(
        "1 a breach is dated due_at",
        "core/fold.py",
        "sink.say(fact(kind, ticket_id, metric, cycle, target, at, attributes, name))",
        "sink.say(fact(kind, ticket_id, metric, cycle, target, at + 1, attributes, name))",
    ),
    Break(
        "1 due_at is the earliest instant, a closing one stays there",
        "core/schedule.py",
        "piece = bisect_left(cum, used) - 1\n        return self._starts",
        "piece = bisect_right(cum, used) - 1\n        return self._starts",
    ),
    # -- 2: pauses -------------------------------------------------------------------------------------------------
    Break(
        "2 nothing is said while paused",
        "core/cycle.py",
        "cycle.stage = PAUSED\n    cycle.since = at\n    cycle.next_at = FAR",
        "cycle.stage = PAUSED\n    cycle.since = at",
    ),
    Break(
        "2 what remained, remains on resume",
        "core/cycle.py",
        "cycle.base = target.schedule.used(at) - cycle.base\n    cycle.stage = RUNNING",
        "cycle.base = target.schedule.used(cycle.since) - cycle.base\n    cycle.stage = RUNNING",
    ),
    Break(
        "2 steps after the breach count unpaused time",
        "core/cycle.py",
        "instant(cycle.base + cycle.at_due + mark.used), cycle.since)",
        "instant(target.schedule.used(cycle.due) + mark.used), cycle.since)",
    ),
    Break(
        "2 a cycle that ends paused has no deadline",
        "core/cycle.py",
        "if cycle.stage == PAUSED and not cycle.breached:\n            cycle.due = FAR",
        "if cycle.stage == PAUSED and cycle.breached:\n            cycle.due = FAR",
    ),
    Break(
        "2 paused time is schedule time",
        "core/cycle.py",
        "return cycle.paused + used(at) - used(cycle.since)",
        "return cycle.paused + at - cycle.since",
    ),
    # -- 3: the first status ---------------------------------------------------------------------------------------
    Break(
        "3 created pending starts paused",
        "core/moves.py",
        "paused = bits & (HOLDS | PAUSE) == HOLDS | PAUSE",
        "paused = bits & (HOLDS | PAUSE) == 0",
    ),
    Break(
        "3 created closed starts nothing",
        "core/moves.py",
        'if self.event.kind == "created" and self.after.get("status") in ENDED:',
        'if self.event.kind == "created" and self.after.get("status") == "resolved":',
    ),
    # -- 4: replies ------------------------------------------------------------------------------------------------
    Break(
        "4 a reply clock ends when the ticket is resolved",
        "core/metrics.py",
        'AFTER_RESPONSE: Rules(start=when(kind="customer_replied"), stop=ANSWERED + RESOLVED,',
        'AFTER_RESPONSE: Rules(start=when(kind="customer_replied"), stop=ANSWERED,',
    ),
    Break(
        "4 only human replies answer",
        "core/metrics.py",
        'ANSWERED: Final = when(kind="agent_replied", actor="agent", public=True)',
        'ANSWERED: Final = when(kind="agent_replied", public=True)',
    ),
    Break(
        "4 only public replies answer",
        "core/metrics.py",
        'ANSWERED: Final = when(kind="agent_replied", actor="agent", public=True)',
        'ANSWERED: Final = when(kind="agent_replied", actor="agent")',
    ),
    # -- 5: reopening and reset ------------------------------------------------------------------------------------
    Break(
        "5 whatever kind leaves resolved reopens",
        "core/rows.py",
        "return status not in ENDED and (was in ENDED or",
        'return status not in ENDED and (was in ENDED and event.kind == "reopened" or',
    ),
    Break(
        "5 with resume, solved time does not count",
        "core/moves.py",
        'return target.reopen == "continue"',
        'return target.reopen != "new_cycle"',
    ),
    Break(
        "5 reopening takes the outcome back",
        "core/moves.py",
        "if current is not None:\n            self.sink.withdraw",
        "if current is not None and cycle.breached:\n            self.sink.withdraw",
    ),
    Break(
        "5 new_cycle keeps the outcome and starts the next cycle",
        "core/moves.py",
        'current.reopen == "new_cycle" and',
        'current.reopen == "" and',
    ),
    Break(
        "5 reopened within the grace, as if it had not ended",
        "core/moves.py",
        "if at - cycle.since <= target.reopen_grace:",
        "if at - cycle.since < 0:",
    ),
    Break(
        "5 reset starts the same cycle from zero",
        "core/cycle.py",
        "cycle.started = cycle.since = at",
        "cycle.since = at",
    ),
    # -- 6: breaches -----------------------------------------------------------------------------------------------
    Break(
        "6 a standing breach freezes target and due_at",
        "core/moves.py",
        "elif current.ref != target.ref and not cycle.breached:",
        "elif current.ref != target.ref:",
    ),
    Break(
        "6 a breached cycle ends missed",
        "core/moves.py",
        "MISSED if cycle.breached else MET, None)",
        "MISSED if cycle.breached and cycle.stage == RUNNING else MET, None)",
    ),
    Break(
        "6 a breached cycle is not cancelled by a condition",
        "core/moves.py",
        "if bits & CANCEL and not cycle.breached:",
        "if bits & CANCEL:",
    ),
    Break(
        "6 what a change uses up is due at the change",
        "core/cycle.py",
        "cycle.due = max(whole, cycle.since)",
        "cycle.due = max(whole, cycle.started)",
    ),
    Break(
        "6 the event that uses the target up and ends the cycle meets it",
        "core/moves.py",
        "cycle = self.fold.clocks[metric][-1]\n            if cycle.promised",
        "cycle = self.fold.clocks[metric][-1]\n"
        "                self._fire_until(metric, cycle, self.event.at + 1, self.after)\n"
        "            if cycle.promised",
    ),
    # -- 7: thresholds ---------------------------------------------------------------------------------------------
    Break(
        "7 a threshold fires once a cycle",
        "core/cycle.py",
        "cycle.fired |= mark.bit\n            again.discard",
        "again.discard",
    ),
    Break(
        "7 a threshold that a moved target made unreached fires again",
        "core/cycle.py",
        "if mark.threshold.name in said and mark.used <= spent:",
        "if mark.threshold.name in said:",
    ),
    Break("7 a threshold at the start never fires", "core/cycle.py", "if used > 0:", "if used >= 0:"),
    # -- 8: late events --------------------------------------------------------------------------------------------
    Break(
        "8 an event that sorts before one applied is put in its place",
        "core/past.py",
        "return key > ticket.last and event.kind not in UNDOES",
        "return event.kind not in UNDOES",
    ),
    Break(
        "8 an event that sorts before a threshold said is put in its place",
        "core/past.py",
        "if event.at <= ticket.fired_at or event.at < ticket.fold.lawful_to:",
        "if event.at < ticket.fold.lawful_to:",
    ),
    Break(
        "8 an event that sorts before a change of policies is put in its place",
        "core/past.py",
        "if event.at <= ticket.fired_at or event.at < ticket.fold.lawful_to:",
        "if event.at <= ticket.fired_at:",
    ),
    Break(
        "8 what no longer holds is retracted",
        "core/voice.py",
        "if fact.type != OUTCOME or (fact.clock, fact.cycle) not in successors:",
        "if fact.type == OUTCOME and (fact.clock, fact.cycle) not in successors:",
    ),
    Break(
        "8 an outcome replaced at once is superseded",
        "core/voice.py",
        "fact.supersedes = replaced[fact.clock, fact.cycle].id",
        "fact.supersedes = None",
    ),
    Break(
        "8 later than the allowed lateness is refused",
        "core/past.py",
        "if now - event.at > settings.allowed_lateness or",
        "if now - event.at > 2 * settings.allowed_lateness or",
    ),
    # -- 9: clocks ahead -------------------------------------------------------------------------------------------
    Break(
        "9 an event of the future is refused",
        "formats/codec.py",
        "if ahead > max_skew_ms:",
        "if ahead > 2 * max_skew_ms:",
        tests=CODEC_TESTS,
    ),
    # -- 10: holding back ------------------------------------------------------------------------------------------
    Break(
        "10 a threshold already past is held for settle_for",
        "core/voice.py",
        "if late and self._settle:",
        "if late and not self._settle:",
    ),
    Break("10 hold_for holds every alarm", "core/voice.py", "release = fact.at + self._hold", "release = fact.at"),
    Break("10 late_attach is said", "core/voice.py", "fact.late_attach = late\n", "fact.late_attach = False\n"),
    Break(
        "10 what is dated before publish_from stays unsaid",
        "core/voice.py",
        "or fact.at >= self._publish_from:",
        "or self._now >= self._publish_from:",
    ),
    # -- 11: merged and deleted ------------------------------------------------------------------------------------
    Break(
        "11 a merge ends its cycles cancelled",
        "core/fold.py",
        "clock.end(cycle, target, event.at, CANCELLED, event.kind)",
        "clock.end(cycle, target, event.at, MET, event.kind)",
    ),
    Break(
        "11 a merged ticket times nothing",
        "core/fold.py",
        "if fold.void is None:\n            self._move_clocks",
        "if fold.known:\n            self._move_clocks",
    ),
    Break(
        "11 un-merged is as if it had never been merged",
        "core/fold.py",
        "kept = [earlier for earlier in kept if earlier.kind != undone]",
        "kept = [earlier for earlier in kept if earlier.kind == undone or earlier]",
    ),
    Break(
        "11 deleted state goes after the allowed lateness",
        "core/past.py",
        "return ticket.position + settings.allowed_lateness",
        "return ticket.position + retain",
    ),
    # -- 12: forgetting --------------------------------------------------------------------------------------------
    Break(
        "12 an open ticket is never forgotten",
        "core/past.py",
        'if fold.void is None and fold.attributes.get("status") not in ENDED:',
        'if fold.void is None and fold.attributes.get("status") is None:',
    ),
    Break(
        "12 a resolved ticket with something running is not forgotten",
        "core/past.py",
        "return FAR\n    return ticket.position + retain",
        "pass\n    return ticket.position + retain",
    ),
    # -- 13: first seen in mid-life --------------------------------------------------------------------------------
    Break(
        "13 without created_at the first response counts as given",
        "core/fold.py",
        "fold.responded = True\n            return True",
        "fold.responded = False\n            return True",
    ),
    Break(
        "13 with created_at the clocks start there",
        "core/fold.py",
        "at=min(event.created_at, event.at)",
        "at=event.at",
    ),
    Break(
        "13 an unknown ticket is counted",
        "core/engine.py",
        "self.counters.unknown_ticket += 1",
        "self.counters.unknown_ticket += 0",
    ),
    # -- 14: targets that come and go ------------------------------------------------------------------------------
    Break(
        "14 a target that comes later counts from the start",
        "core/moves.py",
        "fresh = cycles[-1] = clock.begin(cycle.number, target, cycle.started,",
        "fresh = cycles[-1] = clock.begin(cycle.number, target, self.event.at,",
    ),
    Break(
        "14 a target that comes later knows the pauses there were",
        "core/moves.py",
        "clock.restart(cycle, target, event.at, self._relaxation(event.at))\n        move_clock(",
        "clock.restart(cycle, target, event.at, self._relaxation(event.at))\n        (lambda *_: None)(",
    ),
    Break(
        "14 a target that ceases to apply ends the cycle",
        "core/moves.py",
        'self._end(metric, cycle, current, CANCELLED, "no_policy")\n                return False',
        "return True",
    ),
    Break(
        "14 a pinned cycle keeps its version",
        "core/timeline.py",
        'if policy.on_change == "migrate":\n        return True',
        "if policy.on_change:\n        return True",
    ),
    Break(
        "14 what was due before a new set was looked at is said",
        "core/engine.py",
        "done = min(self.log_time, ticket.armed)",
        "done = self.log_time",
    ),
    # -- 15: versions and relaxations ------------------------------------------------------------------------------
    Break(
        "15 a relaxation applies to cycles that start in its window",
        "core/planner.py",
        "relaxation.start <= started < relaxation.end",
        "relaxation.start <= started <= relaxation.end",
    ),
    Break(
        "15 a relaxed outcome says the raw result",
        "core/cycle.py",
        "cycle.raw_missed = due < at",
        "cycle.raw_missed = due > at",
    ),
    # -- 16: no policy, and equal ones -----------------------------------------------------------------------------
    Break(
        "16 the first of equal policies wins",
        "core/planner.py",
        "for policy in policies:\n        for target in policy.targets:\n            if target.metric",
        "for policy in reversed(policies):\n        for target in policy.targets:\n            if target.metric",
    ),
    Break(
        "16 a ticket without a policy is counted",
        "core/engine.py",
        "self.counters.no_policy += 1",
        "self.counters.no_policy += 0",
    ),
    # -- 17: limits ------------------------------------------------------------------------------------------------
    Break(
        "17 at most so many recent events are kept",
        "core/past.py",
        "if ticket.tail_count >= settings.max_recent_events or",
        "if ticket.tail_count >= 2 * settings.max_recent_events or",
    ),
    # -- one event that fits several -------------------------------------------------------------------------------
    Break(
        "order: cancel comes before stop",
        "core/moves.py",
        "if bits & CANCEL and not cycle.breached:",
        "if bits & CANCEL and not bits & STOP and not cycle.breached:",
    ),
)
