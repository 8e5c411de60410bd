"""Whether the hub can do its work."""

import asyncio
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Response

from daemons.hub.api.answers import json_answer
from daemons.hub.api.dependencies import ANSWER_SECONDS, Hub, Route, SharedHub, in_time
from daemons.hub.chores.retention import retention_of
from daemons.hub.http.auth import Anybody
from daemons.hub.http.problems import now, problem_of
from emp_core import __version__
from emp_core.errors import ArtifactsUnavailable, EmpError, Misconfigured, QueueUnavailable

router = APIRouter(route_class=Route, tags=["hub"])


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


@router.get("/ready")
async def ready(hub: SharedHub, caller: Anybody) -> Response:
    """200 if the hub can take jobs and files now, else 503: `checks` says of Redis and of the file store why not."""
    checks = {"redis": _check_redis(hub), "files": _check_files(hub)}
    found = dict(zip(checks, await asyncio.gather(*checks.values()), strict=True))
    views = {name: _check_view(error, known=caller is not None) for name, error in found.items()}
    is_ready = not any(found.values())
    about = {"version": __version__, "timestamp": now()}
    return json_answer({"ready": is_ready, "checks": views, **about}, 200 if is_ready else 503)


async def _check_redis(hub: Hub) -> EmpError | None:
    try:
        async with in_time(hub):
            await hub.queue.check_server()
    except (QueueUnavailable, Misconfigured) as error:
        return error
    return None


async def _check_files(hub: Hub) -> EmpError | None:
    """Write a file, and read it back."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await hub.artifacts.check()
    except TimeoutError:
        return ArtifactsUnavailable(f"the file store did not answer within {ANSWER_SECONDS:g} s")
    except EmpError as error:
        return error
    return None


def _check_view(error: EmpError | None, *, known: bool) -> dict[str, str]:
    """A stranger is told no more than the kind of fault: the rest names hosts and settings."""
    if error is None:
        return {"state": "ok", "code": "ok", "reason": ""}
    problem = problem_of(error)
    return {"state": "failed", "code": problem.code, "reason": problem.detail if known else problem.title}


async def _warnings(hub: Hub, *, known: bool) -> list[str]:
    """What an operator should look at while the hub works; a stranger is told no numbers and no settings."""
    memory = await hub.queue.memory(retention_of(hub.settings).floor_ms)
    if not memory.is_crowded:
        return []
    return [memory.sentence() if known else "Redis is almost full"]
