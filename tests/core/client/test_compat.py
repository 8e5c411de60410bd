"""Programs of the earlier queue run as they stand, with only their imports changed."""

import asyncio
import contextlib
from typing import Any

import pytest

from emp_core import Emp
from emp_core.compat import JobModel, JobMonitor, RedisMonitor, RedisService, WorkerMonitor
from emp_core.domain.json_text import load_json
from emp_core.errors import Conflict, InvalidInput
from emp_core.store import Store
from tests.support.builders import register, submit
from tests.support.redis_server import Server

SUBMIT = """
from emp_core.compat import RedisService, JobModel

# Initialize Redis service
redis_service = RedisService(
    host="localhost",
    port=6379,
    db=0
)

# Submit a job
job_id = "test-job-123"
job_type = "image_generation"
priority = 5
params = {"prompt": "a beautiful sunset"}

redis_service.add_job(
    job_id=job_id,
    job_type=job_type,
    priority=priority,
    params=params,
    client_id="test-client"
)

# Get job status
job_status = redis_service.get_job_status(job_id)
print(f"Job status: {job_status}")
"""

JOBS = """
from emp_core.compat import JobMonitor

monitor = JobMonitor()

# Get details for a specific job
job_details = monitor.get_job_details("job-123456")

# Get list of active jobs
active_jobs = monitor.get_active_jobs()

# Get recently completed jobs
completed_jobs = monitor.get_completed_jobs(limit=10)
"""

WORKERS = """
from emp_core.compat import WorkerMonitor

monitor = WorkerMonitor()

# Get list of all workers
workers = monitor.get_all_workers()

# Get details for a specific worker
worker_details = monitor.get_worker_by_id("machine1:gpu0")

# Get worker statistics
stats = monitor.get_worker_stats()
"""

QUEUE = """
from emp_core.compat import RedisMonitor

monitor = RedisMonitor()

# Get queue statistics
queue_stats = monitor.get_queue_stats()
"""


@pytest.fixture(autouse=True)
def asked(server: Server, monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """The URLs that the programs ask for: each gets the tests' server."""
    urls: list[str | None] = []

    def connect(url: str | None = None) -> Emp:
        urls.append(url)
        return Emp(server.url)

    monkeypatch.setattr("emp_core.compat.Emp", connect)
    return urls


def run(program: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(program, "program", "exec"), names)
    for client in [value for value in names.values() if hasattr(value, "close") and not isinstance(value, type)]:
        client.close()
    return names


async def test_program_that_submits_runs_as_it_stands(
    store: Store, asked: list[str | None], capsys: pytest.CaptureFixture[str]
) -> None:
    status = (await asyncio.to_thread(run, SUBMIT))["job_status"]
    assert asked == ["redis://localhost:6379/0"]
    assert capsys.readouterr().out.startswith("Job status: {'id': 'test-job-123', 'state': 'pending',")
    assert (status["status"], status["job_type"], status["priority"]) == ("pending", "image_generation", 5)
    assert (status["client_id"], status["labels"]) == ("test-client", {"client_id": "test-client"})
    worker = await register(store)
    claim = await worker.take()
    assert load_json(claim.body or b"") == {"payload": {"prompt": "a beautiful sunset"}}


async def test_programs_that_look_run_as_they_stand(store: Store, asked: list[str | None]) -> None:
    worker = await register(store, "machine1:gpu0", machine="machine1", slots=2)
    for name, priority in (("job-done1", 90), ("job-done2", 80), ("job-123456", 70), ("waits", 0)):
        await submit(store, id=name, priority=priority)
    for data in ({"seed": 7}, {}):
        await worker.complete(await worker.take(), **data)
    await worker.take()
    jobs = await asyncio.to_thread(run, JOBS)
    assert (jobs["job_details"]["status"], jobs["job_details"]["worker_id"]) == ("active", "machine1:gpu0")
    assert [job["job_id"] for job in jobs["active_jobs"]] == ["job-123456"]
    assert [job["job_id"] for job in jobs["completed_jobs"]] == ["job-done2", "job-done1"]
    workers = await asyncio.to_thread(run, WORKERS)
    assert [found["worker_id"] for found in workers["workers"]] == ["machine1:gpu0"]
    assert (workers["worker_details"]["machine_id"], workers["worker_details"]["status"]) == ("machine1", "ready")
    assert (workers["stats"]["total"], workers["stats"]["busy_slots"], workers["stats"]["slots"]) == (1, 1, 2)
    stats = (await asyncio.to_thread(run, QUEUE))["queue_stats"]
    counted = {name: stats[name] for name in ("total", "queued", "active", "completed", "failed", "workers")}
    assert counted == {"total": 4, "queued": 1, "active": 1, "completed": 2, "failed": 0, "workers": 1}
    assert asked == [None, None, None]


async def test_result_of_a_completed_job_is_part_of_its_status(store: Store) -> None:
    worker = await register(store)
    await submit(store, id="done")
    await worker.complete(await worker.take(), seed=7)

    def look() -> Any:
        with RedisService() as service:
            return service.get_job_status("done"), service.get_job_status("nobody")

    done, nobody = await asyncio.to_thread(look)
    assert (done["status"], done["result"], nobody) == ("completed", {"seed": 7}, None)


async def test_same_job_is_stored_once_and_another_under_its_id_is_refused(store: Store) -> None:
    def add(priority: int, **params: object) -> dict[str, Any]:
        with RedisService() as service:
            return service.add_job("one", "image_generation", priority, params)

    assert (await asyncio.to_thread(add, 5, a=1)) == (await asyncio.to_thread(add, 5, a=1))
    with pytest.raises(Conflict):
        await asyncio.to_thread(add, 5, a=2)
    with pytest.raises(InvalidInput, match="priority"):
        await asyncio.to_thread(add, 500, a=1)


def test_model_is_the_request_that_is_sent() -> None:
    model = JobModel(job_id="a", job_type="image_generation", priority=5, params={"n": 1}, client_id="c")
    assert model.request() == {
        "id": "a",
        "job_type": "image_generation",
        "priority": 5,
        "payload": {"n": 1},
        "labels": {"client_id": "c"},
    }


async def test_password_with_any_character_reaches_the_url(asked: list[str | None]) -> None:
    with contextlib.ExitStack() as clients:
        for monitor in (JobMonitor, WorkerMonitor, RedisMonitor):
            clients.enter_context(await asyncio.to_thread(monitor, "host", 6380, 2, "p@ss:/word"))
    assert asked == ["redis://:p%40ss%3A%2Fword@host:6380/2"] * 3
