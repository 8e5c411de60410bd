"""Which artifact store a URL names."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit, urlunsplit

from obstore.exceptions import BaseError
from obstore.store import MemoryStore, from_url

from emp_core.artifacts.contract import MAX_ARTIFACT_BYTES, ArtifactStore
from emp_core.artifacts.local import LocalArtifacts
from emp_core.artifacts.objects import ObjectArtifacts, first_line
from emp_core.errors import Misconfigured
from emp_core.urls import masked

if TYPE_CHECKING:
    from obstore.store import ObjectStore

SCHEMES = "file:///directory, s3://, gs://, az:// and memory://"

RETRY_LIMIT = timedelta(seconds=60)
"""obstore's own limit is three minutes, too long for a job that waits to be settled."""


def open_artifacts(url: str, queue: str = "", *, token: str = "", max_bytes: int = MAX_ARTIFACT_BYTES) -> ArtifactStore:
    """The store of a URL, as `open_objects`; `http://` and `https://` name a hub, and the token is for it."""
    if urlsplit(url).scheme in ("http", "https"):
        from emp_core.artifacts.hub import HubArtifacts  # httpx takes 80 ms to import

        return HubArtifacts(url, token, max_bytes=max_bytes)
    return open_objects(url, queue, max_bytes=max_bytes)


def open_objects(url: str, queue: str = "", *, max_bytes: int = MAX_ARTIFACT_BYTES) -> ObjectArtifacts:
    """The store of a URL, for who keeps the files: it can delete and sweep as well.

    A queue's files lie under the queue's id, so that several queues can share a URL. What lies at the URL itself, where
    older versions kept the files of all queues, is read and never changed.

    The clouds' addresses and credentials come from where their own tools take them.
    """
    parts = urlsplit(url)
    older = open_objects(url) if queue else None
    match parts.scheme:
        case "file":
            return LocalArtifacts(Path(unquote(parts.path), queue), max_bytes=max_bytes, older=older)
        case "memory":
            return ObjectArtifacts(MemoryStore(), max_bytes=max_bytes)
        case "s3" | "gs" | "az":
            place = urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{queue}" if queue else parts.path))
            return ObjectArtifacts(_cloud_store(place), max_bytes=max_bytes, older=older)
        case _:
            raise Misconfigured(f"cannot store files at {masked(url)!r}", hint=f"use one of {SCHEMES}")


def _cloud_store(url: str) -> "ObjectStore":
    try:
        return from_url(url, retry_config={"retry_timeout": RETRY_LIMIT})
    except BaseError as error:
        raise Misconfigured(f"cannot store files at {masked(url)!r}: {first_line(error)}") from error
