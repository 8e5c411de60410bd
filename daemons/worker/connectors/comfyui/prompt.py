"""One prompt on the server: posted once, though the answer may be lost; followed to its end, or stopped."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from daemons.worker.connector import JobContext, Mismatch, ServiceDown
from daemons.worker.connectors.comfyui import outcome, stopping
from daemons.worker.connectors.comfyui.answers import MARK, Accepted, Entry, mapping, sequence
from daemons.worker.connectors.comfyui.api import ApiError, ComfyUIApi, ErrorAnswer, Unanswered, Unreachable
from daemons.worker.connectors.comfyui.lacking import missing_models
from daemons.worker.connectors.comfyui.others import Others
from daemons.worker.connectors.comfyui.patience import Patience
from daemons.worker.connectors.comfyui.scope import beside
from daemons.worker.connectors.comfyui.settings import ComfyUISettings
from daemons.worker.connectors.comfyui.tracker import Tracker
from daemons.worker.connectors.comfyui.watch import Watch
from emp_core.clock import Clock

POSTS = 3
"""How often a prompt is posted whose earlier post got no answer and had no effect."""

RECENT = 20
"""Entries of the history that are searched for a prompt of unknown id."""


class Prompt:
    """Run it once, with `run`; `stop` may be called after that was left early."""

    def __init__(
        self,
        api: ComfyUIApi,
        settings: ComfyUISettings,
        clock: Clock,
        context: JobContext,
        others: Others,
        body: Mapping[str, Any],
        tracker: Tracker,
    ) -> None:
        self._api = api
        self._settings = settings
        self._clock = clock
        self._context = context
        self._body = body
        self._tracker = tracker
        self._patience = Patience(settings, clock)
        self._watch = Watch(api, settings, clock, context, others, tracker, self._patience, body["client_id"])
        tracker.prompt_id = body["prompt_id"]
        self._answered = False
        self.posted = False
        """Whether the server may have it."""

    @property
    def id(self) -> str:
        """What the server calls it."""
        return self._tracker.prompt_id

    @property
    def socket_broke(self) -> bool:
        """Whether events, and pictures among them, may have been missed."""
        return self._watch.listener.breaks > 0

    @property
    def waited_seconds(self) -> float:
        """How long it has waited behind prompts of other clients."""
        return self._watch.line.waited_seconds

    async def run(self) -> Entry:
        """Post it and follow it to its end. Raises `ServiceDown` if nothing was begun."""
        listener = self._watch.listener
        async with beside(listener.run()):
            await listener.ready(self._settings.connect_timeout)
            if self._tracker.keeps and not listener.connected:
                raise ServiceDown("ComfyUI's event socket cannot be opened, and the workflow sends pictures through it")
            await self._post()
            return await self._watch.to_end()

    async def stop(self) -> Entry | None:
        """Get it off the server; what became of it. Raises `stopping.NotStopped`."""
        if not self._answered:
            with suppress(ApiError):
                self._tracker.prompt_id = await self._look() or self.id
        seconds = self._settings.cancel_seconds
        return await stopping.stop(self._api, self.id, clock=self._clock, seconds=seconds, certain=self._answered)

    async def _post(self) -> None:
        for _ in range(POSTS):
            accepted = await self._post_once()
            if accepted is not None:
                await self._accept(accepted)
                return
        raise outcome.failed("ComfyUI accepts the workflow but never queues it", "backend_unreachable", retryable=True)

    async def _post_once(self) -> Accepted | None:
        """None if there was no answer and no effect."""
        first, self.posted = not self.posted, True
        refusal: ErrorAnswer | None = None
        try:
            return await self._api.submit(self._body)
        except Unreachable as error:
            if first:
                self.posted = False
                raise ServiceDown(str(error)) from error
        except Unanswered as error:
            self._context.log(f"no answer to the prompt ({error}): checking whether ComfyUI has it")
        except ErrorAnswer as error:
            refusal = error
            if error.status != 500:
                self.posted = False
                raise outcome.refused(error) from error
        found = await self._find()
        if found is None and refusal is not None:
            raise outcome.refused(refusal) from refusal
        return Accepted(found, {}) if found else None

    async def _accept(self, accepted: Accepted) -> None:
        self._answered = True
        self._tracker.prompt_id = accepted.prompt_id
        self._context.log(f"queued in ComfyUI as {accepted.prompt_id}")
        if not accepted.node_errors:
            return
        invalid = outcome.partly_invalid(accepted.node_errors)
        if self._settings.allow_partial:
            self._context.log(invalid.failure.message)
            return
        began: Entry | None = None
        with suppress(stopping.NotStopped):
            began = await self.stop()
        missing = missing_models(accepted.node_errors)
        raise Mismatch(", ".join(missing)) if missing and began is None else invalid

    async def _find(self) -> str | None:
        """The id under which the server has it, if it has it; asks until there is an answer."""
        while True:
            try:
                found = await self._look()
            except ApiError as error:
                await self._patience.endure(error)
            else:
                self._patience.over()
                return found

    async def _look(self) -> str | None:
        entry = await self._api.history(self.id)
        if entry is not None and entry.is_of(self._body["client_id"]):
            return self.id
        mark = self._body["extra_data"][MARK]
        for queued in await self._api.queue():
            if queued.prompt_id == self.id or queued.mark == mark:
                return queued.prompt_id
        for prompt_id, entry in (await self._api.recent(RECENT)).items():
            prompt = sequence(mapping(entry).get("prompt"))
            if prompt_id == self.id or (len(prompt) > 3 and mapping(prompt[3]).get(MARK) == mark):
                return prompt_id
        return None
