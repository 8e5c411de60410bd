"""One life of the server: all that a crash takes with it, and the work in it."""

import asyncio
import json
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from daemons.simulation.comfyui.catalog import catalog
from daemons.simulation.comfyui.execution import Strike
from daemons.simulation.comfyui.executor import Executor
from daemons.simulation.comfyui.machine import Machine
from daemons.simulation.comfyui.prompts import Graph, Prompts
from daemons.simulation.comfyui.sockets import METADATA_FLAG, Sockets, event
from daemons.simulation.comfyui.validation import Problem, Validation, problem

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Rejected(Exception):
    """A prompt that `/prompt` answers with 400."""

    def __init__(self, error: Problem, node_errors: Mapping[str, Any] | None = None) -> None:
        super().__init__(error["message"])
        self.body = {"error": error, "node_errors": node_errors or {}}


class Process:
    """Queue, history, sockets and executor, joined."""

    def __init__(self, machine: Machine, strike: Strike, new_uuid: Callable[[], uuid.UUID]) -> None:
        self.machine = machine
        self.features = {
            METADATA_FLAG: machine.options.knows_prompt_ids,
            "max_upload_size": machine.options.max_upload_bytes,
        }
        self.sockets = Sockets(self._greeting, self.features, machine.awake)
        self.prompts = Prompts(self._queue_changed, machine.options.history_size)
        self.executor = Executor(machine, self.sockets, self.prompts, strike)
        self._new_uuid = new_uuid

    async def run(self) -> None:
        """Work until the process dies."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self.executor.run()), group.create_task(self.sockets.publish())]
            await self.machine.ended.wait()
            for task in tasks:
                task.cancel()

    @property
    def queue_info(self) -> Mapping[str, Any]:
        """What `GET /prompt` and each `status` event say."""
        return {"exec_info": {"queue_remaining": self.prompts.remaining}}

    def submit(self, body: dict[str, Any]) -> Mapping[str, Any]:
        """What `POST /prompt` does. Raises `Rejected`, and what malformed graphs raise."""
        number = self._number(body)
        if "prompt" not in body:
            raise Rejected(problem("no_prompt", "No prompt provided", "No prompt provided"))
        prompt_id = self._prompt_id(body)
        graph: Graph = body["prompt"]
        classes = catalog(self.machine.options, self.machine.disk)
        verdict = Validation(graph, classes, self.machine.disk).run(body.get("partial_execution_targets"))
        if verdict.error is not None:
            raise Rejected(verdict.error, verdict.node_errors)
        extra = dict(body.get("extra_data", {}))
        if "client_id" in body:
            extra["client_id"] = body["client_id"]
        self.prompts.put((number, prompt_id, graph, extra, verdict.outputs))
        return {"prompt_id": prompt_id, "number": number, "node_errors": verdict.node_errors}

    def cancel(self, prompt_id: str) -> bool:
        """What `POST /api/jobs/{id}/cancel` does; whether there was something to cancel."""
        running = self.prompts.running
        if running is not None and running[1] == prompt_id:
            self.machine.interrupt()
            return True
        return self.prompts.delete(prompt_id)

    def _number(self, body: Mapping[str, Any]) -> float:
        if "number" in body:
            return float(body["number"])
        number, self.machine.number = self.machine.number, self.machine.number + 1
        return -number if body.get("front") else number

    def _prompt_id(self, body: Mapping[str, Any]) -> str:
        """The id that the client sent, as far as this version heeds it."""
        options = self.machine.options
        if not options.knows_prompt_ids or "prompt_id" not in body:
            return str(self._new_uuid())
        sent = body["prompt_id"]
        if not options.has_jobs:
            return str(sent)
        if sent is None:
            return str(self._new_uuid())
        if not isinstance(sent, str) or UUID.fullmatch(sent) is None:
            raise Rejected(problem("invalid_prompt_id", "prompt_id must be a canonical UUID", json.dumps(sent)))
        return sent

    def _queue_changed(self) -> None:
        self.sockets.send(event("status", {"status": self.queue_info}), None)

    def _greeting(self, client: str) -> list[str]:
        """What a new socket is told at once; the last without its prompt's id, as ComfyUI does."""
        messages = [event("status", {"status": self.queue_info, "sid": client})]
        if self.machine.client == client and self.machine.node is not None:
            messages.append(event("executing", {"node": self.machine.node}))
        return messages
