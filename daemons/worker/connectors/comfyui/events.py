"""The frames of ComfyUI's event socket, decoded. A frame that makes no sense is nothing, never an error."""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from daemons.worker.connectors.comfyui.answers import mapping, text

PREVIEW = 1
PREVIEW_WITH_METADATA = 4
PLAIN_TYPES = {1: "image/jpeg", 2: "image/png"}

FEATURE_FLAGS = json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}})
"""Must be a client's first message: with it, pictures come with the ids of prompt and node."""


@dataclass(frozen=True, slots=True)
class SocketEvent:
    """A JSON frame. `prompt_id` is empty if it names none."""

    kind: str
    prompt_id: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Image:
    """A binary frame with a picture. It has no ids if the server is old, or the picture another client's."""

    prompt_id: str
    node: str
    media_type: str
    data: bytes


def decode(frame: str | bytes) -> SocketEvent | Image | None:
    """What a frame says; None for kinds that do not matter."""
    return _binary(frame) if isinstance(frame, bytes) else _json(frame)


def _json(frame: str) -> SocketEvent | None:
    try:
        message = mapping(json.loads(frame))
    except (ValueError, RecursionError):
        return None
    data = mapping(message.get("data"))
    kind = text(message.get("type"))
    return SocketEvent(kind, text(data.get("prompt_id")), data) if kind else None


def _binary(frame: bytes) -> Image | None:
    if len(frame) < 8:
        return None
    kind, head = struct.unpack_from(">II", frame)
    if kind == PREVIEW and head in PLAIN_TYPES:
        return Image("", "", PLAIN_TYPES[head], frame[8:])
    if kind == PREVIEW_WITH_METADATA and head <= len(frame) - 8:
        return _labelled(frame[8 : 8 + head], frame[8 + head :])
    return None


def _labelled(label: bytes, picture: bytes) -> Image | None:
    try:
        about = mapping(json.loads(label))
    except (ValueError, RecursionError):
        return None
    # A node that a subgraph made is not in the graph that was sent; the one that it stands for is.
    node = text(about.get("real_node_id")) or text(about.get("node_id"))
    kind = "image/png" if about.get("image_type") == "image/png" else "image/jpeg"
    return Image(text(about.get("prompt_id")), node, kind, picture)
