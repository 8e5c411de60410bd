"""What an agent hears and says between its turns: wake-ups, the answers to its beats, progress.

Nothing that is heard here is the last word on a job: a token says only that there is something to look at, and the
fence in Redis decides every write. So it does no harm when one of these is late, doubled or lost.
"""

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence

import structlog

from daemons.outage import UNAVAILABLE, Outage
from daemons.worker.agent.options import AgentOptions
from daemons.worker.agent.slot import Slot, Stop
from daemons.worker.beat.pulse import Answer
from emp_core.clock import Clock
from emp_core.domain.policy import MAX_PREVIEW
from emp_core.domain.worker import WorkerState
from emp_core.errors import AccessDenied, QueueUnavailable, Refused
from emp_core.store import Life, Link, Store

log = structlog.get_logger()

REPORT_SECONDS = 0.5
LISTEN_SECONDS = 20.0
MOST_EARLY = 1_000
UNSAFE_ORPHAN_SECONDS = 60.0
"""How long a job that must not run twice goes on without contact."""

Hear = Callable[[WorkerState | None], None]
"""Called with the worker's state in the queue; None if the queue does not know the worker."""


class Backoff:
    """Pauses that grow from 0.1 to 2 seconds while the queue is unavailable."""

    def __init__(self, outage: Outage) -> None:
        self._outage = outage
        self._pause = 0.0

    async def wait(self, error: QueueUnavailable | AccessDenied) -> None:
        """One pause; each is longer than the one before."""
        self._outage.begin(error)
        self._pause = min(max(0.1, self._pause * 2), 2.0)
        await asyncio.sleep(self._pause * random.uniform(0.5, 1.0))

    def over(self) -> None:
        """The queue has answered."""
        self._pause = 0.0
        self._outage.end()


