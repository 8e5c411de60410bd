"""ComfyUI's HTTP calls and its event socket, typed. Knows no jobs.

What goes wrong comes out as one of three errors that differ in what the server may have done:

ApiError
├── Unreachable   nothing was sent
├── Unanswered    it may have had its effect: a timeout, a reset, a proxy's 502, an answer that makes no sense
└── ErrorAnswer       the server said no
"""

import json
import ssl
import uuid
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import httpx
from websockets.asyncio.client import connect

from daemons.worker.connectors.comfyui.answers import (
    Accepted,
    Entry,
    FileRef,
    PromptQueue,
    Unreadable,
    mapping,
    number,
    text,
)
from daemons.worker.connectors.comfyui.multipart import form
from daemons.worker.connectors.comfyui.settings import ComfyUISettings

AMBIGUOUS = frozenset({408, 429})
"""Statuses of proxies and overload, as are those above 500: not the server's own word."""

NO_MODELS = frozenset({"configs", "custom_nodes"})
"""Folders that the server names among those of models."""

T = TypeVar("T")

MAX_ANSWER = 256 << 20
"""Bytes of JSON that are read at most; a queue of a thousand big graphs is a tenth of it."""


class ApiError(Exception):
    """A call did not do what it should."""


class Unreachable(ApiError):
    """No connection: nothing was sent."""


class Unanswered(ApiError):
    """No answer that makes sense: the call may have had its effect."""


