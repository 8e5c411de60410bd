"""What an agent claims, when, and how it is woken. The safety net is off unless a test puts it up."""

import pytest
from structlog.testing import capture_logs

from daemons.worker.connector import JobFailed
from emp_core.artifacts import open_artifacts
from emp_core.domain.outcome import Failure
from emp_core.domain.policy import MAX_INLINE_PAYLOAD, MAX_INLINE_RESULT, MAX_INLINE_RESULT_CROWDED
from emp_core.domain.states import JobState
from emp_core.domain.worker import WorkerState
from emp_core.store import Store
from tests.support.agents import states, until, working
from tests.support.builders import make_request, register, submit
from tests.support.fakes import ScriptedConnector
from tests.support.redis_server import ENGINES, Server
from tests.support.waiting import wait_until


async def test_a_job_is_claimed_run_and_completed(store: Store) -> None:
    connector = ScriptedConnector()
    async with working(store, connector) as agent:
        job = await submit(store, payload={"seed": 2**64 - 1}, customer_id="acme")
        run = await connector.next_run()
        assert run.assignment.job_id == job
        assert run.assignment.attempt == 1
        assert run.assignment.payload == {"seed": 2**64 - 1}
        assert run.assignment.customer_id == "acme"
        assert agent.heart.held == dict.fromkeys(agent.slots, job)
        run.finish(answer=42)
        await until(store, job, JobState.COMPLETED)
        assert (await store.inspector.outcome(job))["data"] == {"answer": 42}
        await wait_until(lambda: not agent.heart.held, "a heart that holds nothing")


@pytest.mark.parametrize("engine", ENGINES)
async def test_it_works_on_every_engine(store: Store) -> None:
    connector = ScriptedConnector()
    async with working(store, connector, slots=2):
        jobs = [await submit(store) for _ in range(4)]
        for number, job in enumerate(jobs):
            runs = await connector.begun(number + 1)
            assert runs[number].job_id == job
            runs[number].finish()
            await until(store, job, JobState.COMPLETED)


async def test_it_runs_as_many_jobs_as_it_has_slots_and_then_the_next(store: Store) -> None:
    connector = ScriptedConnector()
    async with working(store, connector, slots=3):
        jobs = [await submit(store) for _ in range(5)]
        await connector.begun(3)
        assert await states(store, *jobs) == [*[JobState.ACTIVE] * 3, *[JobState.PENDING] * 2]
        connector.runs[1].finish()
        await connector.begun(4)
        assert connector.jobs == jobs[:4]


async def test_more_slots_than_one_call_claims_for_are_all_filled(store: Store) -> None:
    connector = ScriptedConnector()
    jobs = [await submit(store) for _ in range(50)]
    async with working(store, connector, slots=50):
        await connector.begun(50)
        assert connector.jobs == jobs


async def test_the_best_job_comes_first(store: Store) -> None:
    connector = ScriptedConnector()
    jobs = {priority: await submit(store, priority=priority) for priority in (10, 90, 50)}
    async with working(store, connector):
        for priority in (90, 50, 10):
            run = await connector.next_run()
            assert run.job_id == jobs[priority]
            run.finish()
        await until(store, jobs[10], JobState.COMPLETED)


async def test_services_with_less_room_than_the_worker_has_slots_are_filled_to_their_room(store: Store) -> None:
    small, large = ScriptedConnector("comfyui", concurrency=1), ScriptedConnector("ollama", concurrency=3)
    for _ in range(5):
        await submit(store, service="comfyui")
        await submit(store, service="ollama")
    async with working(store, small, large, slots=10) as agent:
        await large.begun(3)
        await small.begun(1)
        assert len(agent.slots) == 4
        small.runs[0].finish()
        await small.begun(2)
        assert len(large.runs) == 3


async def test_a_job_that_two_services_can_do_goes_to_the_one_with_room(store: Store) -> None:
    full, free = ScriptedConnector("a1111", concurrency=1), ScriptedConnector("comfyui", concurrency=1)
    async with working(store, full, free, slots=4):
        await submit(store, service="a1111")
        await full.begun(1)
        await submit(store, service=None, job_type="txt2img")
        await free.begun(1)


