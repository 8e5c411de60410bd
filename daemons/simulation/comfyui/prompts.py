"""The queue of prompts and their history, as `/queue` and `/history` show them."""

import asyncio
import heapq
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

Graph = dict[str, Any]
Item = tuple[float, str, Graph, dict[str, Any], list[str]]
"""Number, prompt id, graph, extra data, outputs to run. The heap compares them in this order, as ComfyUI's does."""

PRIVATE = ("auth_token_comfy_org", "api_key_comfy_org")


class Prompts:
    """What waits, what runs, what ended. `changed` is called when the number of open prompts may have changed."""

    def __init__(self, changed: Callable[[], None], history_size: int) -> None:
        self._changed = changed
        self._size = history_size
        self._filled = asyncio.Event()
        self.pending: list[Item] = []
        self.running: Item | None = None
        self.history: OrderedDict[str, dict[str, Any]] = OrderedDict()

    @property
    def remaining(self) -> int:
        """Prompts that wait or run."""
        return len(self.pending) + (self.running is not None)

    def put(self, item: Item) -> None:
        """Queue one. Raises TypeError where number and id are taken, and keeps the item all the same, as ComfyUI."""
        try:
            heapq.heappush(self.pending, item)
        finally:
            self._filled.set()
        self._changed()

    async def take(self) -> Item:
        """The next to run."""
        while not self.pending:
            self._filled.clear()
            await self._filled.wait()
        self.running = heapq.heappop(self.pending)
        self._changed()
        return self.running

    def finish(self, item: Item, result: Mapping[str, Any], status: Mapping[str, Any]) -> None:
        """Move the running one to the history."""
        self.running = None
        extra = {key: value for key, value in item[3].items() if key not in PRIVATE}
        prompt = [item[0], item[1], item[2], extra, item[4]]
        parts = {"outputs": result["outputs"], "status": status, "meta": result["meta"]}
        self.history[item[1]] = {"prompt": prompt, **parts}
        while len(self.history) > self._size:
            self.history.popitem(last=False)
        self._changed()

    def delete(self, prompt_id: str) -> bool:
        """Take the first pending one of that id out."""
        for place, item in enumerate(self.pending):
            if item[1] == prompt_id:
                del self.pending[place]
                heapq.heapify(self.pending)
                self._changed()
                return True
        return False

    def clear(self) -> None:
        """Drop all that wait."""
        self.pending.clear()
        self._changed()

    def recent(self, count: int | None, offset: int) -> Mapping[str, Any]:
        """A page of the history, oldest first; a negative offset is one page from the end."""
        ids = list(self.history)
        start = max(0, len(ids) - count) if offset < 0 and count is not None else max(offset, 0)
        chosen = ids[start:] if count is None else ids[start : start + count]
        return {prompt_id: self.history[prompt_id] for prompt_id in chosen}
