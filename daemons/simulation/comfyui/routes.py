"""The server's HTTP endpoints and its event socket, each also under `/api`."""

import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket

from daemons.simulation.comfyui.catalog import catalog, object_info
from daemons.simulation.comfyui.files import Files
from daemons.simulation.comfyui.jobs import Jobs
from daemons.simulation.comfyui.process import Process, Rejected
from daemons.simulation.comfyui.prompts import Item
from daemons.simulation.comfyui.replies import Json, empty, too_large, trouble
from daemons.simulation.comfyui.weather import Weather

FOLDERS = [
    "checkpoints",
    "configs",
    "loras",
    "vae",
    "text_encoders",
    "diffusion_models",
    "clip_vision",
    "style_models",
    "embeddings",
    "diffusers",
    "vae_approx",
    "controlnet",
    "gligen",
    "upscale_models",
    "custom_nodes",
    "hypernetworks",
    "photomaker",
    "classifiers",
    "model_patches",
    "audio_encoders",
]
"""The model folders that every ComfyUI knows."""


def _shown(item: Item) -> list[Any]:
    return [item[0], item[1], item[2], item[3], item[4]]


class Routes:
    """The endpoints of one process."""

    def __init__(self, process: Process, new_uuid: Callable[[], uuid.UUID]) -> None:
        self._process = process
        self._machine = process.machine
        self._new_uuid = new_uuid

    def app(self) -> Starlette:
        """All of it, behind the faults that are ordered."""
        files = Files(self._process)
        plain: list[BaseRoute] = [
            Route("/prompt", self.prompt, methods=["GET", "POST"]),
            Route("/queue", self.queue, methods=["GET", "POST"]),
            Route("/interrupt", self.interrupt, methods=["POST"]),
            Route("/history", self.history, methods=["GET", "POST"]),
            Route("/history/{prompt_id:path}", self.history_of, methods=["GET"]),
            Route("/free", self.free, methods=["POST"]),
            Route("/system_stats", self.system_stats, methods=["GET"]),
            Route("/features", self.features, methods=["GET"]),
            Route("/object_info", self.object_info, methods=["GET"]),
            Route("/object_info/{name}", self.object_info, methods=["GET"]),
            Route("/models", self.folders, methods=["GET"]),
            Route("/models/{folder}", self.models, methods=["GET"]),
            Route("/embeddings", self.embeddings, methods=["GET"]),
            Route("/upload/image", files.upload, methods=["POST"]),
            Route("/view", files.view, methods=["GET"]),
            WebSocketRoute("/ws", self.events),
        ]
        jobs = Jobs(self._process).routes() if self._machine.options.has_jobs else []
        weather = Middleware(Weather, machine=self._machine)
        return Starlette(routes=[*jobs, *plain, Mount("/api", routes=plain)], middleware=[weather])

    async def events(self, socket: WebSocket) -> None:
        """The event socket of one client."""
        await self._process.sockets.serve(socket, socket.query_params.get("clientId") or self._new_uuid().hex)

    async def prompt(self, request: Request) -> Response:
        """How many are open; or queue one more."""
        if request.method == "GET":
            return Json(self._process.queue_info)
        body = await request.body()
        limit = self._machine.options.max_upload_bytes
        if len(body) > limit:
            return too_large(len(body), limit)
        try:
            return Json(self._process.submit(json.loads(body)))
        except Rejected as rejected:
            return Json(rejected.body, 400)
        except (TypeError, KeyError, AttributeError, ValueError):
            return trouble()

    async def queue(self, request: Request) -> Response:
        """What runs and waits, with whole graphs, the latter in heap order; or take some out."""
        prompts = self._process.prompts
        if request.method == "GET":
            running = [] if prompts.running is None else [_shown(prompts.running)]
            return Json({"queue_running": running, "queue_pending": [_shown(item) for item in prompts.pending]})
        orders = await request.json()
        if orders.get("clear"):
            prompts.clear()
        for prompt_id in orders.get("delete", ()):
            prompts.delete(prompt_id)
        return empty()

    async def interrupt(self, request: Request) -> Response:
        """Stop what runs; only the prompt that is named, where the version heeds names."""
        wanted = _json(await request.body()).get("prompt_id")
        running = self._process.prompts.running
        named = wanted and self._machine.options.interrupts_one
        if not named or (running is not None and running[1] == wanted):
            self._machine.interrupt()
        return empty()

    async def history(self, request: Request) -> Response:
        """What ended; or forget it."""
        prompts = self._process.prompts
        if request.method == "GET":
            count = request.query_params.get("max_items")
            offset = int(request.query_params.get("offset", -1))
            return Json(prompts.recent(None if count is None else int(count), offset))
        orders = await request.json()
        if orders.get("clear"):
            prompts.history.clear()
        for prompt_id in orders.get("delete", ()):
            prompts.history.pop(prompt_id, None)
        return empty()

    async def history_of(self, request: Request) -> Response:
        """What became of one prompt: nothing unless it ended."""
        prompt_id = request.path_params["prompt_id"]
        entry = self._process.prompts.history.get(prompt_id)
        return Json({} if entry is None else {prompt_id: entry})

    async def free(self, request: Request) -> Response:
        """Drop what is cached."""
        if (await request.json()).get("free_memory"):
            self._process.executor.forget()
        return empty()

    async def system_stats(self, _: Request) -> Response:
        """What the server is and runs on."""
        total, gpu = self._machine.options.memory_bytes, self._machine.options.gpu
        # What a prompt made stays in memory for the next one.
        free = total // 2 if self._process.executor.has_cache else total
        memory = {"vram_total": total, "vram_free": free, "torch_vram_total": total, "torch_vram_free": free}
        device = {"name": f"cuda:0 {gpu} : native", "type": "cuda", "index": 0}
        device = device if gpu else {"name": "cpu", "type": "cpu", "index": None}
        return Json({"system": self._system(total), "devices": [{**device, **memory}]})

    def _system(self, memory: int) -> Mapping[str, Any]:
        return {
            "os": "posix",
            "ram_total": memory,
            "ram_free": memory,
            "comfyui_version": self._machine.options.version,
            "required_frontend_version": "1.27.10",
            "installed_templates_version": None,
            "required_templates_version": "0.1.95",
            "python_version": "3.11.7 (simulated)",
            "pytorch_version": "2.13.0+cpu",
            "embedded_python": False,
            "argv": ["main.py", "--cpu"],
        }

    async def features(self, _: Request) -> Response:
        """What the server can."""
        return Json(self._process.features)

    async def object_info(self, request: Request) -> Response:
        """All node classes, or one."""
        classes = catalog(self._machine.options, self._machine.disk)
        wanted = request.path_params.get("name")
        return Json({name: object_info(entry) for name, entry in classes.items() if wanted in (None, name)})

    async def folders(self, _: Request) -> Response:
        """The model folders."""
        return Json(FOLDERS)

    async def models(self, request: Request) -> Response:
        """The files of one folder."""
        folder = request.path_params["folder"]
        if folder not in FOLDERS:
            return empty(404)
        return Json(list(self._machine.options.models.get(folder, ())))

    async def embeddings(self, _: Request) -> Response:
        """The embeddings, without their file suffixes."""
        return Json([name.rpartition(".")[0] for name in self._machine.options.models.get("embeddings", ())])


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
