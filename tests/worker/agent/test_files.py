"""An unavailable file store: outputs wait for it, no attempt is lost, and nothing more is claimed."""

import asyncio
import os
from collections.abc import AsyncIterable, AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from daemons.worker.agent import files, spool
from daemons.worker.agent.attempt import AttemptContext
from daemons.worker.agent.files import Files
from daemons.worker.agent.spool import spooled
from daemons.worker.connector import Interrupted
from emp_core.artifacts.contract import CHUNK_BYTES, in_chunks
from emp_core.artifacts.objects import ObjectArtifacts
from emp_core.domain.outcome import Artifact
from emp_core.domain.states import JobState
from emp_core.errors import AccessDenied, ArtifactsUnavailable, Conflict, EmpError, HubUnavailable, LimitExceeded
from emp_core.store import Store
from tests.support.agents import make_agent, running, states, until, working
from tests.support.artifacts import put, read_all
from tests.support.builders import submit
from tests.support.fakes import FrozenClock, ScriptedConnector
from tests.support.waiting import wait_until
from tests.worker.agent.test_slot import make_claim


class AwayStore(ObjectArtifacts):
    """Raises `error` while there is one."""

    def __init__(self) -> None:
        from obstore.store import MemoryStore

        super().__init__(MemoryStore())
        self.error: EmpError | None = None
        self.loses_answers = False
        """Keeps a file and says that it cannot be reached."""

        self.breaks_at: int | None = None
        """The byte at which a download breaks, once."""

        self.puts = 0

    async def put(self, job_id: str, attempt: int, name: str, chunks: AsyncIterable[bytes], **about: Any) -> Artifact:
        self.puts += 1
        self._check()
        made = await super().put(job_id, attempt, name, chunks, **about)
        if self.loses_answers:
            raise HubUnavailable("the connection broke")
        return made

    async def list(self, job_id: str) -> tuple[Artifact, ...]:
        self._check()
        return await super().list(job_id)

    async def open(self, artifact_id: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        self._check()
        whole = await super().open(artifact_id, start=start, end=end)
        return whole if self.breaks_at is None else self._broken(whole)

    async def get_payload(self, job_id: str) -> bytes:
        self._check()
        return await super().get_payload(job_id)

    async def _broken(self, whole: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        at, self.breaks_at = self.breaks_at, None
        yield (await read_all(whole))[:at]
        raise HubUnavailable("the connection broke")

    def _check(self) -> None:
        if self.error is not None:
            raise self.error


class Rig:
    """An attempt with files, and what the worker is told of the store."""

    def __init__(self, spool: Path | None = None) -> None:
        self.store = AwayStore()
        self.clock = FrozenClock()
        self.told: list[str] = []
        self.files = Files(self.store, spool, self.told.append)
        self.context = AttemptContext(make_claim(), self.files, self.store, self.clock, lambda: None, 0)

    def upload(self, data: bytes = b"picture") -> "asyncio.Task[Artifact]":
        return asyncio.create_task(self.context.upload("a.png", in_chunks(data), "image/png"))

    async def tries(self, count: int) -> None:
        await wait_until(lambda: self.store.puts >= count, f"{count} tries")


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(files, "LONGEST_PAUSE", 0.01)


UNAVAILABLE = [HubUnavailable("no answer"), ArtifactsUnavailable("no answer"), AccessDenied("no such token")]


@pytest.mark.parametrize("error", UNAVAILABLE, ids=lambda error: type(error).__name__)
async def test_upload_waits_until_the_store_is_back(error: EmpError) -> None:
    rig = Rig()
    rig.store.error = error
    upload = rig.upload()
    await wait_until(lambda: rig.told, "the worker is told")
    assert not upload.done()
    rig.store.error = None
    artifact = await upload
    assert await read_all(await rig.store.open(artifact.id)) == b"picture"
    assert rig.told == [f"the file store is unavailable: {error.message}", ""]
    report = rig.context.take_report()
    assert report is not None
    assert report.lines == (f"the file store is unavailable, waiting for it: {error.message}",)


async def test_upload_ends_if_the_attempt_must_stop() -> None:
    rig = Rig()
    rig.store.error = HubUnavailable("no answer")
    upload = rig.upload()
    await rig.tries(1)
    rig.context.cancelled.set()
    with pytest.raises(Interrupted):
        await upload


async def test_upload_ends_with_the_attempts_time() -> None:
    rig = Rig()
    rig.store.error = HubUnavailable("no answer")
    upload = rig.upload()
    await rig.tries(1)
    rig.clock.advance(3_600)
    with pytest.raises(HubUnavailable):
        await upload


async def test_upload_that_is_refused_is_not_repeated() -> None:
    rig = Rig()
    rig.store.error = Conflict("attempt 1 does not hold the job")
    with pytest.raises(Conflict):
        await rig.upload()
    assert (rig.store.puts, rig.told) == (1, [])


async def test_upload_whose_answer_was_lost_is_not_stored_twice() -> None:
    rig = Rig()
    first = await rig.upload()
    rig.store.loses_answers = True
    second = await rig.upload()
    assert rig.store.puts == 2
    assert await rig.store.list("job") == (first, second)


async def test_download_goes_on_where_it_broke() -> None:
    rig = Rig()
    artifact = await put(rig.store, b"0123456789")
    rig.store.breaks_at = 4
    assert await read_all(rig.context.download(artifact.id)) == b"0123456789"


async def test_payload_waits_until_the_store_is_back() -> None:
    rig = Rig()
    await rig.store.put_payload("job", b"{}")
    rig.store.error = ArtifactsUnavailable("no answer")
    payload = asyncio.create_task(rig.context.payload())
    await wait_until(lambda: rig.told, "the worker is told")
    rig.store.error = None
    assert await payload == b"{}"


async def test_worker_claims_nothing_while_its_output_waits(store: Store) -> None:
    connector, artifacts = ScriptedConnector(), AwayStore()
    async with working(store, connector, artifacts=artifacts, slots=2) as agent:
        job = await submit(store)
        run = await connector.next_run()
        artifacts.error = HubUnavailable("no answer")
        upload = asyncio.ensure_future(run.context.upload("a.png", in_chunks(b"x"), "image/png"))
        await wait_until(lambda: agent.heart.services.startswith("comfyui=down"), "the queue is told")
        await agent.heart.beat()
        worker = await store.inspector.worker("gpu1:0")
        assert worker.services == {"comfyui": "down"}
        assert worker.outages["comfyui"].why == "the file store is unavailable: no answer"
        other = await submit(store)
        assert not (await store.inspector.job(other)).unworkable
        assert await states(store, job, other) == [JobState.ACTIVE, JobState.PENDING]
        artifacts.error = None
        await upload
        run.finish()
        found = await until(store, job, JobState.COMPLETED)
        assert (found.attempt, found.failures, found.releases) == (1, 0, 0)
        assert (await connector.next_run()).job_id == other


async def test_worker_that_starts_without_its_store_claims_once_that_is_back(store: Store) -> None:
    connector, artifacts = ScriptedConnector(), AwayStore()
    artifacts.error = HubUnavailable("no answer")
    agent = make_agent(store, [connector], artifacts=artifacts)
    with capture_logs() as logs:
        async with running(agent):
            job = await submit(store)
            assert await states(store, job) == [JobState.PENDING]
            assert connector.runs == []
            artifacts.error = None
            assert (await connector.next_run()).job_id == job
    said = [entry["event"] for entry in logs if entry["event"].startswith("files.")]
    assert said == ["files.unavailable", "files.back"]


async def test_large_output_is_kept_on_disk_and_leaves_nothing_there(tmp_path: Path) -> None:
    data = bytes(3 * CHUNK_BYTES)
    async with spooled(in_chunks(data), tmp_path) as kept:
        assert kept.size == len(data)
        assert [await read_all(kept.chunks()) for _ in range(2)] == [data, data]
    assert list(tmp_path.iterdir()) == []


async def test_output_has_a_limit_and_needs_a_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytes(2 * CHUNK_BYTES)
    with pytest.raises(ArtifactsUnavailable, match="cannot keep an output on this disk"):
        async with spooled(in_chunks(data), tmp_path / "gone"):
            pass
    monkeypatch.setattr(spool, "MAX_ARTIFACT_BYTES", CHUNK_BYTES)
    with pytest.raises(LimitExceeded):
        async with spooled(in_chunks(data), tmp_path):
            pass


def _outputs_on_disk(directory: Path) -> int:
    """The files without a name in a directory that this process has open."""
    return sum(os.path.realpath(link).startswith(str(directory)) for link in Path("/proc/self/fd").iterdir())


async def test_an_attempt_keeps_one_output_at_a_time_on_disk(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.store.error = ArtifactsUnavailable("no answer")
    uploads = [rig.upload(b"x" * (CHUNK_BYTES + 1)) for _ in range(3)]
    await wait_until(lambda: rig.told, "the worker is told")
    assert _outputs_on_disk(tmp_path) == 1
    rig.store.error = None
    assert len({(await upload).id for upload in uploads}) == 3
    assert _outputs_on_disk(tmp_path) == 0


async def test_the_output_of_an_attempt_that_is_stopped_leaves_the_disk(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.store.error = ArtifactsUnavailable("no answer")
    uploads = [rig.upload(b"x" * (CHUNK_BYTES + 1)) for _ in range(2)]
    await wait_until(lambda: rig.told, "the worker is told")
    rig.context.cancelled.set()
    for upload in uploads:
        with pytest.raises(Interrupted):
            await upload
    assert _outputs_on_disk(tmp_path) == 0
