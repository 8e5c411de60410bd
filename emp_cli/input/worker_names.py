"""Workers by the names that people type: their ids, or the first characters of these."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from emp_core.domain.worker import LIVE, Worker
from emp_core.errors import Ambiguous, NotFound

if TYPE_CHECKING:
    from emp_core.client.async_emp import AsyncEmp

TOLD = 10
"""Ids that an ambiguous name is said to stand for."""


def named(known: Mapping[str, Worker], name: str) -> Worker:
    """The worker with that id, or the only live one whose id begins so. Raises `NotFound` or `Ambiguous`."""
    if name in known:
        return known[name]
    found = sorted(worker.id for worker in known.values() if worker.id.startswith(name) and worker.state in LIVE)
    if not found:
        raise NotFound("worker", name, hint="emp workers --all")
    if len(found) > 1:
        raise Ambiguous(name, found[:TOLD])
    return known[found[0]]


async def worker_id_of(emp: "AsyncEmp", name: str) -> str:
    """The id of the worker that a name stands for. Raises `NotFound` or `Ambiguous`."""
    return named({worker.id: worker for worker in await emp.workers(gone=True)}, name).id
