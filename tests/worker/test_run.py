"""A worker as a process: its id, its end, its restart, and what it refuses."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from daemons.worker.configuration import Configuration, load_worker
from daemons.worker.run import artifacts_for, build_connectors, run_worker
from daemons.worker.settings import WorkerSettings
from emp_core.domain.job import Job
from emp_core.domain.states import JobState
from emp_core.domain.worker import Worker, WorkerState
from emp_core.errors import Misconfigured
from emp_core.store import Store
from tests.faults import connector
from tests.support.agents import until
from tests.support.builders import register, submit
from tests.support.waiting import wait_until

START_SECONDS = 30.0
"""A busy machine takes long to import everything."""

JOB = {"service": "simulation", "payload": {"duration": 3_600, "steps": 10_000}}


class WorkerProcess:
    """`emp worker start`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.pid = process.pid

    async def says(self, text: str) -> str:
        """The first line on stderr with this text."""
        assert self.process.stderr is not None
        async with asyncio.timeout(START_SECONDS):
            while line := (await self.process.stderr.readline()).decode():
                if text in line:
                    return line
        raise AssertionError(f"it never said {text!r}")

    async def ended(self) -> tuple[int, list[str]]:
        """Its exit code, and what it said that was not heard yet."""
        async with asyncio.timeout(START_SECONDS):
            _, rest = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, rest.decode().splitlines()

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)


