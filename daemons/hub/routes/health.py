"""Whether the hub can do its work."""

from dataclasses import replace

from fastapi import APIRouter, Response

from daemons.hub.answers import json_answer, now
from daemons.hub.auth import AnyCaller
from daemons.hub.dependencies import SharedHub, in_time
from daemons.hub.problems import problem_of
from emp_core import __version__
from emp_core.errors import Misconfigured, QueueUnavailable
from emp_core.store.connection import check_server, check_writes

router = APIRouter(tags=["hub"])


@router.get("/health")
async def health(hub: SharedHub, caller: AnyCaller) -> Response:
    """200 while Redis answers and takes writes, else 503 with why; needs no token, but for the details."""
    about = {"version": __version__, "timestamp": now()}
    try:
        async with in_time():
            server = await check_server(hub.store.link)
            await check_writes(hub.store.link)
    except (QueueUnavailable, Misconfigured) as error:
        problem = problem_of(error)
        if not caller.known:  # they name hosts and settings
            problem = replace(problem, detail=problem.title, members={})
        services = {"redis": problem.code, "api": "running"}
        content = {**problem.to_json(), "status": "unavailable", "services": services, **about}
        return json_answer(content, problem.status, problem.headers)
    services = {"redis": "connected", "api": "running"}
    queue = {"engine": server.engine, "engine_version": server.version, "durability": server.durability}
    return json_answer({"status": "ok", **queue, "services": services, **about})
