"""Which process a worker is, and whether the one that had its id before still lives."""

import socket
from collections.abc import Container
from typing import Any

from daemons.process import about_this_process, is_alive, pid_space
from emp_core import __version__
from emp_core.domain.worker import Worker
from emp_core.errors import NotFound
from emp_core.ids import is_id
from emp_core.store import Store


def machine_name() -> str:
    """The host's name, as an id."""
    name = socket.gethostname().split(".")[0]
    return name if is_id(name) else "machine"


def about_me() -> dict[str, Any]:
    """What a worker says of itself when it registers."""
    return {"version": __version__, **about_this_process()}


async def dead_boot(store: Store, worker_id: str, machine: str) -> str:
    """The life of a worker whose process ran on this machine and has ended: its lease need not be waited for."""
    try:
        worker = await store.inspector.worker(worker_id)
    except NotFound:
        return ""
    return worker.boot if worker.machine == machine and _is_dead(worker) else ""


async def free_id(store: Store, machine: str, taken: Container[str]) -> str:
    """`machine:index`, the first that no live worker has."""
    workers = {worker.id: worker for worker in await store.inspector.workers()}
    names = (f"{machine}:{index}" for index in range(100_000))
    return next(
        name
        for name in names
        if name not in taken and (name not in workers or (workers[name].machine == machine and _is_dead(workers[name])))
    )


def _is_dead(worker: Worker) -> bool:
    """True only if it is certain."""
    return worker.info.get("pid_space") == pid_space() and not is_alive(worker.info)
