"""Reads what an explanation looks at."""

from emp_core.domain import explain
from emp_core.domain.explain import Explanation, Situation, WorkerExplanation
from emp_core.domain.job import Job, JobRequest
from emp_core.domain.ordering import score, tick_at
from emp_core.domain.states import JobState
from emp_core.domain.worker import Worker
from emp_core.store import Store
from emp_core.store.outlook import Outlook


async def explain_job(store: Store, job: Job) -> Explanation:
    """Why a job of the queue is where it is."""
    outlook = Outlook(store.link)
    waits = job.state is JobState.PENDING
    return explain.explain(
        Situation(
            job=job,
            fleet=await store.inspector.workers(),
            now=await store.inspector.now_ms(),
            before=await outlook.before(job.class_id, job.score) if waits else 0,
            others=await outlook.ahead(job.class_id, job.score) if waits else (),
            parents=await outlook.states(job.depends_on) if job.state is JobState.BLOCKED else {},
            limit=await outlook.limit(job),
            avoided_until=await outlook.avoided_until(job) if job.avoid else None,
        )
    )


async def preview(store: Store, request: JobRequest) -> Explanation:
    """The same for a job that is not submitted."""
    now = await store.inspector.now_ms()
    parents = await Outlook(store.link).states(request.depends_on)
    return await explain_job(store, _imagined(request, now, parents))


def _imagined(request: JobRequest, now: int, parents: dict[str, str]) -> Job:
    late = request.run_at is not None and request.run_at > now
    blocked = any(state not in ("completed", "failed", "cancelled") for state in parents.values())
    state = JobState.BLOCKED if blocked else JobState.DELAYED if late else JobState.PENDING
    at = request.run_at if late and request.run_at is not None else now
    return Job(
        id=request.id or "new",
        state=state,
        class_id=request.requirements.class_id,
        requirements=request.requirements,
        priority=request.priority,
        score=score(request.priority, tick_at(at)),
        gen=0,
        attempt=0,
        failures=0,
        losses=0,
        releases=0,
        version=0,
        max_failures=request.max_failures,
        created_at=now,
        due_at=request.run_at,
        deadline=request.deadline,
        customer_id=request.customer_id,
        workflow_id=request.workflow_id,
        on_lost=request.on_lost,
        depends_on=request.depends_on,
    )


async def explain_worker(store: Store, worker: Worker) -> WorkerExplanation:
    """What a worker makes of the queue."""
    return explain.explain_worker(worker, await Outlook(store.link).waiting(), await store.inspector.now_ms())
