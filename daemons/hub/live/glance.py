"""`Glance` reads the queue's summary and the workers once a second for all sockets that follow them."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from daemons.outage import UNAVAILABLE, Outage
from emp_core.client.queue import Queue, Summary
from emp_core.domain.views import worker_view

PERIOD_SECONDS = 1.0


class Onlooker(Protocol):
    """Who wants to know how the queue as a whole is."""

    def on_summary(self, summary: Summary) -> None:
        """The summary has changed."""
        ...

    def on_workers(self, changed: Sequence[Mapping[str, Any]], gone: Sequence[str]) -> None:
        """The views of workers that are new or have changed, and the ids of those that are not live any more."""
        ...


class Glance:
    """Reads and compares."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._wakened = asyncio.Event()
        self._of_summary: set[Onlooker] = set()
        self._of_workers: set[Onlooker] = set()
        self._summary: Summary | None = None
        self._workers: dict[str, Mapping[str, Any]] = {}

    def watch_summary(self, onlooker: Onlooker) -> None:
        """Tell it the summary from now on."""
        self._of_summary.add(onlooker)
        self._wakened.set()

    def watch_workers(self, onlooker: Onlooker) -> None:
        """Tell it the changes of workers from now on."""
        self._of_workers.add(onlooker)
        self._wakened.set()

    def unwatch_summary(self, onlooker: Onlooker) -> None:
        """The opposite of `watch_summary`."""
        self._of_summary.discard(onlooker)

    def unwatch_workers(self, onlooker: Onlooker) -> None:
        """The opposite of `watch_workers`."""
        self._of_workers.discard(onlooker)

    async def run(self, outage: Outage) -> None:
        """Look again and again while somebody looks on, until cancelled."""
        while True:
            if not (self._of_summary or self._of_workers):
                self._wakened.clear()
                # After a pause the old answers are out of date, so the next read is told in full.
                self._summary, self._workers = None, {}
                await self._wakened.wait()
            try:
                await self._look()
            except UNAVAILABLE as error:
                outage.begin(error, "glance")
            else:
                outage.end("glance")
            await asyncio.sleep(PERIOD_SECONDS)

    async def _look(self) -> None:
        workers = await self._queue.workers()
        if self._of_summary:
            summary = await self._queue.summary(workers=workers)
            if self._summary is None or replace(summary, at=self._summary.at) != self._summary:
                self._summary = summary
                for onlooker in list(self._of_summary):
                    onlooker.on_summary(summary)
        views = {worker.id: worker_view(worker) for worker in workers}
        changed = [view for name, view in views.items() if view != self._workers.get(name)]
        gone = [name for name in self._workers if name not in views]
        self._workers = dict(views)
        if changed or gone:
            for onlooker in list(self._of_workers):
                onlooker.on_workers(changed, gone)
