"""One prompt, from `execution_start` to its end, with the events in ComfyUI's order."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from daemons.simulation.comfyui.catalog import NodeClass
from daemons.simulation.comfyui.faults import Fault
from daemons.simulation.comfyui.images import Picture
from daemons.simulation.comfyui.machine import Machine
from daemons.simulation.comfyui.nodes import BEHAVIOURS, BLOCKED, Inputs, Made, NodeFailed
from daemons.simulation.comfyui.prompts import Item
from daemons.simulation.comfyui.sockets import Sockets, event, labelled_preview, plain_preview

OUT_OF_MEMORY = "torch.OutOfMemoryError"
TIPS = (
    "This error means you ran out of memory on your GPU.\n\nTIPS: If the workflow worked before you might have "
    "accidentally set the batch_size to a large number."
)
Strike = Callable[[Fault], Awaitable[None]]


class Stopped(Exception):
    """The interrupt flag was seen."""


def source(value: Any) -> str | None:
    """The node that an input comes from, where it is a link."""
    return value[0] if isinstance(value, list) and len(value) == 2 else None


class Execution:
    """Runs the graph of one item; `result` and `status` are what the history keeps."""

    def __init__(
        self,
        machine: Machine,
        sockets: Sockets,
        strike: Strike,
        item: Item,
        classes: Mapping[str, NodeClass],
        names: Mapping[str, str],
        cache: dict[str, Made],
    ) -> None:
        _, self._id, self._graph, self._extra, self._outputs = item
        self._machine = machine
        self._sockets = sockets
        self._strike = strike
        self._classes = classes
        self._names = names
        self._cache = cache
        self._client = machine.client
        self._messages: list[list[Any]] = []
        self._states: dict[str, dict[str, Any]] = {}
        self._executed: list[str] = []
        self._seen: dict[str, Any] = {node: made.ui for node in self._graph if (made := self._cached(node)) and made.ui}
        self._succeeded = False

    @property
    def result(self) -> Mapping[str, Any]:
        """Outputs and what describes them."""
        return {"outputs": dict(self._seen), "meta": {node: self._about(node) for node in self._seen}}

    @property
    def status(self) -> Mapping[str, Any]:
        """How it ended, with the events that led there."""
        word = "success" if self._succeeded else "error"
        return {"status_str": word, "completed": self._succeeded, "messages": self._messages}

    async def run(self) -> None:
        """Run to the end, whatever it is."""
        self._note("execution_start")
        self._note("execution_cached", {"nodes": [node for node in self._graph if self._cached(node)]})
        try:
            for node in self._order():
                await self._run_node(node)
        except Stopped:
            self._note("execution_interrupted", at=self._where(), broadcast=True)
        except NodeFailed as failure:
            self._note("execution_error", at=self._where() | self._error(failure))
        else:
            self._succeeded = True
            self._note("execution_success")

    def _cached(self, node: str) -> Made | None:
        return self._cache.get(self._names[node])

    def _order(self) -> Iterator[str]:
        """Outputs as soon as they can run, then what an output waits for, then the rest."""
        waits: dict[str, set[str]] = {}
        for output in self._outputs:
            self._collect(output, waits)
        while waits:
            ready = [node for node, needs in waits.items() if not needs & waits.keys()]
            if not ready:
                self._machine.node = next(iter(waits))
                raise NodeFailed("graph.DependencyCycleError", "Dependency cycle detected")
            feeding = {need for node, needs in waits.items() if self._is_output(node) for need in needs}
            chosen = min(ready, key=lambda node: (not self._is_output(node), node not in feeding))
            del waits[chosen]
            yield chosen

    def _collect(self, node: str, waits: dict[str, set[str]]) -> None:
        needs = {found for value in self._graph[node]["inputs"].values() if (found := source(value))}
        waits[node] = set() if self._cached(node) else {need for need in needs if not self._cached(need)}
        for need in sorted(waits[node] - waits.keys()):
            self._collect(need, waits)

    def _is_output(self, node: str) -> bool:
        return self._classes[self._graph[node]["class_type"]].output

    async def _run_node(self, node: str) -> None:
        made = self._cached(node)
        if made is not None:
            self._tell_executed(node, made)
            self._progress(node, 1, 1, "finished")
            return
        self._machine.node = node
        self._progress(node, 0.0, 1.0, "running")
        self._tell("executing", {"node": node, "display_node": node, "prompt_id": self._id})
        await self._suffer(node)
        made = await self._make(node)
        self._cache[self._names[node]] = made
        if made.ui:
            self._seen[node] = made.ui
            self._tell_executed(node, made)
        self._progress(node, self._states[node]["max"], self._states[node]["max"], "finished")
        self._executed.append(node)

    async def _make(self, node: str) -> Made:
        class_type = self._graph[node]["class_type"]
        inputs = self._inputs(node)
        if any(value is BLOCKED for value in inputs.values()):
            return Made([BLOCKED] * len(self._classes[class_type].returns))
        return await BEHAVIOURS[class_type](Stage(self, self._machine, node), inputs)

    def _inputs(self, node: str) -> Inputs:
        taken = dict(self._graph[node]["inputs"])
        for name, value in taken.items():
            link = source(value)
            if link is not None:
                made = self._cached(link)
                taken[name] = made.values[value[1]] if made else None
        return taken

    async def _suffer(self, node: str) -> None:
        """Let happen what is ordered for a node that begins, and look at the interrupt flag."""
        fault = self._machine.faults.strikes(node, self._graph[node]["class_type"], self._machine.chance)
        if fault is Fault.ERROR:
            raise NodeFailed("RuntimeError", "simulated failure")
        if fault is Fault.OUT_OF_MEMORY:
            raise NodeFailed(OUT_OF_MEMORY, "Allocation on device")
        if fault is Fault.BLOCKED:
            self.blocked("simulated")
        elif fault is not None:
            await self._strike(fault)
        self.look()

    def look(self) -> None:
        """Stop here if interrupted."""
        if self._machine.stopped:
            raise Stopped

    def step(self, node: str, value: float, maximum: float, preview: Picture | None) -> None:
        """One update of a node's progress bar."""
        self.look()
        self._progress(node, value, maximum, "running")
        labels = self._sockets.labels(self._client)
        if preview and labels:
            self._sockets.send(labelled_preview(preview, self._place(node)), self._client)
        data = {"value": value, "max": maximum, "prompt_id": self._id, "node": node}
        self._sockets.send(event("progress", data), self._client)
        if preview and not labels:
            self._sockets.send(plain_preview(preview), self._client)

    def blocked(self, message: str) -> None:
        """Send the error of an ExecutionBlocker, which ends nothing and is not kept."""
        failure = NodeFailed("ExecutionBlocked", f"Execution Blocked: {message}")
        data = {"prompt_id": self._id, **self._where(), **self._error(failure)}
        self._sockets.send(event("execution_error", data), self._client)

    @property
    def texts(self) -> Mapping[str, Any]:
        """What is embedded in files."""
        return {"prompt": self._graph, **self._extra.get("extra_pnginfo", {})}

    def _place(self, node: str) -> dict[str, Any]:
        more = {"display_node_id": node, "parent_node_id": None, "real_node_id": node}
        return {"node_id": node, "prompt_id": self._id, **more}

    @staticmethod
    def _about(node: str) -> Mapping[str, Any]:
        return {"node_id": node, "display_node": node, "parent_node": None, "real_node_id": node}

    def _where(self) -> dict[str, Any]:
        node = self._machine.node or ""
        return {"node_id": node, "node_type": self._graph[node]["class_type"], "executed": list(self._executed)}

    def _error(self, failure: NodeFailed) -> dict[str, Any]:
        tips = TIPS if failure.kind == OUT_OF_MEMORY else ""
        inputs = self._graph[self._machine.node or ""]["inputs"]
        return {
            "exception_message": f"{failure.message}\n{tips}",
            "exception_type": failure.kind,
            "traceback": [f'  File "/srv/comfyui/execution.py", line 1, in execute\n    raise {failure.kind}\n'],
            "current_inputs": {name: [str(value)] for name, value in inputs.items()},
            "current_outputs": list(self._graph),
        }

    def _progress(self, node: str, value: float, maximum: float, state: str) -> None:
        self._states[node] = {"value": value, "max": maximum, "state": state, **self._place(node)}
        if self._machine.options.knows_prompt_ids:
            data = {"prompt_id": self._id, "nodes": self._states}
            self._sockets.send(event("progress_state", data), self._client)

    def _tell(self, kind: str, data: Mapping[str, Any]) -> None:
        if self._client is not None:
            self._sockets.send(event(kind, data), self._client)

    def _tell_executed(self, node: str, made: Made) -> None:
        data = {"node": node, "display_node": node, "output": made.ui, "prompt_id": self._id}
        self._tell("executed", data)

    def _note(
        self,
        kind: str,
        before: Mapping[str, Any] | None = None,
        *,
        at: Mapping[str, Any] | None = None,
        broadcast: bool = False,
    ) -> None:
        """Keep an event for the history, and send it."""
        stamp = {"timestamp": self._machine.clock.now_ms()}
        data = {**(before or {}), "prompt_id": self._id, **(at or {}), **stamp}
        self._messages.append([kind, data])
        if self._client is not None or broadcast:
            self._sockets.send(event(kind, data), self._client)


class Stage:
    """What one running node may use."""

    def __init__(self, execution: Execution, machine: Machine, node: str) -> None:
        self._execution = execution
        self._machine = machine
        self._node = node
        self.disk = machine.disk
        self.options = machine.options
        self.texts = execution.texts

    async def work(self, seconds: float) -> None:
        await self._machine.sleep(seconds * self._machine.faults.slow)

    async def step(self, value: float, maximum: float, preview: Picture | None = None) -> None:
        self._execution.step(self._node, value, maximum, preview)
        await self._machine.sleep(0)

    def blocked(self, message: str) -> None:
        self._execution.blocked(message)
