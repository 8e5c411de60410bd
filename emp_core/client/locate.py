"""Finds the queue for a caller that gives no URL.

The URL that was given, then the environment, then the embedded server of the data directory, then this machine's
port 6379 if it holds a queue of ours.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from emp_core.client.client_settings import ClientSettings, read_client_settings
from emp_core.errors import Misconfigured, QueueUnavailable
from emp_core.store import Link
from emp_core.store.connection import MAX_CONNECTIONS, build_client
from emp_core.urls import is_on_this_machine
from emp_core.variables import environment_of_host

USUAL = "redis://127.0.0.1:6379/0"

NOT_FOUND = "no queue found: no setting names one, and this machine runs none"
WHAT_TO_DO = "start one with `emp hub start`, or give its URL with --redis or REDIS_URL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Where the queue and its files are."""

    url: str
    prefix: str
    source: str
    """Who said so, for people."""

    artifacts: str | None
    """None: nothing says it, and the queue is not on this machine."""

    token: str = ""
    """For files that go through the hub."""

    max_connections: int = MAX_CONNECTIONS
    """To Redis."""

    context: str = ""
    """The context of the command that names it; empty: none."""


async def locate(url: str | None = None) -> Location:
    """Find the queue. Raises `QueueUnavailable` with what to do, or `Misconfigured`."""
    found = await find(url)
    if found is None:
        raise none_found(_settings(url).data_dir)
    return found


def none_found(data_dir: Path) -> QueueUnavailable:
    """What to say if there is no queue, or a stopped one."""
    from emp_core import embedded

    stopped = embedded.kept_in(data_dir)
    if stopped is None:
        return QueueUnavailable("redis_unavailable", NOT_FOUND, hint=WHAT_TO_DO)
    problem = f"no queue found: the embedded server is stopped; its jobs are in {stopped}"
    return QueueUnavailable("redis_unavailable", problem, hint="`emp hub start` starts it again")


async def find(url: str | None = None, settings: ClientSettings | None = None) -> Location | None:
    """The same, or None if no queue is found. `settings`: those that the caller has read already."""
    settings = settings or _settings(url)
    found = (settings.url, "as told" if url else "the environment") if settings.url else await _search(settings)
    if found is None:
        return None
    place, source = found
    return Location(
        url=place,
        prefix=settings.key_prefix,
        source=source,
        artifacts=files_url(settings, place),
        token=settings.hub_auth_token,
        max_connections=settings.redis_max_connections,
    )


def _settings(url: str | None) -> ClientSettings:
    """For a library, whose host program may have variables of its own that begin with `EMP_` or `REDIS_`."""
    overrides = {"REDIS_URL": url} if url else {}
    return read_client_settings(environment_of_host(url), overrides=overrides, strict=False)


async def _search(settings: ClientSettings) -> tuple[str, str] | None:
    from emp_core import embedded

    server = await asyncio.to_thread(embedded.find, settings.data_dir)
    if server is not None:
        return server.url, "the embedded server"
    if await _holds_a_queue(USUAL, settings.key_prefix):
        return USUAL, "this machine's port 6379"
    return None


async def _holds_a_queue(url: str, prefix: str) -> bool:
    """Whether a server answers there and has our keys; one attempt."""
    link = Link(build_client(url, prefix, blocking=True), prefix)
    try:
        return bool(await link.call("EXISTS", link.key("schema")))
    except (QueueUnavailable, Misconfigured):  # no server, or another program's with a password
        return False
    finally:
        await link.close()


class FilePlace(Protocol):
    """The settings that say where the files of jobs are."""

    @property
    def artifacts_url(self) -> str | None: ...

    @property
    def hub_ws_url(self) -> str | None: ...

    @property
    def data_dir(self) -> Path: ...


def files_url(settings: FilePlace, queue_url: str) -> str | None:
    """Where a queue's files are: the store that is set, the hub, or a directory if Redis is on this machine."""
    if settings.artifacts_url:
        return settings.artifacts_url
    if settings.hub_ws_url:
        return settings.hub_ws_url.replace("ws", "http", 1)
    return local_files(settings.data_dir) if is_on_this_machine(queue_url) else None


def local_files(data_dir: Path) -> str:
    """Where files lie that stay on this machine."""
    return (data_dir.resolve() / "artifacts").as_uri()
