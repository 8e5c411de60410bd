"""What a prompt made, brought to the artifact store. Names, sizes and counts come from the server: none is trusted."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import httpx

from daemons.worker.connector import JobContext, JobFailed
from daemons.worker.connectors.comfyui import outcome
from daemons.worker.connectors.comfyui.answers import FileRef, mapping, number, sequence, text
from daemons.worker.connectors.comfyui.api import ApiError, ComfyUIApi, ErrorAnswer
from daemons.worker.connectors.comfyui.events import Image
from daemons.worker.connectors.comfyui.names import media_type
from daemons.worker.connectors.comfyui.settings import ComfyUISettings
from emp_core.domain.file_names import safe_name, safe_path
from emp_core.domain.outcome import Artifact, Blame

TRIES = 3
"""Downloads of one file."""

PAUSE = 0.5
"""Seconds before another try."""

INLINE = 131_072
"""Characters of text in one result; half of what a result may hold."""


ONLY_PREVIEWS = (
    "all files of this job are temporary previews, which are not kept: save them with a node such as SaveImage, or set "
    "COMFYUI_KEEP_TEMP=true for the worker"
)


class OutputGone(Exception):
    """The history names a file that is not there: a cached node repeats names of files that were removed."""


class Outputs:
    """Collects one prompt's files, and the map of them that stands in the result."""

    def __init__(self, api: ComfyUIApi, settings: ComfyUISettings, context: JobContext) -> None:
        self._api = api
        self._settings = settings
        self._context = context
        self._files: dict[FileRef, Artifact] = {}
        self._others: list[Artifact] = []
        self._previews = 0
        self._room = INLINE
        self._count = 0
        self.data: dict[str, dict[str, list[Any]]] = {}
        """Node -> kind -> names of files with their artifacts, and texts."""

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        """All that was stored, in order."""
        return (*self._files.values(), *self._others)

    @property
    def notes(self) -> list[str]:
        """What a person should know of files that the result lacks."""
        return [ONLY_PREVIEWS] if self._previews and not self.artifacts else []

    async def collect(self, outputs: Mapping[str, Any]) -> None:
        """Everything that the history lists. Raises `OutputGone`, `JobFailed`."""
        for node, kind, value in _values(outputs):
            ref = FileRef.read(value)
            if ref is not None:
                await self._take_file(node, kind, ref)
            elif isinstance(value, str):
                await self._take_text(node, kind, text(value))
            elif isinstance(value, bool | int | float):
                self._list(node, kind, value if isinstance(value, bool) else number(value))

    async def add(self, node: str, image: Image) -> None:
        """A picture that came over the socket."""
        place = sum(len(kinds.get("images", ())) for kinds in self.data.values()) + 1
        name = f"{safe_name(node)}_{place:05}.{image.media_type.partition('/')[2]}"
        artifact = await self._context.upload(name, _single(image.data), image.media_type)
        self._others.append(artifact)
        self._list(node, "images", {"name": artifact.name, "artifact": artifact.id})

    async def _take_file(self, node: str, kind: str, ref: FileRef) -> None:
        if ref.folder != "output" and not (ref.folder == "temp" and self._settings.keep_temp):
            self._previews += ref.folder == "temp"
            return
        if ref not in self._files:
            self._files[ref] = await self._fetch(ref)
        artifact = self._files[ref]
        self._list(node, kind, {"name": artifact.name, "artifact": artifact.id})

    async def _take_text(self, node: str, kind: str, words: str) -> None:
        kept = words[: min(self._settings.max_text, self._room)]
        self._room -= len(kept)
        self._list(node, kind, kept)
        if len(kept) < len(words):
            name = safe_name(f"{node}_{kind}.txt")
            self._others.append(await self._context.upload(name, _single(words.encode()), "text/plain"))

    def _list(self, node: str, kind: str, value: Any) -> None:
        self._count += 1
        if self._count > self._settings.max_files:
            raise _too_large(f"the workflow made more than {self._settings.max_files} files and texts")
        self.data.setdefault(node[:100], {}).setdefault(kind[:100], []).append(value)

    async def _fetch(self, ref: FileRef) -> Artifact:
        for left in reversed(range(TRIES)):
            try:
                return await self._fetch_once(ref)
            except ErrorAnswer as error:
                if error.status == 404:
                    raise OutputGone(ref.filename) from error
                message = f"ComfyUI does not send {safe_name(ref.filename)} (HTTP {error.status})"
                raise outcome.failed(message, "missing_output", retryable=True) from error
            except ApiError as error:
                if not left:
                    message = f"cannot download a result: {error}"
                    raise outcome.failed(message, "backend_unreachable", retryable=True) from error
            await asyncio.sleep(PAUSE)
        raise AssertionError("the last try returns or raises")

    async def _fetch_once(self, ref: FileRef) -> Artifact:
        name = safe_path(f"{ref.subfolder}/{ref.filename}")
        async with self._api.view(ref) as response:
            return await self._context.upload(name, self._capped(name, response), media_type(name), ref.folder)

    async def _capped(self, name: str, response: httpx.Response) -> AsyncIterator[bytes]:
        size, most = 0, self._settings.max_file_bytes
        declared = response.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > most:
            raise _too_large(f"{name} is over {most} bytes")
        async for chunk in response.aiter_bytes():
            size += len(chunk)
            if size > most:
                raise _too_large(f"{name} is over {most} bytes")
            yield chunk


def listed(outputs: Mapping[str, Any]) -> dict[str, list[str]]:
    """Node -> names of its files, without fetching any: what a result that comes too late is noted as."""
    names: dict[str, list[str]] = {}
    for node, _, value in _values(outputs):
        ref = FileRef.read(value)
        if ref is not None:
            names.setdefault(node[:100], []).append(safe_name(ref.filename))
    return names


def _values(outputs: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    for node, kinds in outputs.items():
        for kind, values in mapping(kinds).items():
            for value in sequence(values):
                yield text(node), text(kind), value


def _too_large(message: str) -> JobFailed:
    return outcome.failed(message, "too_large", retryable=False, blame=Blame.JOB)


async def _single(data: bytes) -> AsyncIterator[bytes]:
    yield data
