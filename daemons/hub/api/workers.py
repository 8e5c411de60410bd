"""The fleet: who is there, and what they may do."""

from fastapi import APIRouter, Request, Response

from daemons.hub.api.answers import in_pieces, success, worker_answer
from daemons.hub.api.dependencies import CallersQueue, Hub, ListRoute, Route, SharedHub, TimedRoute, WorkerId, in_time
from daemons.hub.http.bodies import read_order, read_reason
from emp_core.client.queue import Queue
from emp_core.domain.explanation_views import worker_explanation_view
from emp_core.domain.worker import WorkerState

router = APIRouter(route_class=Route, tags=["workers"])
lists = APIRouter(route_class=ListRoute, tags=["workers"])
reads = APIRouter(route_class=TimedRoute, tags=["workers"])


@lists.get("/workers")
async def list_workers(queue: CallersQueue, gone: bool = False) -> Response:
    """Live workers by id; with `gone` those of the last day too."""
    workers = await queue.workers(gone=gone)
    return success({"workers": await in_pieces(workers, worker_answer)})


@reads.get("/workers/{worker_id}")
async def get_worker(queue: CallersQueue, worker_id: WorkerId) -> Response:
    """One worker."""
    worker = worker_answer(await queue.worker(worker_id))
    return success({**worker, "worker": worker})


@lists.get("/workers/{worker_id}/explain", name="explain_worker")
async def explain(queue: CallersQueue, worker_id: WorkerId) -> Response:
    """What it would take of what waits, and what it skips, and why."""
    explanation = await queue.explain_worker(worker_id)
    return success({"worker_id": worker_id, **worker_explanation_view(explanation)})


@router.post("/workers/{worker_id}/pause")
async def pause_worker(hub: SharedHub, queue: CallersQueue, worker_id: WorkerId, request: Request) -> Response:
    """It goes on with what it runs and claims nothing more, over restarts too, until it is resumed."""
    return await _steer(hub, queue, worker_id, WorkerState.PAUSED, request)


@router.post("/workers/{worker_id}/resume")
async def resume_worker(hub: SharedHub, queue: CallersQueue, worker_id: WorkerId, request: Request) -> Response:
    """It claims again, whether it was paused, draining or fenced."""
    return await _steer(hub, queue, worker_id, WorkerState.READY, request)


@router.post("/workers/{worker_id}/drain")
async def drain_worker(hub: SharedHub, queue: CallersQueue, worker_id: WorkerId, request: Request) -> Response:
    """It finishes what it runs and then stops."""
    return await _steer(hub, queue, worker_id, WorkerState.DRAINING, request)


async def _steer(hub: Hub, queue: Queue, worker_id: str, state: WorkerState, request: Request) -> Response:
    reason = read_reason(await read_order(request, "reason"), "by an operator")
    async with in_time(hub):
        before = await queue.steer(worker_id, state, reason="" if state is WorkerState.READY else reason)
        worker = worker_answer(await queue.worker(worker_id))
    message = f"worker {worker_id} was {before} and is {worker['state']}"
    return success({**worker, "state_before": before.value, "message": message, "worker": worker})


router.include_router(lists)
router.include_router(reads)
