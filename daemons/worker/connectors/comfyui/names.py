"""Media types by the names that servers give to files."""

import mimetypes

TYPES = {".webp": "image/webp", ".glb": "model/gltf-binary", ".gltf": "model/gltf+json", ".flac": "audio/flac"}
"""Those that some systems' tables lack."""


def media_type(name: str) -> str:
    """By the suffix; what the server says of it is not asked."""
    suffix = "." + name.rpartition(".")[2].lower()
    return TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
