"""One attempt of one job: inputs up, the prompt through, outputs down; or off the server again."""

import asyncio
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from daemons.worker.connector import (
    Assignment,
    Interrupted,
    JobContext,
    JobFailed,
    ServiceBusy,
    ServiceDown,
    StillRunning,
)
from daemons.worker.connectors.comfyui import outcome
from daemons.worker.connectors.comfyui.answers import MARK, Entry
from daemons.worker.connectors.comfyui.api import ApiError, ComfyUIApi
from daemons.worker.connectors.comfyui.graph import Request, read_payload
from daemons.worker.connectors.comfyui.inputs import with_files
from daemons.worker.connectors.comfyui.others import Others
from daemons.worker.connectors.comfyui.outputs import OutputGone, Outputs, listed
from daemons.worker.connectors.comfyui.prompt import Prompt
from daemons.worker.connectors.comfyui.scope import Stopped, until_stopped
from daemons.worker.connectors.comfyui.settings import ComfyUISettings
from daemons.worker.connectors.comfyui.stopping import NotStopped
from daemons.worker.connectors.comfyui.tracker import Tracker
from emp_core.clock import Clock
from emp_core.domain.graph import Graph
from emp_core.domain.outcome import Artifact, Blame, Result

NAMESPACE = uuid.UUID("9f3cf2a2-3d0c-5b0e-8f0a-4c1d6a6f2e11")
"""Ours alone: prompt ids are made in it, from job, attempt and round."""

ROUNDS = 2
"""Runs of one prompt: a second, with ComfyUI's cache dropped, if outputs that the cache remembers are gone."""

FAREWELL = 2.0
"""Seconds that are spent on taking a prompt back when the attempt itself is torn down."""


class PromptAttempt:
    """Use once."""

    def __init__(
        self,
        api: ComfyUIApi,
        settings: ComfyUISettings,
        clock: Clock,
        assignment: Assignment,
        context: JobContext,
        others: Others,
        *,
        worker_id: str,
        new_uuid: Callable[[], uuid.UUID],
    ) -> None:
        self._api = api
        self._settings = settings
        self._clock = clock
        self._assignment = assignment
        self._context = context
        self._others = others
        self._worker_id = worker_id
        self._new_uuid = new_uuid
        self._prompt: Prompt | None = None
        self._entry: Entry | None = None

    async def run(self) -> Result:
        """Do it to its end. Raises what connectors raise."""
        request = read_payload(self._assignment.payload, self._settings)
        limit = self._context.time_left()
        try:
            async with until_stopped(self._context):
                return await self._work(request)
        except Stopped:
            entry = await self._stop()
        except asyncio.CancelledError:
            await self._abandon()
            raise
        if not self._context.cancelled.is_set():
            waited = self._prompt.waited_seconds if self._prompt is not None else 0.0
            raise outcome.timed_out(limit, waited)
        raise Interrupted(late_result=self._late(entry))

    async def _check_free(self) -> None:
        """The last probe may be some seconds old."""
        try:
            busy = await self._others.busy_for_clients()
        except ApiError as error:
            raise ServiceDown(str(error)) from error
        if busy:
            raise ServiceBusy(busy)

    async def _work(self, request: Request) -> Result:
        await self._check_free()
        graph = await with_files(self._api, request, self._context)
        for left in reversed(range(ROUNDS)):
            try:
                return await self._round(request, graph, left)
            except OutputGone as gone:
                if not left:
                    message = f"ComfyUI lists {gone} as a result, and does not have it"
                    raise outcome.failed(message, "missing_output", retryable=True) from gone
                self._context.log(f"{gone} is gone from ComfyUI: running again without its cache")
                with suppress(ApiError):
                    await self._api.free()
        raise AssertionError("the last round returns or raises")

    async def _round(self, request: Request, graph: Graph, left: int) -> Result:
        self._entry = None
        tracker = Tracker(graph, request.socket_nodes(), self._settings.max_socket_bytes)
        body = self._body(request, graph, ROUNDS - left)
        self._prompt = Prompt(self._api, self._settings, self._clock, self._context, self._others, body, tracker)
        entry = self._entry = await self._prompt.run()
        if not entry.succeeded:
            raise await self._failed(entry)
        return await self._collect(request, entry, tracker, self._prompt)

    def _body(self, request: Request, graph: Graph, number: int) -> dict[str, Any]:
        job, attempt = self._assignment.job_id, self._assignment.attempt
        mark = {"worker": self._worker_id, "job": job, "attempt": attempt, "round": number}
        return {
            "prompt": graph,
            "client_id": self._new_uuid().hex,
            "prompt_id": str(uuid.uuid5(NAMESPACE, f"{job}/{attempt}/{number}")),
            "extra_data": {**request.extra, MARK: mark},
        }

    async def _collect(self, request: Request, entry: Entry, tracker: Tracker, prompt: Prompt) -> Result:
        outputs = Outputs(self._api, self._settings, self._context)
        await outputs.collect(entry.outputs)
        self._check_socket(tracker, prompt)
        for node, image in tracker.images:
            await outputs.add(node, image)
        stats = {"execution_seconds": entry.seconds, "cached_nodes": len(entry.cached)}
        data: dict[str, Any] = {"prompt_id": prompt.id, "outputs": outputs.data, "stats": stats}
        notes = [*outputs.notes, *outcome.skipped(entry, request.graph, tracker.keeps)]
        if notes:
            data["notes"] = notes
        return Result(data=data, artifacts=outputs.artifacts)

    def _check_socket(self, tracker: Tracker, prompt: Prompt) -> None:
        """Pictures that come over the socket come once: refuse to call a part of them the whole."""
        if tracker.overflowed:
            message = f"the pictures sent over the socket are over {self._settings.max_socket_bytes} bytes"
            raise outcome.failed(message, "too_large", retryable=False, blame=Blame.JOB)
        missing = tracker.keeps - {node for node, _ in tracker.images}
        if missing or (tracker.keeps and prompt.socket_broke):
            message = "the event socket broke, and pictures that ComfyUI sent over it may be lost"
            raise outcome.failed(message, "missing_output", retryable=True)

    async def _failed(self, entry: Entry) -> JobFailed:
        """The failure, with what was made before it; what cannot be had of that is left out."""
        error = outcome.ended_badly(entry, await self._partial(entry))
        if error.failure.code == "out_of_memory":
            with suppress(ApiError):
                await self._api.free(models=True)
        return error

    async def _partial(self, entry: Entry) -> tuple[Artifact, ...]:
        outputs = Outputs(self._api, self._settings, self._context)
        with suppress(OutputGone, JobFailed):
            await outputs.collect(entry.outputs)
        return outputs.artifacts

    async def _stop(self) -> Entry | None:
        """Make sure that the server no longer works on it; what the history says of it."""
        if self._entry is not None or self._prompt is None or not self._prompt.posted:
            return self._entry
        try:
            return await self._prompt.stop()
        except NotStopped as error:
            message = f"ComfyUI does not stop it: a node ignores the interrupt (prompt {error})"
            raise StillRunning(outcome.failed(message, "not_stopped", retryable=True).failure) from error

    async def _abandon(self) -> None:
        """The attempt is torn down: order the stop, and do not stay to see it."""
        with suppress(TimeoutError, NotStopped):
            async with asyncio.timeout(FAREWELL):
                if self._prompt is not None and self._prompt.posted and self._entry is None:
                    await self._prompt.stop()

    def _late(self, entry: Entry | None) -> Result | None:
        if entry is None or not entry.succeeded or self._prompt is None:
            return None
        return Result(data={"prompt_id": self._prompt.id, "files": listed(entry.outputs)})
