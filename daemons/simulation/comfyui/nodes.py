"""What the supported node classes do."""

import asyncio
import json
import zlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from daemons.simulation.comfyui.disk import Disk, Escapes, locate
from daemons.simulation.comfyui.images import WHITE, Picture, encode_png, read_picture
from daemons.simulation.comfyui.options import Options

Inputs = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Made:
    """What a node gave: one value per output, and what the user sees of it."""

    values: Sequence[Any] = ()
    ui: Mapping[str, list[Any]] | None = None


BLOCKED: Any = object()
"""A value that keeps whoever would take it from running."""


class NodeFailed(Exception):
    """A node raised; `kind` is the exception's full name."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


class Stage(Protocol):
    """What a running node may use."""

    disk: Disk
    options: Options
    texts: Mapping[str, Any]
    """What is embedded in the files: the graph, and `extra_pnginfo`."""

    async def work(self, seconds: float) -> None:
        """Let time pass, deaf to interrupts."""
        ...

    async def step(self, value: float, maximum: float, preview: Picture | None = None) -> None:
        """Report progress. Raises where the prompt was interrupted."""
        ...

    def blocked(self, message: str) -> None:
        """Send the error event of an ExecutionBlocker, which ends nothing."""
        ...


Behaviour = Callable[[Stage, Inputs], Awaitable[Made]]


async def _empty_image(stage: Stage, inputs: Inputs) -> Made:
    await stage.work(stage.options.node_seconds)
    return Made([[Picture(inputs["width"], inputs["height"], inputs["color"])] * inputs["batch_size"]])


async def _invert(stage: Stage, inputs: Inputs) -> Made:
    await stage.work(stage.options.node_seconds)
    return Made([[picture.inverted() for picture in inputs["image"]]])


async def _scale(stage: Stage, inputs: Inputs) -> Made:
    await stage.work(stage.options.node_seconds)
    return Made([[picture.scaled(inputs["width"], inputs["height"]) for picture in inputs["image"]]])


async def _blur(stage: Stage, inputs: Inputs) -> Made:
    await stage.work(stage.options.node_seconds)
    return Made([inputs["image"]])


async def _load_image(stage: Stage, inputs: Inputs) -> Made:
    folder, path = locate(inputs["image"])
    data = stage.disk.read(folder, path)
    if data is None:
        raise NodeFailed("FileNotFoundError", f"[Errno 2] No such file or directory: '/srv/comfyui/{folder}/{path}'")
    return Made([[read_picture(data)], None])


def _saved(stage: Stage, pictures: Sequence[Picture], folder: str, prefix: str) -> Made:
    files = []
    for picture in pictures:
        try:
            name, subfolder = stage.disk.save(folder, prefix, encode_png(picture, stage.texts))
        except Escapes as error:
            raise NodeFailed("Exception", f"Saving image outside the output folder is not allowed. {error}") from None
        files.append({"filename": name, "subfolder": subfolder, "type": folder})
    return Made(ui={"images": files})


async def _save_image(stage: Stage, inputs: Inputs) -> Made:
    return _saved(stage, inputs["images"], "output", inputs["filename_prefix"])


async def _preview_image(stage: Stage, inputs: Inputs) -> Made:
    return _saved(stage, inputs["images"], "temp", "ComfyUI_temp_simul")


async def _save_over_websocket(stage: Stage, inputs: Inputs) -> Made:
    pictures = inputs["images"]
    for number, picture in enumerate(pictures):
        await stage.step(number, len(pictures), picture)
    return Made()


async def _preview_any(_: Stage, inputs: Inputs) -> Made:
    source = inputs.get("source")
    return Made(ui={"text": [source if isinstance(source, str) else json.dumps(source, default=str)]})


async def _concatenate(_: Stage, inputs: Inputs) -> Made:
    return Made([inputs["string_a"] + inputs["delimiter"] + inputs["string_b"]])


async def _load_checkpoint(stage: Stage, inputs: Inputs) -> Made:
    await stage.work(stage.options.load_seconds)
    return Made([inputs["ckpt_name"]] * 3)


async def _encode_text(stage: Stage, inputs: Inputs) -> Made:
    await stage.work(stage.options.node_seconds)
    return Made([inputs["text"]])


async def _empty_latent(_: Stage, inputs: Inputs) -> Made:
    return Made([[Picture(inputs["width"], inputs["height"], 0)] * inputs["batch_size"]])


async def _sample(stage: Stage, inputs: Inputs) -> Made:
    mark = json.dumps([inputs[name] for name in ("seed", "steps", "cfg", "positive", "negative", "model")])
    drawn = [
        Picture(latent.width, latent.height, zlib.crc32(f"{mark} {number}".encode()) & WHITE)
        for number, latent in enumerate(inputs["latent_image"])
    ]
    preview = drawn[0].thumbnail() if stage.options.previews else None
    for step in range(1, inputs["steps"] + 1):
        await stage.work(stage.options.step_seconds)
        await stage.step(step, inputs["steps"], preview)
    return Made([drawn])


async def _decode(stage: Stage, inputs: Inputs) -> Made:
    await stage.work(stage.options.node_seconds)
    return Made([inputs["samples"]])


async def _bench_sleep(stage: Stage, inputs: Inputs) -> Made:
    picture = Picture(64, 64, inputs.get("seed", 0) & WHITE)
    steps = inputs["steps"]
    for step in range(1, steps + 1):
        await stage.work(inputs["seconds"] / steps)
        await stage.step(step, steps, picture if inputs["preview"] else None)
    if not steps:
        await stage.work(inputs["seconds"])
    return Made([[picture]])


BENCH_ERRORS = {
    "runtime": "RuntimeError",
    "value": "ValueError",
    "oom": "torch.OutOfMemoryError",
    "file": "FileNotFoundError",
}


async def _bench_fail(stage: Stage, inputs: Inputs) -> Made:
    await asyncio.sleep(0)
    if inputs["kind"] == "blocked":
        stage.blocked(inputs["message"])
        return Made([BLOCKED])
    raise NodeFailed(BENCH_ERRORS[inputs["kind"]], inputs["message"])


async def _bench_text(_: Stage, inputs: Inputs) -> Made:
    return Made(ui={"text": [inputs["text"] + "x" * inputs["size"]]})


BEHAVIOURS: Mapping[str, Behaviour] = {
    "EmptyImage": _empty_image,
    "ImageInvert": _invert,
    "ImageScale": _scale,
    "ImageBlur": _blur,
    "LoadImage": _load_image,
    "SaveImage": _save_image,
    "PreviewImage": _preview_image,
    "SaveImageWebsocket": _save_over_websocket,
    "PreviewAny": _preview_any,
    "StringConcatenate": _concatenate,
    "CheckpointLoaderSimple": _load_checkpoint,
    "CLIPTextEncode": _encode_text,
    "EmptyLatentImage": _empty_latent,
    "KSampler": _sample,
    "VAEDecode": _decode,
    "TBSleep": _bench_sleep,
    "TBFail": _bench_fail,
    "TBText": _bench_text,
}
"""Class -> what it does."""