async def test_a_reserved_worker_takes_only_its_workflows_jobs(store: Store) -> None:
    connector = ScriptedConnector()
    async with working(store, connector, workflow="wf-1", slots=4):
        await submit(store)
        wanted = await submit(store, workflow_id="wf-1")
        await connector.begun(1)
        assert connector.jobs == [wanted]


async def test_at_its_limit_of_customers_it_goes_on_with_those_it_has(store: Store) -> None:
    connector = ScriptedConnector()
    first, second, third = [await submit(store, customer_id=name) for name in ("a", "b", "c")]
    async with working(store, connector, max_customers=2, slots=4):
        await connector.begun(2)
        assert connector.jobs == [first, second]
        fourth = await submit(store, customer_id="a")
        await connector.begun(3)
        assert connector.jobs[2] == fourth
        for run in list(connector.open_runs):
            if run.job_id == second:
                run.finish()
        await connector.begun(4)
        assert connector.jobs[3] == third


async def test_idle_workers_are_woken_one_a_job(store: Store) -> None:
    one, other = ScriptedConnector(), ScriptedConnector()
    async with working(store, one, worker_id="gpu1:0"), working(store, other, worker_id="gpu1:1"):
        for _ in range(2):
            await submit(store)
        await one.begun(1)
        await other.begun(1)


async def test_a_token_that_a_full_worker_takes_goes_on_to_another(store: Store) -> None:
    """The least capable idle worker is woken, and is dead; its token reaches a full worker instead."""
    full, idle = ScriptedConnector(), ScriptedConnector()
    async with working(store, full, worker_id="gpu1:0", gpu_memory_gb=48) as agent:
        await submit(store)
        await full.begun(1)
        dead = await register(store, "gpu0:0", gpu_memory_gb=8)
        assert await dead.claim() is None
        async with working(store, idle, worker_id="gpu1:1", gpu_memory_gb=80):
            waiting = [await submit(store)]
            (token,) = await dead.tokens()
            await store.registry.steer("gpu0:0", WorkerState.STOPPED)
            wake = store.link.key(f"wake:{agent.options.boot}")
            await store.link.call("RPUSH", wake, token)
            await idle.begun(1)
            assert idle.jobs == waiting


async def test_several_tokens_at_once_are_all_passed_on(store: Store) -> None:
    """One for a class that it cannot take now, one for a class that has no job any more."""
    full, idle = ScriptedConnector(), ScriptedConnector()
    async with working(store, full, worker_id="gpu1:0") as agent:
        await submit(store)
        await full.begun(1)
        async with working(store, idle, worker_id="gpu1:1", slots=2):
            taken = make_request().requirements.class_id
            wake = store.link.key(f"wake:{agent.options.boot}")
            await store.link.call(
                "RPUSH", wake, f"claim {taken} gpu1:0", "claim nobody gpu1:0", f"claim {taken} gpu1:0"
            )
            await wait_until(lambda: not agent.contact.tokens, "tokens that are gone")
            await submit(store)
            await idle.begun(1)


async def test_without_its_token_the_safety_net_finds_the_job(store: Store) -> None:
    connector = ScriptedConnector()
    async with working(store, connector, safety_net_seconds=0.05):
        driver = await register(store, "thief:0")
        link = store.link
        await link.call("DEL", link.key("idle.where"), link.key("idle"), link.key("idle.bits"))
        await link.call("DEL", link.key(f"idle.workers:{driver.profile_number}"))
        await submit(store)
        await connector.begun(1)
        await store.registry.steer("thief:0", WorkerState.STOPPED)


async def test_a_spilled_payload_is_fetched(store: Store) -> None:
    connector, artifacts = ScriptedConnector(), open_artifacts("memory://")
    async with working(store, connector, artifacts=artifacts):
        text = "x" * MAX_INLINE_PAYLOAD
        await store.broker.submit(make_request(payload={"text": text}), artifacts.put_payload)
        run = await connector.next_run()
        assert run.assignment.payload == {"text": text}


