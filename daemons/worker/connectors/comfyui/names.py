"""Names of files, as jobs and servers give them: never trusted to be only that."""

import mimetypes
import re

LONGEST = 150
"""Characters; leaves room for what stores and servers put in front."""

UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f"*:<>?|\\/\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]')
"""Control characters, direction marks, separators, and what some file system refuses."""

TYPES = {".webp": "image/webp", ".glb": "model/gltf-binary", ".gltf": "model/gltf+json", ".flac": "audio/flac"}
"""What some systems' tables lack."""


def safe_name(name: str, fallback: str = "file") -> str:
    """The last part of a path, in characters that are safe to store, show and send; the suffix survives."""
    last = re.split(r"[/\\]", name)[-1]
    cleaned = UNSAFE.sub("_", last).strip(". ")
    if len(cleaned) > LONGEST:
        stem, dot, suffix = cleaned.rpartition(".")
        cleaned = f"{stem[: LONGEST - len(suffix) - 1]}.{suffix}" if dot and len(suffix) < 16 else cleaned[:LONGEST]
    return cleaned or fallback


def media_type(name: str) -> str:
    """By the suffix; what the server says of it is not asked."""
    suffix = "." + name.rpartition(".")[2].lower()
    return TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
