"""A client submits a job; a worker that can do it claims it, and completes it."""

from emp_core.domain.capabilities import Capabilities
from emp_core.domain.job import JobRequest
from emp_core.domain.outcome import Result
from emp_core.domain.states import JobState
from emp_core.store import Life, Store, Wish, completed


async def test_from_submit_to_result(store: Store) -> None:
    request = JobRequest.parse(
        {
            "service": "comfyui",
            "priority": 75,
            "payload": {"seed": 18446744073709551615},
            "requirements": {"gpu_memory_gb": 16},
        }
    )
    submitted = await store.broker.submit(request)
    assert submitted.state == "pending"
    assert not submitted.workable, "no worker could do it, and the answer says so"

    # A worker says what it offers, and begins a life under an id of its own.
    offered = Capabilities.parse({"services": ["comfyui"], "gpu_memory_gb": 24})
    life = Life(worker="gpu1:0", boot="first", profile=offered.profile_id, lease_ms=30_000)
    registered = await store.registry.register(life, offered, machine="gpu1", waiter="gpu1", slots=1)
    await store.registry.judge(life, offered, registered.profile_number)

    # It asks for one job, under a nonce that it drew itself, so that it may ask again if the answer is lost.
    turn = await store.broker.turn(life, offered, Wish(nonces=("a-random-word",)))
    (claim,) = turn.claimed
    assert claim.job_id == submitted.id
    assert claim.body == b'{"payload":{"seed":18446744073709551615}}'

    # What is done is settled, and in the same call it could claim the next.
    turn = await store.broker.turn(life, offered, Wish(), [completed(claim, Result(data={"images": 1}))])
    assert turn.answers == ("ok",)
    job = await store.inspector.job(submitted.id)
    assert job.state is JobState.COMPLETED
    assert await store.inspector.outcome(job.id) == {"data": {"images": 1}, "artifacts": []}
