"""The hub's app: wiring, and nothing else."""

import asyncio

from fastapi import FastAPI

from daemons.hub.api import ROUTERS
from daemons.hub.api.dependencies import Hub
from daemons.hub.api.openapi import describe
from daemons.hub.dialects.routes import router as sockets
from daemons.hub.http.access_log import AccessLog
from daemons.hub.http.auth import Gate
from daemons.hub.http.head import Head
from daemons.hub.http.problems import LastWord, answer_problems
from daemons.hub.live import Live
from daemons.hub.settings import HubSettings
from daemons.hub.ws.socket import Connected
from daemons.hub.ws.streams import router as streams
from emp_core import __version__
from emp_core.artifacts.objects import ObjectArtifacts
from emp_core.client.file_store import Files
from emp_core.client.redis_queue import RedisQueue
from emp_core.client.this_process import this_process
from emp_core.store import Store


def create_app(store: Store, artifacts: ObjectArtifacts, settings: HubSettings) -> FastAPI:
    """The app over an open queue and an open artifact store; who opened them closes them."""
    store.broker.max_waiting = settings.max_pending_jobs
    app = bare_app()
    queue = RedisQueue(store, Files(lambda: artifacts), this_process())
    app.state.stopping = asyncio.Event()
    app.state.connected = Connected()
    app.state.hub = Hub(
        queue=queue, live=Live(queue), artifacts=artifacts, settings=settings, stopping=app.state.stopping
    )
    app.add_middleware(Head)
    app.add_middleware(Gate, settings=settings)
    app.add_middleware(LastWord)
    app.add_middleware(AccessLog)
    return app


def bare_app() -> FastAPI:
    """The paths alone, with nothing behind them and nobody before them."""
    app = FastAPI(
        title="emp hub",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    for router in (*ROUTERS, streams):
        app.include_router(router, prefix="/api")
        app.include_router(router, include_in_schema=False)
    app.include_router(sockets)
    answer_problems(app)
    describe(app)
    return app