@asynccontextmanager
async def worker_process(tmp_path: Path, **variables: str) -> AsyncIterator[WorkerProcess]:
    surroundings: Mapping[str, str] = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(sys.path),
        "EMP_DATA_DIR": str(tmp_path),
        "MACHINE_ID": "gpu1",
        "SERVICES": "simulation",
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "emp_cli", "worker", "start"),
        cwd=tmp_path,
        env={name: value for name, value in {**surroundings, **variables}.items() if value},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield WorkerProcess(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def workers(store: Store, count: int = 1) -> list[Worker]:
    """The live workers, once there are so many."""

    async def there() -> list[Worker]:
        found = await store.inspector.workers()
        return found if len(found) == count else []

    return await wait_until(there, f"{count} workers", START_SECONDS)


async def started(store: Store, job: str) -> Job:
    async def begun() -> Job | None:
        found = await store.inspector.job(job)
        return found if found.state is JobState.ACTIVE and found.progress is not None else None

    found = await wait_until(begun, "a job that makes progress", START_SECONDS)
    assert found is not None
    return found


async def test_workers_that_start_at_once_get_ids_of_their_own(store: Store, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(3):
            await stack.enter_async_context(worker_process(tmp_path, REDIS_URL=store.url))
        assert [worker.id for worker in await workers(store, 3)] == ["gpu1:0", "gpu1:1", "gpu1:2"]


async def test_it_tells_what_it_waits_for_and_ends_well(store: Store, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    chosen = {"SERVICES": f"{connector.__file__}:witness", connector.JOURNAL: str(tmp_path / "journal")}
    async with worker_process(tmp_path, REDIS_URL=store.url, WORKER_ID="gpu1:0", **chosen) as worker:
        job = await submit(store, service="witness", payload={"until": str(gate)})
        await started(store, job)
        worker.send(signal.SIGTERM)
        line = await worker.says("emp worker:")
        assert f"stopping: waiting up to 120 s for {job}" in line
        gate.touch()
        code, _ = await worker.ended()
        assert code == 0
        assert (await store.inspector.job(job)).state is JobState.COMPLETED
        (known,) = await store.inspector.workers(gone=True)
        assert known.state is WorkerState.STOPPED


async def test_a_second_signal_gives_the_job_back(store: Store, tmp_path: Path) -> None:
    async with worker_process(tmp_path, REDIS_URL=store.url) as worker:
        job = await submit(store, **{**JOB, "payload": {"hang": 1}})
        await wait_until(lambda: _is_active(store, job), "a job that runs", START_SECONDS)
        worker.send(signal.SIGTERM)
        await worker.says("stopping:")
        worker.send(signal.SIGINT)
        await worker.says("giving the jobs back now")
        code, _ = await worker.ended()
        assert code == 0
        found = await store.inspector.job(job)
        assert (found.state, found.releases) == (JobState.PENDING, 1)


async def _is_active(store: Store, job: str) -> bool:
    return (await store.inspector.job(job)).state is JobState.ACTIVE


async def test_a_killed_worker_that_is_started_again_has_its_jobs_back_at_once(store: Store, tmp_path: Path) -> None:
    """The lease has half a minute to go; nobody waits for that."""
    async with worker_process(tmp_path, REDIS_URL=store.url, WORKER_ID="gpu1:0") as first:
        job = await submit(store, **JOB)
        await started(store, job)
        first.send(signal.SIGKILL)
        await first.ended()
    assert (await store.inspector.job(job)).state is JobState.ACTIVE
    async with worker_process(tmp_path, REDIS_URL=store.url, WORKER_ID="gpu1:0") as second:
        assert "1" in (await second.says("worker.registered")).partition("given_back=")[2]

        async def again() -> bool:
            found = await store.inspector.job(job)
            return (found.state, found.attempt) == (JobState.ACTIVE, 2)

        await wait_until(again, "the second attempt", START_SECONDS)


async def test_an_id_that_a_live_process_has_is_refused_in_one_line(store: Store, tmp_path: Path) -> None:
    async with worker_process(tmp_path, REDIS_URL=store.url, WORKER_ID="gpu1:0") as first:
        await workers(store)
        async with worker_process(tmp_path, REDIS_URL=store.url, WORKER_ID="gpu1:0") as second:
            code, said = await second.ended()
        assert code == 7
        (line,) = [text for text in said if f"worker gpu1:0 is in use by pid {first.pid} on gpu1" in text]
        assert "WORKER_ID" in " ".join(said)
        assert not any("Traceback" in text for text in said), line
        assert [worker.info["pid"] for worker in await workers(store)] == [first.pid]


async def test_without_a_service_it_says_how_to_name_one(store: Store, tmp_path: Path) -> None:
    async with worker_process(tmp_path, REDIS_URL=store.url, SERVICES="") as worker:
        code, said = await worker.ended()
    assert code == 2
    assert "SERVICES: is not set" in said[0]
    assert not any("Traceback" in text for text in said)


async def test_without_redis_it_ends_with_one_line(tmp_path: Path) -> None:
    async with worker_process(tmp_path, REDIS_URL=f"unix://{tmp_path}/nobody.sock") as worker:
        code, said = await worker.ended()
    assert code == 5
    assert "cannot reach Redis" in said[0]
    assert not any("Traceback" in text for text in said)


async def test_its_log_has_a_line_for_the_start_and_the_end_of_a_job(store: Store, tmp_path: Path) -> None:
    async with worker_process(tmp_path, REDIS_URL=store.url) as worker:
        assert store.url in await worker.says("queue.joined")
        await worker.says("worker.registered")
        for _ in range(3):
            job = await submit(store, service="simulation", payload={"duration": 0, "previews": 3, "outputs": 1})
            await until(store, job, JobState.COMPLETED)
        worker.send(signal.SIGTERM)
        code, said = await worker.ended()
        assert code == 0
        events = [name for line in said for name in ("job.started", "job.ended") if name in line]
        assert events == ["job.started", "job.ended"] * 3
        others = [line for line in said if "job." not in line and "emp worker:" not in line]
        assert [line for line in others if "worker.state" not in line] == []


# -- without a process


async def test_a_worker_that_is_told_to_end_before_its_id_is_refused_starts_no_other_life(
    store: Store, tmp_path: Path
) -> None:
    probed = asyncio.Event()

    async def take_its_id(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not probed.is_set():
            probed.set()
            await register(store, "gpu1:0")
            signal.raise_signal(signal.SIGTERM)
        writer.close()

    async with await asyncio.start_server(take_its_id, "127.0.0.1", 0) as service:
        port = service.sockets[0].getsockname()[1]
        chosen = {"SERVICES": "comfyui", "COMFYUI_URL": f"http://127.0.0.1:{port}", "EMP_DATA_DIR": str(tmp_path)}
        await run_worker(told(MACHINE_ID="gpu1", **chosen), store.url)
    assert probed.is_set()
    assert [worker.id for worker in await store.inspector.workers(gone=True)] == ["gpu1:0"]


def told(**variables: str) -> Configuration:
    return load_worker({"SERVICES": "simulation", **variables})


def settings_of(**variables: str) -> WorkerSettings:
    return told(**variables).settings


def test_with_a_remote_redis_it_does_not_keep_files_where_nobody_else_can_read_them() -> None:
    with pytest.raises(Misconfigured, match="Redis is on another machine") as refused:
        artifacts_for(settings_of(), "redis://10.0.0.1", "queue")
    assert "ARTIFACTS_URL" in refused.value.hint
    assert "HUB_WS_URL" in refused.value.hint


@pytest.mark.parametrize("variables", [{"ARTIFACTS_URL": "s3://bucket/emp"}, {"HUB_WS_URL": "wss://hub:3002"}])
async def test_a_remote_redis_and_a_place_for_files_go_together(variables: dict[str, str]) -> None:
    await artifacts_for(settings_of(**variables), "redis://10.0.0.1", "queue").aclose()


async def test_a_local_redis_has_its_files_in_the_data_directory(tmp_path: Path) -> None:
    files = artifacts_for(settings_of(EMP_DATA_DIR=str(tmp_path)), "redis://localhost", "queue")
    await files.put_payload("job", b"{}")
    assert [path for path in tmp_path.joinpath("artifacts", "queue").rglob("*") if path.is_file()]
    await files.aclose()


def test_a_service_named_twice_has_one_connector(tmp_path: Path) -> None:
    assert len(build_connectors(told(SERVICES="simulation,simulation"), "gpu1:0")) == 1


def test_two_connectors_for_one_service_are_refused(tmp_path: Path) -> None:
    lines = ["from daemons.worker.connectors.simulation import Simulation", "def build(build): return Simulation()"]
    (tmp_path / "mine.py").write_text("\n".join(lines))
    with pytest.raises(Misconfigured, match="two connectors serve simulation"):
        build_connectors(told(SERVICES=f"simulation,{tmp_path}/mine.py:build"), "gpu1:0")
