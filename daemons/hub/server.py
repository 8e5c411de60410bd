"""Starts and stops the hub's process."""

import asyncio
import contextlib
from collections.abc import Callable, Generator, Sequence

import structlog
import uvicorn
from fastapi import FastAPI

from daemons.hub.app import create_app
from daemons.hub.chores import chores_of
from daemons.hub.http.listening import BACKLOG, listening, url_of
from daemons.hub.http.protocol import BoundedHttp, allow_open_files
from daemons.hub.http.sockets import BoundedSocket
from daemons.hub.settings import HubSettings
from daemons.lifecycle import on_stop
from daemons.outage import Outage
from emp_core import __version__
from emp_core.artifacts import open_objects
from emp_core.client.locate import local_files
from emp_core.clock import SystemClock
from emp_core.errors import QueueUnavailable
from emp_core.store import Store, open_store
from emp_core.urls import masked

log = structlog.get_logger()

START_SECONDS = 10.0
"""How long a hub that starts waits for Redis, which may be starting too."""

GRACE_SECONDS = 10
"""How long a hub that stops lets requests go on."""

KEEP_ALIVE_SECONDS = 75
"""Longer than the pools of clients keep an idle connection, so that it is they who close it."""


async def run_hub(
    settings: HubSettings,
    url: str,
    announced: Callable[[Sequence[str]], contextlib.AbstractContextManager[object]] = contextlib.nullcontext,
) -> None:
    """Serve until asked to stop. Raises `QueueUnavailable` or `Misconfigured` where it cannot begin.

    `announced` is entered with the hub's URLs once its ports are its own, and left with it.
    """
    for note in settings.notes:
        log.info("settings.note", note=note)
    allow_open_files()
    async with contextlib.AsyncExitStack() as closing:
        sockets = closing.enter_context(listening(settings))
        urls = [url_of(bound) for bound in sockets]
        closing.enter_context(announced(urls))
        store = await _open(url, settings)
        closing.push_async_callback(store.close)
        files = settings.artifacts_url or local_files(settings.data_dir)
        artifacts = open_objects(files, store.files_id)
        closing.push_async_callback(artifacts.aclose)
        app = create_app(store, artifacts, settings)
        server = HubServer(app)
        async with asyncio.TaskGroup() as tasks:
            outage = Outage()
            chores = [
                tasks.create_task(chore.run(outage), name=chore.name)
                for chore in chores_of(store, artifacts, settings, SystemClock())
            ]
            chores.append(tasks.create_task(app.state.hub.live.run(outage), name="live"))
            with on_stop(server.stop):
                _introduce(settings, store, urls, files)
                await server.serve(sockets=sockets)
            for chore in chores:
                chore.cancel()
    log.info("hub.stopped")


async def _open(url: str, settings: HubSettings) -> Store:
    """The queue, which may take a moment to come."""
    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + START_SECONDS
    waiting = False
    while True:
        try:
            return await open_store(url, settings.key_prefix, settings.redis_max_connections, upgrade=True)
        except QueueUnavailable as error:
            if error.code not in ("redis_unavailable", "moving") or loop.time() >= give_up_at:
                raise
            if not waiting:
                log.warning("hub.waiting", redis=masked(url), reason=error.message, seconds=START_SECONDS)
            waiting = True
            await asyncio.sleep(0.25)


def _introduce(settings: HubSettings, store: Store, urls: Sequence[str], files: str) -> None:
    server = store.server
    log.info(
        "hub.listening",
        urls=urls,
        redis=masked(store.url),
        engine=f"{server.engine} {server.version}",
        durability=server.durability,
        files=masked(files),
        callers="with the token" if settings.ws_auth_token else "this machine",
        version=__version__,
    )
    if server.durability == "memory":
        log.warning(
            "queue.not_durable", why="appendonly is off: a restart of Redis loses every job", fix="appendonly yes"
        )


class HubServer(uvicorn.Server):
    """uvicorn, with its signals left to us: after its own handling a process ends by the signal, not with 0."""

    def __init__(self, app: FastAPI) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=BoundedHttp,
                ws=BoundedSocket,
                ws_max_size=app.state.hub.settings.max_ws_message_size_mb * 1024 * 1024,
                ws_per_message_deflate=False,
                lifespan="off",
                access_log=False,
                log_config=None,
                server_header=False,
                proxy_headers=False,
                backlog=BACKLOG,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )
        self._app = app

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    def stop(self, asked: int) -> None:
        """No new connections, and 10 s for what is under way. Asked again: at once."""
        log.info("hub.stopping", requests=len(self.server_state.tasks), seconds=GRACE_SECONDS if asked == 1 else 0)
        self._app.state.stopping.set()
        self.should_exit = True
        self.force_exit = asked > 1
