"""Orders to one job."""

from collections.abc import Awaitable

from fastapi import APIRouter, Request, Response

from daemons.hub.api.answers import job_answer, success
from daemons.hub.api.dependencies import CallersQueue, Hub, JobId, Route, SharedHub, in_time
from daemons.hub.http.bodies import read_order, read_reason
from emp_core.client.queue import Queue
from emp_core.domain.ordering import MAX_PRIORITY, MIN_PRIORITY
from emp_core.domain.values import read_int

router = APIRouter(route_class=Route, tags=["jobs"])


@router.post("/jobs/{job_id}/cancel")
@router.delete("/jobs/{job_id}", name="delete_job")
async def cancel_job(hub: SharedHub, queue: CallersQueue, job_id: JobId, request: Request) -> Response:
    """A waiting job is cancelled at once, a running one within its grace; an ended one stays as it is."""
    reason = read_reason(await read_order(request, "reason"))
    return await _done(hub, queue, job_id, queue.cancel(job_id, reason=reason))


@router.post("/jobs/{job_id}/retry")
async def retry_job(hub: SharedHub, queue: CallersQueue, job_id: JobId, request: Request) -> Response:
    """A failed or cancelled job runs anew, as its next generation."""
    reason = read_reason(await read_order(request, "reason"))
    return await _done(hub, queue, job_id, queue.retry(job_id, reason=reason))


@router.post("/jobs/{job_id}/hold")
async def hold_job(hub: SharedHub, queue: CallersQueue, job_id: JobId, request: Request) -> Response:
    """A waiting job is kept back until it is unheld."""
    reason = read_reason(await read_order(request, "reason"))
    return await _done(hub, queue, job_id, queue.hold(job_id, reason=reason))


@router.post("/jobs/{job_id}/unhold")
async def unhold_job(hub: SharedHub, queue: CallersQueue, job_id: JobId, request: Request) -> Response:
    """A held job waits again, in its old place."""
    reason = read_reason(await read_order(request, "reason"))
    return await _done(hub, queue, job_id, queue.unhold(job_id, reason=reason))


@router.post("/jobs/{job_id}/requeue")
async def requeue_job(hub: SharedHub, queue: CallersQueue, job_id: JobId, request: Request) -> Response:
    """A running job is taken from its worker and waits again."""
    reason = read_reason(await read_order(request, "reason"))
    return await _done(hub, queue, job_id, queue.requeue(job_id, reason=reason))


@router.post("/jobs/{job_id}/priority")
async def set_priority(hub: SharedHub, queue: CallersQueue, job_id: JobId, request: Request) -> Response:
    """A waiting job gets another priority and keeps its time: `{"priority": 80}`."""
    order = await read_order(request, "priority", "reason")
    priority = read_int("priority", order.get("priority"), minimum=MIN_PRIORITY, maximum=MAX_PRIORITY)
    return await _done(hub, queue, job_id, _move(queue, job_id, priority, read_reason(order)))


async def _move(queue: Queue, job_id: str, priority: int, reason: str) -> None:
    if refusal := (await queue.set_priority([job_id], priority, reason=reason))[job_id]:
        raise refusal


async def _done(hub: Hub, queue: Queue, job_id: str, order: Awaitable[object]) -> Response:
    """Carry out an order, and say how the job is now."""
    async with in_time(hub):
        await order
        job = job_answer(await queue.job(job_id))
    return success({**job, "message": f"job {job_id} is {job['status']}", "job": job})
