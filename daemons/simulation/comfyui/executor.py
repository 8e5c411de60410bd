"""Takes prompts from the queue one after the other, as the real server's single worker thread does."""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from daemons.simulation.comfyui.catalog import NodeClass, catalog
from daemons.simulation.comfyui.disk import locate
from daemons.simulation.comfyui.execution import Execution, Strike, source
from daemons.simulation.comfyui.machine import Machine
from daemons.simulation.comfyui.nodes import Made
from daemons.simulation.comfyui.prompts import Graph, Item, Prompts
from daemons.simulation.comfyui.sockets import Sockets, event


class Executor:
    """Runs prompts; keeps what the last one made, so that the next need not make it again."""

    def __init__(self, machine: Machine, sockets: Sockets, prompts: Prompts, strike: Strike) -> None:
        self._machine = machine
        self._sockets = sockets
        self._prompts = prompts
        self._strike = strike
        self._cache: dict[str, Made] = {}

    @property
    def has_cache(self) -> bool:
        """Whether something is kept of the last prompt."""
        return bool(self._cache)

    def forget(self) -> None:
        """What `/free` with `free_memory` does."""
        self._cache = {}

    async def run(self) -> None:
        """Work, for ever."""
        while True:
            item = await self._prompts.take()
            await self._run_one(item)

    async def _run_one(self, item: Item) -> None:
        machine = self._machine
        machine.interrupted, machine.client = False, item[3].get("client_id")
        classes = catalog(machine.options, machine.disk)
        names = self._names(item[2], classes)
        self._cache = {name: self._cache[name] for name in names.values() if name in self._cache}
        execution = Execution(machine, self._sockets, self._strike, item, classes, names, self._cache)
        await execution.run()
        machine.node = None
        await machine.sleep(machine.options.history_lag)
        self._prompts.finish(item, execution.result, execution.status)
        if machine.client is not None:
            self._sockets.send(event("executing", {"node": None, "prompt_id": item[1]}), machine.client)

    def _names(self, graph: Graph, classes: Mapping[str, NodeClass]) -> dict[str, str]:
        """Node -> a name for all that its result depends on."""
        names: dict[str, str] = {}

        def name(node: str) -> str:
            if node not in names and node in graph:
                names[node] = ""  # a cycle ends here
                names[node] = self._name(graph[node], classes, name)
            return names.get(node, "")

        for node in graph:
            name(node)
        return names

    def _name(self, node: Mapping[str, Any], classes: Mapping[str, NodeClass], name: Callable[[str], str]) -> str:
        parts: list[Any] = [node["class_type"]]
        for key, value in sorted(node["inputs"].items()):
            link = source(value)
            parts.append([key, value] if link is None else [key, name(link), value[1]])
        if node["class_type"] == "LoadImage":
            data = self._machine.disk.read(*locate(node["inputs"]["image"])) or b""
            parts.append(hashlib.sha256(data).hexdigest())
        if classes[node["class_type"]].fresh:
            parts.append(self._machine.chance.random())
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
