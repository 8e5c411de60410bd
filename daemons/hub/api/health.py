"""Whether the hub can do its work."""

from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Response

from daemons.hub.api.answers import json_answer
from daemons.hub.api.dependencies import Hub, SharedHub, in_time
from daemons.hub.chores.retention import retention_of
from daemons.hub.http.auth import Anybody
from daemons.hub.http.problems import now, problem_of
from emp_core import __version__
from emp_core.errors import Misconfigured, QueueUnavailable

router = APIRouter(tags=["hub"])


@router.get("/health")
async def health(hub: SharedHub, caller: Anybody) -> Response:
    """200 while Redis answers and takes writes, else 503 with why; needs no token, but for the details."""
    about: dict[str, Any] = {"version": __version__, "timestamp": now()}
    try:
        async with in_time(hub):
            server = await hub.queue.check_server()
            warnings = await _warnings(hub, known=caller is not None)
    except (QueueUnavailable, Misconfigured) as error:
        problem = problem_of(error)
        if problem.code == "storage_full":
            about["warnings"] = await _warnings(hub, known=caller is not None)
        if caller is None:  # they name hosts and settings
            problem = replace(problem, detail=problem.title, members={})
        services = {"redis": problem.code, "api": "running"}
        content = {**problem.to_json(), "status": "unavailable", "services": services, **about}
        return json_answer(content, problem.status, problem.headers)
    services = {"redis": "connected", "api": "running"}
    queue = {"engine": server.engine, "engine_version": server.version, "durability": server.durability}
    return json_answer({"status": "ok", **queue, "services": services, "warnings": warnings, **about})


async def _warnings(hub: Hub, *, known: bool) -> list[str]:
    """What an operator should look at while the hub works; a stranger is told no numbers and no settings."""
    memory = await hub.queue.memory(retention_of(hub.settings).floor_ms)
    if not memory.is_crowded:
        return []
    return [memory.sentence() if known else "Redis is almost full"]
