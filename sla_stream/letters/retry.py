"""Sending letters again: unchanged, to the partition they came from, each at most once unless told otherwise."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from sla_stream.errors import ConfigError
from sla_stream.formats.instants import format_instant
from sla_stream.formats.settings import Settings
from sla_stream.kafka.admin import Admin
from sla_stream.kafka.retry_log import Mark, Marks, Resend, RetryLog
from sla_stream.kafka.rights import Right
from sla_stream.letters.forecast import refusal
from sla_stream.letters.letter import Letter

AGAIN: Final = "sla-retry-of"
"""Header that a record carries when it is sent again: the place of its letter."""

BATCH: Final = 500
"""Letters in one transaction at most."""

BATCH_BYTES: Final = 4 << 20

Fate = Literal["sent", "sent before", "would be refused", "left"]
Clock = Callable[[], int]


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a letter, and the sentence that goes with it."""

    letter: Letter
    fate: Fate
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How letters are sent. `again`: also those sent before; `force`: also those that a worker would refuse."""

    by: str | None = None
    why: str | None = None
    again: bool = False
    force: bool = False
    foreign: str | None = None
    """A topic other than the input that records may go back to, because the operator has named it."""


@dataclass(slots=True)
class Sorter:
    """Decides for each letter whether it goes out. Asks the cluster once for each topic that letters came from."""

    settings: Settings
    terms: Terms
    marks: Marks
    clock: Clock
    _sizes: dict[str, int] = field(default_factory=dict)

    async def sort(self, letter: Letter) -> Resend | Told:
        """What to send, or why not. ConfigError when the topic it came from does not exist any more."""
        source, reason = letter.source, letter.reason
        if source is None or reason is None:
            return Told(letter, "left", "its headers do not say where it came from: no worker of ours set it aside")
        if source.topic not in (self.settings.topic("ticket_events"), self.terms.foreign):
            return Told(letter, "left", f"it came from {source.topic}; `--source {source.topic}` allows to write there")
        if letter.key is None and letter.value is None:
            return Told(letter, "left", "it has neither key nor value")
        mark = self.marks.find(str(letter.place), str(source))
        if mark is not None and not self.terms.again:
            return Told(letter, "sent before", f"at {mark.retried_at}" + (f" by {mark.by}" if mark.by else ""))
        now = self.clock()
        if not self.terms.force and (refused := refusal(letter, self.settings, now)):
            return Told(letter, "would be refused", ": ".join(refused))
        if source.partition >= await self._partitions(source.topic):
            return Told(letter, "left", f"{source.topic} has no partition {source.partition} any more")
        mark = Mark(
            letter=str(letter.place), source=str(source), reason=reason, sent_to=f"{source.topic}/{source.partition}",
            retried_at=format_instant(now), by=self.terms.by, why=self.terms.why,
        )  # fmt: skip
        kept = tuple(header for header in letter.headers if header[0] != AGAIN)
        headers = (*kept, (AGAIN, str(letter.place).encode()))
        # The partition it was found in, not the one its key has by our reckoning: there the ticket's other events are.
        return Resend(source.topic, source.partition, max(letter.timestamp, 0), letter.key, letter.value, headers, mark)

    async def _partitions(self, topic: str) -> int:
        if topic not in self._sizes:
            async with Admin(self.settings) as admin:
                await admin.require([Right("Write", "topic", topic)])
                found = await admin.describe([topic], configs=False)
            if topic not in found:
                raise ConfigError(f"kafka: {self.settings.kafka} has no topic {topic}, where letters came from")
            self._sizes[topic] = found[topic].partitions
        return self._sizes[topic]


async def retry(
    letters: AsyncIterator[Letter], sorter: Sorter, log: RetryLog | None, tell: Callable[[Told], None]
) -> Counter[Fate]:
    """Send what is to be sent and tell of each letter what became of it, once that is certain; how many of each.

    `log` None: a dry run. What has been told of as sent is committed; an exception means nothing about the rest.
    """
    counts: Counter[Fate] = Counter()
    waiting: list[tuple[Letter, Resend]] = []

    def told(one: Told) -> None:
        counts[one.fate] += 1
        tell(one)

    async def flush() -> None:
        if log is not None and waiting:
            await log.send([resend for _, resend in waiting])
        for letter, resend in waiting:
            told(Told(letter, "sent", f"to {resend.mark.sent_to}"))
        waiting.clear()

    async for letter in letters:
        sorted_ = await sorter.sort(letter)
        if isinstance(sorted_, Told):
            told(sorted_)
            continue
        waiting.append((letter, sorted_))
        if len(waiting) >= BATCH or sum(len(one.value or b"") for one, _ in waiting) >= BATCH_BYTES:
            await flush()
    await flush()
    return counts
