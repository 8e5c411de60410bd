"""Tells this worker's own prompts from those of other clients, which a ComfyUI runs in the same queue."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from daemons.worker.connector import Assignment
from daemons.worker.connectors.comfyui.answers import Queued, number, text
from daemons.worker.connectors.comfyui.api import ComfyUIApi
from daemons.worker.connectors.comfyui.settings import ComfyUISettings


class Others:
    """The other clients of one server. A prompt of this worker whose attempt is over counts as theirs too."""

    def __init__(self, api: ComfyUIApi, settings: ComfyUISettings, worker_id: str) -> None:
        self._api = api
        self._most = settings.foreign_prompts
        self._worker_id = worker_id
        self._running: set[tuple[str, int]] = set()
        self._made_way = False

    @contextmanager
    def without(self, assignment: Assignment) -> Iterator[None]:
        """Count the prompts of this attempt as the worker's own."""
        own = assignment.job_id, assignment.attempt
        self._running.add(own)
        try:
            yield
        finally:
            self._running.discard(own)

    def among(self, prompts: Iterable[Queued]) -> int:
        """How many of these prompts are not the worker's own."""
        return sum(not self._is_own(queued) for queued in prompts)

    def _is_own(self, queued: Queued) -> bool:
        mark = queued.mark
        attempt = text(mark.get("job")), int(number(mark.get("attempt")))
        return mark.get("worker") == self._worker_id and attempt in self._running

    def make_way(self) -> None:
        """A job waited too long behind others: the server counts as busy until none of their prompts is left."""
        self._made_way = True

    async def busy(self, remaining: int = 0) -> str:
        """Why the server should get no job now; empty if it should. Raises `ApiError`.

        `remaining` prompts are known to wait or run. The queue carries every graph, so it is not read if these are
        enough to tell.
        """
        most = 0 if self._made_way else self._most
        count = remaining - len(self._running)
        if count <= most:
            count = self.among(await self._api.queue())
        if count <= most:
            self._made_way = False
            return ""
        return self._words(count)

    async def busy_for_clients(self) -> str:
        """The same for a job that was claimed already. Workers that share a server wait for each other in its queue.

        If each returned its job instead, jobs would go to and fro until they had been released too often.
        """
        prompts = [queued for queued in await self._api.queue() if not self._is_of_another_worker(queued)]
        count = self.among(prompts)
        return self._words(count) if count > self._most else ""

    def _is_of_another_worker(self, queued: Queued) -> bool:
        return text(queued.mark.get("worker")) not in ("", self._worker_id)

    @staticmethod
    def _words(count: int) -> str:
        return f"works on {count} {'prompt' if count == 1 else 'prompts'} of other clients"
