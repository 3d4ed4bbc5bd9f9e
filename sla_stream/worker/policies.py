"""The policies a worker runs with: those of the policies topic, which it follows, or as long as that is empty a file's.

In development a file is enough. Once the topic holds a set it is the truth: a file must say the same or be left out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from sla_stream.core.policy import PolicySet
from sla_stream.errors import ConfigError
from sla_stream.formats.instants import format_instant
from sla_stream.formats.policy_history import PolicyHistory, PublishedSet
from sla_stream.kafka.policy_log import PolicyLog
from sla_stream.observe.logs import get_logger
from sla_stream.observe.metrics import Metrics

log = get_logger(__name__)

HELP: Final = "push the right set again: `sla-stream policy push`"


def check_policies(file: PolicySet | None, path: str | None, history: PolicyHistory, topic: str) -> None:
    """ConfigError unless it is clear what to run with. `path`: where `file` came from."""
    newest = history.newest
    if newest is None and file is None:
        raise ConfigError(
            f"policies: no policy file given, and {topic} holds no policy set; expected --policies FILE (or "
            "SLA_STREAM_POLICIES), or a set published with `sla-stream policy push --policies FILE`"
        )
    if newest is not None and file is not None and file.digest != newest.pushed.policies.digest:
        raise ConfigError(
            f"policies: {path} differs from set {newest.pushed.number} of {topic}, published "
            f"{format_instant(newest.published)}; expected the same: publish the file with `sla-stream policy push "
            f"--policies {path}`, or leave --policies out to run with what is published"
        )


class PolicyFeed:
    """What all partitions of a worker look at: `published` grows while the topic is followed."""

    def __init__(self, log_: PolicyLog, file: PolicySet | None, metrics: Metrics) -> None:
        """`log_` is open; what it has read so far is complete."""
        self.topic = log_.topic
        self.file = file
        self._log = log_
        self._metrics = metrics
        self._told = 0
        self._tell()

    @property
    def published(self) -> Sequence[PublishedSet]:
        """The sets of the topic, in order; empty: the file's set is the one."""
        return self._log.history.sets

    async def follow(self, notify: Callable[[], None]) -> None:
        """Read on for ever; `notify` is called after sets have been added. Any error is the caller's to end by."""
        while True:
            added = await self._log.more()
            self._tell()
            for one in added:
                self._welcome(one)
            if added:
                notify()

    def _welcome(self, one: PublishedSet) -> None:
        digest = one.pushed.policies.digest
        log.info(
            "policies.published", number=one.pushed.number, published=format_instant(one.published), digest=digest[:12]
        )
        if self.file is not None and self.file.digest != digest:
            log.warning(
                "policies.file_is_behind", number=one.pushed.number,
                help="this worker's next start ends with exit 2: leave --policies out, or bring the file up to date",
            )  # fmt: skip

    def _tell(self) -> None:
        """Alarm for each record that was refused since the last time."""
        for bad in self._log.history.refused[self._told :]:
            self._metrics.policies_refused.inc()
            log.error("policies.record_refused", topic=self.topic, offset=bad.offset, why=bad.detail, help=HELP)
        self._told = len(self._log.history.refused)


async def end_quietly(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait for its end."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