async def test_a_payload_that_this_worker_cannot_reach_is_tried_elsewhere(store: Store) -> None:
    connector, elsewhere = ScriptedConnector(), open_artifacts("memory://")
    async with working(store, connector):
        big = make_request(payload={"text": "x" * MAX_INLINE_PAYLOAD})
        job = (await store.broker.submit(big, elsewhere.put_payload)).id
        await until(store, job, JobState.DELAYED)
        (attempt,) = await store.inspector.attempts(job)
        assert '"code":"no_payload"' in attempt.detail
        assert '"blame":"worker"' in attempt.detail
        assert connector.runs == []


async def test_a_large_result_becomes_an_artifact(store: Store) -> None:
    connector, artifacts = ScriptedConnector(), open_artifacts("memory://")
    async with working(store, connector, artifacts=artifacts):
        job = await submit(store)
        run = await connector.next_run()
        run.finish(text="y" * MAX_INLINE_RESULT)
        await until(store, job, JobState.COMPLETED)
        outcome = await store.inspector.outcome(job)
        (artifact,) = outcome["artifacts"]
        assert outcome["data"] == {"result_artifact": artifact["id"]}
        assert (await artifacts.get(artifact["id"])).size > MAX_INLINE_RESULT


async def test_where_redis_is_nearly_full_it_does_so_from_four_kilobytes_on(store: Store, server: Server) -> None:
    connector = ScriptedConnector()
    async with working(store, connector):
        job = await submit(store)
        run = await connector.next_run()
        server.client.config_set("maxmemory", int(server.client.info("memory")["used_memory"] / 0.95))
        try:
            run.finish(text="y" * (MAX_INLINE_RESULT_CROWDED + 1))
            await until(store, job, JobState.COMPLETED)
        finally:
            server.client.config_set("maxmemory", 0)
        assert "result_artifact" in (await store.inspector.outcome(job))["data"]


async def test_progress_and_lines_are_reported_and_the_last_lines_not_lost(store: Store) -> None:
    connector = ScriptedConnector()
    async with working(store, connector):
        job = await submit(store)
        run = await connector.next_run()
        run.context.progress(40, "half way", node="KSampler")

        async def told() -> bool:
            return (await store.inspector.job(job)).progress == 40

        await wait_until(told, "progress")
        assert (await store.inspector.job(job)).message == "KSampler: half way"
        run.context.log("the last words")
        run.finish()
        await until(store, job, JobState.COMPLETED)
        assert await store.inspector.log(job) == ["the last words"]


async def test_a_class_that_is_gone_fails_its_job_and_not_the_worker(store: Store) -> None:
    first, connector = ScriptedConnector(), ScriptedConnector()
    async with working(store, connector, worker_id="gpu1:1") as agent:
        async with working(store, first, worker_id="gpu1:0", gpu_memory_gb=8):
            job = await submit(store)
            (await first.next_run()).finish()
            await until(store, job, JobState.COMPLETED)
        key = store.link.key(f"class:{make_request().requirements.class_id}")
        asked = await store.link.call("HGET", key, "requirements")
        await store.link.call("HDEL", key, "requirements")
        broken = await submit(store)
        await until(store, broken, JobState.DELAYED)
        await store.link.call("HSET", key, "requirements", asked)
        assert '"code":"corrupt"' in (await store.inspector.attempts(broken))[0].detail
        await wait_until(lambda: not agent.heart.held, "a heart that holds nothing")
        assert connector.runs == []


async def test_an_agent_tells_which_jobs_alone_it_claims(store: Store) -> None:
    async with working(store, ScriptedConnector(), workflow="w1", max_customers=2) as agent:
        worker = await store.inspector.worker(agent.options.worker_id)
        assert (worker.workflow, worker.max_customers) == ("w1", 2)


async def test_the_log_of_a_failed_job_has_the_connectors_own_code(store: Store) -> None:
    connector = ScriptedConnector()
    with capture_logs() as logs:
        async with working(store, connector):
            job = await submit(store)
            run = await connector.next_run()
            run.fail(JobFailed(Failure(message="no memory", retryable=False, code="out_of_memory")))
            await until(store, job, JobState.FAILED)
    (ended,) = [entry for entry in logs if entry["event"] == "job.ended"]
    assert (ended["how"], ended["code"]) == ("fail", "out_of_memory")