class Contact:
    """The wake-up list, the answers to beats, and the reports of running attempts."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        options: AgentOptions,
        slots: Mapping[str, Slot],
        services: Callable[[], str],
        hear: Hear,
        wake: Callable[[], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._options = options
        self._slots = slots
        self._services = services
        self._hear = hear
        self._wake = wake
        self._last_beat = clock.monotonic()
        self._news = asyncio.Event()
        self.outage = Outage()
        self.life: Life | None = None
        self.beaten = asyncio.Event()
        """A beat has got through."""

        self.tokens: deque[str] = deque()
        """Classes that this worker was woken for, each to be claimed from or passed on."""

        self.early: set[str] = set()
        """Jobs that were cancelled, and have no slot: one that was just claimed may get it now."""

    # -- beats

    def on_beat(self, answer: Answer) -> None:
        """Called for every beat, from wherever the pulse runs."""
        if not answer.reached:
            self._drop_orphans(answer.sent_at)
            return
        self._last_beat = max(self._last_beat, answer.sent_at)
        self.beaten.set()
        self._hear(WorkerState(answer.state) if answer.state else None)
        for nonce, word in answer.words.items():
            slot = self._slots.get(nonce)
            if slot is not None:
                self._obey(slot, word)

    def _obey(self, slot: Slot, word: str) -> None:
        if word == "cancel":
            slot.stop(Stop.CANCEL)
        elif word.startswith("lost") and slot.stop_reason is not Stop.LOST:
            log.warning("job.lost", job=slot.claim.job_id, attempt=slot.claim.attempt, why=word.partition(":")[2])
            slot.stop(Stop.LOST)

    def registered(self, life: Life) -> None:
        """The queue has just answered for this life."""
        self.life = life
        self._last_beat = self._clock.monotonic()

    @property
    def _own_limit(self) -> float:
        """Seconds after the last beat that got through beyond which the leases cannot be counted on."""
        return 0.8 * self._options.lease_ms / 1000

    @property
    def is_cut_off(self) -> bool:
        """Whether the last answered beat is too long ago to rely on the leases."""
        return self._clock.monotonic() - self._last_beat > self._own_limit

    def _drop_orphans(self, at: float) -> None:
        """A beat got no answer: stop jobs that have been without contact for too long."""
        silent = at - self._last_beat
        for slot in self._slots.values():
            if slot.stop_reason is None and silent > self._own_limit and self._is_orphan(slot, silent):
                log.warning("job.orphaned", job=slot.claim.job_id, silent_seconds=round(silent))
                slot.stop(Stop.GIVE_BACK)

    def _is_orphan(self, slot: Slot, silent: float) -> bool:
        limit = self._options.orphan_run_seconds
        if limit is None and slot.claim.on_lost == "fail":
            limit = UNSAFE_ORPHAN_SECONDS
        return slot.context.time_left() <= 0 if limit is None else silent > limit

    # -- wake-ups

    async def listen(self, link: Link) -> None:
        """Take tokens for ever. `link` is a blocking link of its own."""
        backoff = Backoff(self.outage)
        while True:
            try:
                tokens = await self._store.registry.wait_for_token(self._options.boot, LISTEN_SECONDS, link)
            except UNAVAILABLE as error:
                await backoff.wait(error)
                self._wake()
                continue
            backoff.over()
            await self._take(token.split(" ")[:2] for token in tokens)

    async def _take(self, tokens: Iterable[list[str]]) -> None:
        said = [(kind, subject) for kind, subject in tokens]
        self.tokens.extend(subject for kind, subject in said if kind == "claim")
        if said:
            self._wake()
        await self._ask_about({subject for kind, subject in said if kind == "cancel"})

    async def _ask_about(self, jobs: set[str]) -> None:
        """A cancel names a job, and its next attempt may be ours as well: a beat says which of them must stop."""
        slots = [slot for slot in self._slots.values() if slot.claim.job_id in jobs]
        if len(self.early) > MOST_EARLY:
            self.early.clear()
        self.early |= jobs.difference(slot.claim.job_id for slot in slots)
        with contextlib.suppress(*UNAVAILABLE, Refused):  # the next beat will say it
            await self._beat_for(slots)

    async def catch_up(self, job: str) -> None:
        """A job that was cancelled early has its slot now: ask whether it must stop."""
        self.early.discard(job)
        await self._ask_about({job})

    async def take_up(self) -> None:
        """After a silence, before anything is claimed: what runs here must not be claimed as a new attempt."""
        await self._beat_for(list(self._slots.values()))

    async def _beat_for(self, slots: Sequence[Slot]) -> None:
        if not slots or self.life is None:
            return
        sent_at = self._clock.monotonic()
        _, words = await self._store.broker.beat(self.life, self._services(), [slot.claim for slot in slots])
        self._last_beat = max(self._last_beat, sent_at)
        for slot in slots:
            self._obey(slot, words[slot.claim.nonce])

    # -- reports

    def note_news(self) -> None:
        """An attempt has something to report."""
        self._news.set()

    async def report(self) -> None:
        """Send progress and log lines for ever, at most twice a second, as long as the leases can be counted on."""
        while True:
            await self._news.wait()
            self._news.clear()
            if self.is_cut_off or not await self._sent(self._slots.values()):
                self._news.set()
            await asyncio.sleep(REPORT_SECONDS)

    async def _sent(self, slots: Iterable[Slot]) -> bool:
        try:
            watched = await self.send_reports(slots)
        except UNAVAILABLE:
            return False
        with contextlib.suppress(*UNAVAILABLE):  # a later picture is as good
            for slot in watched:
                await self._send_preview(slot)
        return True

    async def _send_preview(self, slot: Slot) -> None:
        preview = slot.context.take_preview()
        if preview is None:
            return
        answer = await self._store.previews.keep(self._options.worker_id, slot.claim, preview)
        if answer == "large" and not slot.has_large_previews:
            slot.has_large_previews = True
            log.warning("preview.too_large", job=slot.claim.job_id, bytes=len(preview.image), at_most=MAX_PREVIEW)

    async def send_reports(self, slots: Iterable[Slot]) -> list[Slot]:
        """Report what is new of some attempts: those whose previews are asked for.

        Raises `QueueUnavailable`; then it is reported the next time.
        """
        reports = [(slot, report) for slot in slots if (report := slot.context.take_report())]
        if not reports:
            return []
        try:
            words = await self._store.broker.report(self._options.worker_id, [report for _, report in reports])
        except UNAVAILABLE:
            for slot, report in reports:
                slot.context.give_back(report)
            raise
        for (slot, _), word in zip(reports, words, strict=True):
            if word == "cancel":
                slot.stop(Stop.CANCEL)
        return [slot for (slot, _), word in zip(reports, words, strict=True) if word == "watched"]