class ErrorAnswer(ApiError):
    """The server answered with an error of its own."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.body = body

    @property
    def answer(self) -> Mapping[str, Any]:
        """The body, if it is a JSON object."""
        try:
            return mapping(json.loads(self.body))
        except (ValueError, RecursionError):
            return {}


class ComfyUIApi:
    """One server. Safe to share between prompts."""

    def __init__(self, settings: ComfyUISettings, new_uuid: Callable[[], uuid.UUID]) -> None:
        self._settings = settings
        self._new_uuid = new_uuid
        self.tls = _tls(settings)
        self._http = httpx.AsyncClient(
            base_url=settings.url,
            headers=settings.headers,
            verify=self.tls or False,
            timeout=httpx.Timeout(settings.read_timeout, connect=settings.connect_timeout),
        )

    async def close(self) -> None:
        """Let go of connections."""
        await self._http.aclose()

    async def system_stats(self) -> Mapping[str, Any]:
        """Version, memory, devices."""
        return mapping(await self._json("GET", "system_stats"))

    async def remaining(self) -> int:
        """How many prompts wait or run: the cheapest sign of life."""
        answer = mapping(await self._json("GET", "prompt"))
        if "exec_info" not in answer:
            raise Unanswered("GET prompt: not ComfyUI's answer")
        return int(number(mapping(answer["exec_info"]).get("queue_remaining")))

    async def models(self, folder: str) -> tuple[str, ...] | None:
        """The files of a model folder; None if there is no such folder."""
        try:
            answer = await self._json("GET", f"models/{quote(folder, safe='')}")
        except ErrorAnswer as refused:
            if refused.status == 404:
                return None
            raise
        return tuple(name for name in answer if isinstance(name, str)) if isinstance(answer, list) else None

    async def model_folders(self) -> tuple[str, ...]:
        """The folders that hold models; none on a server that is too old to name them."""
        try:
            answer = await self._json("GET", "models")
        except ErrorAnswer as refused:
            if refused.status == 404:
                return ()
            raise
        names = [name for name in answer if isinstance(name, str)] if isinstance(answer, list) else []
        return tuple(name for name in names if name not in NO_MODELS)

    async def submit(self, body: Mapping[str, Any]) -> Accepted:
        """Queue a prompt. Only the id that comes back counts: old servers mint their own."""
        return self._read(Accepted.read, await self._json("POST", "prompt", **_posted(body)))

    async def queue(self) -> PromptQueue:
        """The prompts that run and wait. A heavy call: the answer has every graph."""
        return self._read(PromptQueue.read, await self._json("GET", "queue"))

    async def history(self, prompt_id: str) -> Entry | None:
        """What became of a prompt. None says little: it may wait, run, be forgotten, or never have been."""
        answer = await self._json("GET", f"history/{quote(prompt_id, safe='')}")
        return self._read(lambda found: Entry.read(found, prompt_id), answer)

    async def recent(self, count: int) -> Mapping[str, Any]:
        """The last entries of the history, as they are."""
        return mapping(await self._json("GET", "history", params={"max_items": count}))

    async def delete(self, prompt_id: str) -> None:
        """Take a prompt that waits out of the queue; says nothing of whether it did."""
        await self._send("POST", "queue", **_posted({"delete": [prompt_id]}))

    async def interrupt(self, prompt_id: str) -> None:
        """Interrupt a prompt that runs. Servers before 0.3.57 interrupt whatever runs: look at the queue first."""
        await self._send("POST", "interrupt", **_posted({"prompt_id": prompt_id}))

    async def cancel(self, prompt_id: str) -> bool:
        """Remove or interrupt in one step; False if the server is too old to know the call."""
        try:
            await self._send("POST", f"api/jobs/{quote(prompt_id, safe='')}/cancel")
        except ErrorAnswer as refused:
            if refused.status in (404, 405):
                return False
            raise
        return True

    async def free(self, *, models: bool = False) -> None:
        """Have it forget what it has cached before the next prompt."""
        await self._send("POST", "free", **_posted({"free_memory": True, "unload_models": models}))

    async def upload(self, name: str, chunks: AsyncIterable[bytes]) -> FileRef:
        """Store an input; the name that comes back is the one to use, it may be another."""
        boundary = self._new_uuid().hex
        headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
        answer = await self._json("POST", "upload/image", content=form(boundary, name, chunks), headers=headers)
        stored = mapping(answer)
        ref = FileRef.read({**stored, "filename": stored.get("name"), "type": text(stored.get("type")) or "input"})
        if ref is None:
            raise Unanswered("POST upload/image: the answer names no file")
        return ref

    async def size_of(self, ref: FileRef) -> int | None:
        """The bytes of a file on the server; None if it is not there, or a proxy does not say."""
        params = {"filename": ref.filename, "subfolder": ref.subfolder, "type": ref.folder}
        try:
            async with self._stream("HEAD", "view", params=params) as response:
                size = response.headers.get("content-length", "")
        except ErrorAnswer:
            return None
        return int(size) if size.isdecimal() else None

    @asynccontextmanager
    async def view(self, ref: FileRef) -> AsyncIterator[httpx.Response]:
        """A file, to be streamed. Raises `ErrorAnswer` with 404 if it is gone."""
        params = {"filename": ref.filename, "subfolder": ref.subfolder, "type": ref.folder}
        async with self._stream("GET", "view", params=params, headers={"accept-encoding": "identity"}) as response:
            yield response

    def listen(self, client_id: str) -> connect:
        """The event socket, to be entered with `async with`."""
        url = self._settings.socket_url
        return connect(
            f"{url}{'&' if '?' in url else '?'}{urlencode({'clientId': client_id})}",
            additional_headers=self._settings.headers,
            compression=None,
            open_timeout=self._settings.connect_timeout,
            close_timeout=1,
            ping_interval=30,
            ping_timeout=self._settings.ping_timeout,
            max_size=self._settings.max_socket_bytes,
            ssl=self.tls if url.startswith("wss:") else None,
        )

    async def _json(self, method: str, path: str, **request: Any) -> Any:
        body = await self._send(method, path, **request)
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise Unanswered(f"{method} {path}: the answer is not JSON") from None

    async def _send(self, method: str, path: str, **request: Any) -> bytes:
        async with self._stream(method, path, **request) as response:
            return await _body(response, f"{method} {path}")

    @asynccontextmanager
    async def _stream(self, method: str, path: str, **request: Any) -> AsyncIterator[httpx.Response]:
        try:
            async with self._http.stream(method, path, **request) as response:
                if response.status_code in AMBIGUOUS or response.status_code > 500:
                    raise Unanswered(f"{method} {path}: HTTP {response.status_code}")
                if response.status_code >= 300:
                    raise ErrorAnswer(response.status_code, await _body(response, path))
                yield response
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise Unreachable(f"{method} {path}: {str(error) or type(error).__name__}") from error
        except httpx.RequestError as error:
            raise Unanswered(f"{method} {path}: {str(error) or type(error).__name__}") from error

    @staticmethod
    def _read(reader: Callable[[Any], T], answer: Any) -> T:
        try:
            return reader(answer)
        except Unreadable as error:
            raise Unanswered(str(error)) from None


def _posted(body: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON body; httpx's own refuses what JSON can only escape."""
    return {"content": json.dumps(body), "headers": {"content-type": "application/json"}}


async def _body(response: httpx.Response, what: str) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MAX_ANSWER:
            raise Unanswered(f"{what}: the answer is over {MAX_ANSWER} bytes")
    return bytes(body)


def _tls(settings: ComfyUISettings) -> ssl.SSLContext | None:
    if not (settings.url.startswith("https:") or settings.socket_url.startswith("wss:")):
        return None
    context = ssl.create_default_context(cafile=settings.ca_file)
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
