"""Reads the job, the workers and the queue for an explanation."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from emp_core.client.imagined import imagined
from emp_core.domain import explain
from emp_core.domain.caller import Caller
from emp_core.domain.explain import Explanation, WorkerExplanation
from emp_core.domain.job import Job, JobRequest
from emp_core.domain.standing import Line, Situation, left_of, standings
from emp_core.domain.states import JobState
from emp_core.domain.worker import Worker
from emp_core.store import Attempt, Store
from emp_core.store.fleet import read_workers, worker_names
from emp_core.store.outlook import Outlook, Place

MOST_PROFILES = 20
"""Profiles that are looked at one by one if the line is too long to be read whole."""


async def explain_job(store: Store, job: Job) -> Explanation:
    """Why a job of the queue is where it is."""
    return await _explain(store, job, await Outlook(store.link).place(job))


def _lacks(job: Job, attempts: Sequence[Attempt]) -> dict[str, str]:
    """What each worker that refused the job said that it lacks."""
    said = {attempt.worker: attempt.detail for attempt in attempts if attempt.outcome == "mismatch"}
    return {name: said[name] for name in job.avoid if name in said}


async def preview(store: Store, request: JobRequest) -> Explanation:
    """The same for a job that is not submitted."""
    request = store.caller.own(request) if store.caller else request
    outlook = Outlook(store.link)
    now = await store.inspector.now_ms()
    parents = await _parents(store, request.depends_on)
    job = imagined(request, now, parents, await outlook.score_of(request, now))
    return await _explain(store, job, Place(score=job.score, class_id=job.class_id))


async def _explain(store: Store, job: Job, place: Place) -> Explanation:
    outlook = Outlook(store.link)
    pending = job.state is JobState.PENDING
    # With the jobs of other customers, which take slots too.
    fleet = await read_workers(store.link, await worker_names(store.link))
    attempts = await store.inspector.attempts(job.id) if job.lacking else []
    situation = Situation(
        job=job,
        fleet=fleet,
        now=await store.inspector.now_ms(),
        line=await outlook.line(place) if pending else Line(),
        workflow_line=await _workflow_line(outlook, job, place, fleet),
        customers=_without_names(await outlook.customers(fleet), store.caller),
        parents=await _parents(store, job.depends_on) if job.state is JobState.BLOCKED else {},
        limit=await outlook.limit(job.class_id, job.requirements) if pending else "",
        avoided_until=await outlook.avoided_until(job) if job.avoid else None,
        lacks=_lacks(job, attempts),
        awaits_room=job.state is JobState.DELAYED and bool(attempts) and attempts[-1].outcome == "mismatch",
    )
    if not situation.line.exact:
        situation = replace(situation, lines=await _lines(outlook, situation, place))
    # A thousand classes times hundreds of profiles take seconds: the loop goes on meanwhile.
    explanation = await asyncio.to_thread(explain.explain, situation)
    shown = {worker.id: worker for worker in await store.inspector.shown(fleet)}
    standings = tuple(replace(each, worker=shown[each.worker.id]) for each in explanation.standings)
    return replace(explanation, standings=standings)


def _without_names(running: Mapping[str, frozenset[str]], caller: Caller | None) -> Mapping[str, frozenset[str]]:
    """The customers whose jobs each worker runs; for a caller of one customer the others have numbers for names."""
    if caller is None or caller.customer is None:
        return running
    numbered = {
        name: name if name == caller.customer else f"other-{number}"
        for number, name in enumerate(sorted({name for names in running.values() for name in names}), 1)
    }
    return {worker: frozenset(numbered[name] for name in names) for worker, names in running.items()}


async def _parents(store: Store, job_ids: Sequence[str]) -> dict[str, str]:
    """The state of each job; `gone` if it does not exist for the caller."""
    known = await store.inspector.known(job_ids)
    states = await Outlook(store.link).states([job_id for job_id in job_ids if job_id in known])
    return dict.fromkeys(job_ids, "gone") | states


async def _workflow_line(outlook: Outlook, job: Job, place: Place, fleet: Sequence[Worker]) -> Line:
    reserved = {worker.workflow for worker in fleet if worker.workflow}
    if job.state is not JobState.PENDING or job.workflow_id is None or job.workflow_id not in reserved:
        return Line()
    return await outlook.workflow_line(job.workflow_id, place)


async def _lines(outlook: Outlook, situation: Situation, place: Place) -> dict[str, Line]:
    """What stands before the job at each profile with a free worker."""
    free = [standing.worker for standing in standings(situation) if standing.free and not standing.worker.workflow]
    profiles = list(dict.fromkeys(left_of(worker).profile_id for worker in free))[:MOST_PROFILES]
    return {profile: await outlook.line_of_profile(profile, place) for profile in profiles}


async def explain_worker(store: Store, worker: Worker) -> WorkerExplanation:
    """What a worker makes of the queue."""
    outlook = Outlook(store.link)
    if worker.workflow:
        line = await outlook.workflow_line(worker.workflow)
    else:
        line = await outlook.line(firsts=True)
    now = await store.inspector.now_ms()
    customers = (await outlook.customers([worker])).get(worker.id, frozenset())
    explanation = explain.explain_worker(worker, line, now, customers=customers)
    if line.exact or explanation.takes or worker.workflow:
        return explanation
    line = await outlook.line_of_profile(left_of(worker).profile_id, firsts=True)
    return replace(explanation, takes=explain.explain_worker(worker, line, now, customers=customers).takes)
