"""The client on a real queue."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from emp_core import AsyncEmp, Emp
from emp_core.client.changes import Change, LogTail, Watch
from emp_core.domain.filter import Filter, FilterError
from emp_core.domain.outcome import Result
from emp_core.domain.standing import Tier
from emp_core.domain.states import JobState
from emp_core.domain.worker import WorkerState
from emp_core.errors import Conflict, InvalidInput, Misconfigured, NotFound
from emp_core.store import Batch, Store, completed
from tests.core.client.conftest import files_of
from tests.support.builders import make_request, register, submit
from tests.support.waiting import wait_until

REQUEST = {"service": "comfyui", "payload": {"prompt": {}}}


async def somebody_reads_on(store: Store) -> bool:
    """Whether a client waits for the next event."""
    clients: bytes = await store.link.call("CLIENT", "LIST")
    return b"cmd=xread " in clients


async def test_a_submitted_job_can_be_looked_up_by_the_start_of_its_id(emp: AsyncEmp) -> None:
    answer = await emp.submit(REQUEST)
    assert (answer.state, answer.workable, answer.repeated) == ("pending", False, False)
    assert await emp.resolve(answer.id[:4]) == answer.id
    assert (await emp.job(answer.id)).service == "comfyui"
    assert await emp.payload(answer.id) == b'{"payload":{"prompt":{}}}'


async def test_a_batch_is_answered_line_by_line(emp: AsyncEmp) -> None:
    first, wrong, last = await emp.submit_many([REQUEST, {"service": "x", "priority": 200}, make_request()])
    assert isinstance(wrong, InvalidInput)
    assert wrong.field == "priority"
    assert [type(answer).__name__ for answer in (first, last)] == ["Submitted", "Submitted"]


async def test_wait_returns_when_the_last_job_has_ended(emp: AsyncEmp, store: Store) -> None:
    worker = await register(store)
    ids = [(await emp.submit(REQUEST)).id for _ in range(2)]
    waiting = asyncio.create_task(emp.wait(ids, timeout=20))
    await worker.complete(await worker.take())
    assert not waiting.done()
    await worker.fail(await worker.take(), retryable=False)
    assert [job.state for job in await waiting] == [JobState.COMPLETED, JobState.FAILED]


async def test_wait_tells_which_jobs_have_ended_so_far(emp: AsyncEmp, store: Store) -> None:
    worker = await register(store)
    ids = [(await emp.submit(REQUEST)).id for _ in range(2)]
    told: list[set[str]] = []
    waiting = asyncio.create_task(
        emp.wait(ids, timeout=20, on_end=lambda ended: told.append({job.id for job in ended}))
    )
    await wait_until(lambda: told == [set()], "the wait has begun")
    await worker.complete(await worker.take())
    await wait_until(lambda: len(told) == 2, "the first end is told")
    await worker.complete(await worker.take())
    await waiting
    assert told == [set(), {ids[0]}, set(ids)]


async def test_wait_for_any_returns_with_the_first(emp: AsyncEmp, store: Store) -> None:
    worker = await register(store)
    ids = [(await emp.submit(REQUEST)).id for _ in range(2)]
    waiting = asyncio.create_task(emp.wait(ids, any_of=True, timeout=20))
    await worker.complete(await worker.take())
    assert [job.state for job in await waiting] == [JobState.COMPLETED, JobState.PENDING]


async def test_wait_for_what_has_ended_returns_at_once(emp: AsyncEmp, store: Store) -> None:
    job_id = await submit(store)
    await emp.cancel(job_id)
    assert [job.state for job in await emp.wait(job_id, timeout=20)] == [JobState.CANCELLED]


async def test_wait_gives_up_when_time_is_up_and_at_once_for_what_is_not_there(emp: AsyncEmp, store: Store) -> None:
    with pytest.raises(TimeoutError):
        await emp.wait(await submit(store), timeout=0.05)
    with pytest.raises(NotFound):
        await emp.wait("nobody", timeout=20)


@pytest.mark.parametrize("any_of", [False, True])
async def test_wait_goes_on_where_a_job_is_run_anew_before_its_end_is_read(
    emp: AsyncEmp, store: Store, monkeypatch: pytest.MonkeyPatch, any_of: bool
) -> None:
    job_id = await submit(store)
    hear = Watch.next

    async def hear_after_somebody_else(watch: Watch) -> Batch:
        batch = await hear(watch)
        if any(event.state == "cancelled" for event in batch.events):
            await emp.retry(job_id)
        return batch

    monkeypatch.setattr(Watch, "next", hear_after_somebody_else)
    waiting = asyncio.create_task(emp.wait(job_id, any_of=any_of, timeout=20))
    await wait_until(lambda: somebody_reads_on(store), "the wait has begun")
    await emp.cancel(job_id)
    worker = await register(store)
    claim = await wait_until(worker.claim, "it is run anew")
    await worker.complete(claim)
    assert [job.state for job in await waiting] == [JobState.COMPLETED]


@pytest.mark.damages
async def test_wait_reads_anew_where_the_stream_lost_what_happened(emp: AsyncEmp, store: Store) -> None:
    worker = await register(store)
    job_id = (await emp.submit(REQUEST)).id
    claim = await worker.take()
    waiting = asyncio.create_task(emp.wait(job_id, timeout=20))
    await wait_until(lambda: somebody_reads_on(store), "the wait has begun")
    await worker.complete(claim)
    await store.link.call("XTRIM", store.link.key("events"), "MAXLEN", 0)
    assert (await waiting)[0].state is JobState.COMPLETED


async def test_follow_tells_states_progress_and_lines_once_and_ends(emp: AsyncEmp, store: Store) -> None:
    worker = await register(store)
    job_id = (await emp.submit(REQUEST)).id
    seen: list[Change] = []

    async def follow() -> None:
        async for change in emp.follow(job_id):
            seen.append(change)

    following = asyncio.create_task(follow())
    await wait_until(lambda: seen, "the job as it is")
    claim = await worker.take()
    await worker.report(claim, percent=40, message="step 2", lines=("one", "two"))
    await wait_until(lambda: any(change.lines for change in seen), "the first lines")
    await worker.report(claim, percent=80, message="step 4", lines=("three",))
    await worker.complete(claim)
    await asyncio.wait_for(following, 20)
    assert [line for change in seen for line in change.lines] == ["one", "two", "three"]
    assert [event.name for change in seen for event in change.events] == ["claimed", "completed"]
    assert (seen[-1].job.state, seen[-1].job.progress) == (JobState.COMPLETED, 100)


def test_a_log_of_which_only_the_end_is_kept_is_told_without_gaps_or_doubles() -> None:
    log = LogTail()
    assert log.new_lines(["a", "b"]) == ("a", "b")
    assert log.new_lines(["a", "b", "c"]) == ("c",)
    assert log.new_lines(["b", "c", "d", "e"]) == ("d", "e")
    assert log.new_lines(["b", "c", "d", "e"]) == ()
    assert log.new_lines(["x", "y"]) == ("x", "y")


async def test_operators_steer_jobs(emp: AsyncEmp, store: Store) -> None:
    job_id = await submit(store)
    await emp.hold(job_id)
    assert (await emp.job(job_id)).held
    await emp.unhold(job_id)
    assert await emp.set_priority([job_id], 90) == {job_id: None}
    assert await emp.cancel(job_id) == "cancelled"
    await emp.retry(job_id)
    worker = await register(store)
    await worker.take()
    await emp.requeue(job_id)
    job = await emp.job(job_id)
    assert (job.state, job.priority, job.gen) == (JobState.PENDING, 90, 1)
    assert [event.name for event in await emp.events_of(job_id)][-2:] == ["claimed", "requeued"]
    assert [attempt.outcome for attempt in await emp.attempts(job_id)] == ["requeued"]


async def test_operators_steer_workers(emp: AsyncEmp, store: Store) -> None:
    await register(store)
    assert await emp.steer("gpu1:0", WorkerState.PAUSED, reason="driver") is WorkerState.READY
    worker = await emp.worker("gpu1:0")
    assert (worker.state, worker.reason) == (WorkerState.PAUSED, "driver")
    assert [each.id for each in await emp.workers()] == ["gpu1:0"]
    assert (await emp.explain_worker("gpu1:0")).reason == "paused: driver"


async def test_a_preview_says_what_would_become_of_a_job_and_stores_nothing(emp: AsyncEmp, store: Store) -> None:
    await register(store, gpu_memory_gb=16)
    await submit(store, priority=90)
    explanation = await emp.preview({**REQUEST, "priority": 60})
    assert (explanation.ahead, explanation.tier) == (1, Tier.NOT_NOW)
    never = await emp.preview({**REQUEST, "requirements": {"gpu_memory_gb": 80}})
    assert never.tier is Tier.NEVER
    assert (await emp.summary()).jobs["pending"] == 1


async def test_an_explanation_counts_what_stands_before_it(emp: AsyncEmp, store: Store) -> None:
    await register(store)
    await submit(store, requirements={"gpu_memory_gb": 8})
    await submit(store, requirements={"gpu_memory_gb": 900})
    first, second = await submit(store), await submit(store)
    explanation = await emp.explain(second)
    assert (explanation.ahead, explanation.tier) == (2, Tier.NOT_NOW)
    assert (await emp.explain(first)).ahead == 1


async def test_an_explanation_names_the_limit_that_a_class_is_parked_for(emp: AsyncEmp, store: Store) -> None:
    worker = await register(store)
    await store.broker.set_limit("customer:acme", 1)
    await submit(store, customer_id="acme")
    waits = await submit(store, customer_id="acme")
    await worker.take()
    assert await worker.claim() is None
    texts = [reason.text for reason in (await emp.explain(waits)).reasons]
    assert "customer acme may run 1 job at once" in texts


async def test_events_come_as_they_happen(emp: AsyncEmp, store: Store) -> None:
    coming = emp.watch()
    first = asyncio.create_task(anext(coming))
    await wait_until(lambda: somebody_reads_on(store), "the watch has begun")
    job_id = await submit(store)
    assert (await asyncio.wait_for(first, 20)).job == job_id
    await coming.aclose()
    assert [event.job for event in await emp.recent_events(1)] == [job_id]


async def test_a_gap_in_the_events_is_marked(emp: AsyncEmp, store: Store) -> None:
    await submit(store)
    async with Watch(store) as watch:
        watch.cursor = "1-1"
        assert (await watch.next()).resync
        job_id = await submit(store)
        batch = await watch.next()
        assert ([event.job for event in batch.events], batch.resync) == ([job_id], False)


async def test_files_come_down_under_safe_names_and_overwrite_nothing(
    emp: AsyncEmp, store: Store, tmp_path: Path
) -> None:
    worker = await register(store)
    job_id = await submit(store)
    claim = await worker.take()
    artifact = await files_of(emp).put(job_id, 1, "../../etc/pass\x1bwd.PNG", _chunks(b"picture"))
    await worker.settle(completed(claim, Result(artifacts=(artifact,))))
    out = tmp_path / "out"
    (path,) = await emp.download(job_id, out)
    assert path == out / "etc" / "pass_wd.PNG"
    assert path.read_bytes() == b"picture"
    assert await emp.download(job_id, out) == [path]
    path.write_bytes(b"mine")
    (other,) = await emp.download(job_id, out)
    assert other == out / "etc" / "pass_wd-2.PNG"
    assert (path.read_bytes(), other.read_bytes()) == (b"mine", b"picture")
    (named,) = await emp.download(job_id, out, "{job}.{ext}")
    assert named == out / f"{job_id}.PNG"


async def test_only_the_files_of_the_outcome_are_a_jobs_files(emp: AsyncEmp, store: Store, tmp_path: Path) -> None:
    job_id = await submit(store)
    await files_of(emp).put(job_id, 1, "stale.png", _chunks(b"of a lost attempt"))
    assert await emp.artifacts(job_id) == []
    assert await emp.download(job_id, tmp_path) == []


async def test_input_files_go_with_the_job_and_a_repeated_submit_is_the_same_job(emp: AsyncEmp, tmp_path: Path) -> None:
    picture = tmp_path / "in.png"
    picture.write_bytes(b"input")
    request = {**REQUEST, "idempotency_key": "k1"}
    first = await emp.submit(request, inputs={"in.png": picture})
    again = await emp.submit(request, inputs={"in.png": picture})
    assert (again.id, again.repeated) == (first.id, True)
    body = (await emp.payload(first.id)).decode()
    assert f'"files":{{"in.png":"{first.id}/1/1"}}' in body
    with pytest.raises(InvalidInput, match="cannot be read"):
        await emp.submit(REQUEST, inputs={"in.png": tmp_path / "nothing"})


async def test_input_files_of_a_repeated_submit_compare_by_content(
    emp: AsyncEmp, store: Store, surroundings: Path, tmp_path: Path
) -> None:
    first, copy = tmp_path / "in.png", tmp_path / "copy.png"
    first.write_bytes(b"input")
    copy.write_bytes(b"input")
    request = {**REQUEST, "idempotency_key": "k1"}
    job_id = (await emp.submit(request, inputs={"in.png": first})).id
    shutil.rmtree(surroundings / "artifacts" / store.files_id / job_id)
    await files_of(emp).put(job_id, 1, "other.png", _chunks(b"takes the number of the input"), kind="input")
    again = await emp.submit(request, inputs={"in.png": copy})
    assert (again.id, again.repeated) == (job_id, True)
    copy.write_bytes(b"other")
    with pytest.raises(Conflict):
        await emp.submit(request, inputs={"in.png": copy})


async def test_a_large_payload_is_kept_with_the_files(emp: AsyncEmp) -> None:
    large = {"service": "comfyui", "payload": {"text": "x" * 2_000_000}}
    answer = await emp.submit(large)
    assert len(await emp.payload(answer.id)) > 2_000_000


async def test_without_a_place_for_files_who_wants_them_is_told_what_to_set(
    emp: AsyncEmp, monkeypatch: pytest.MonkeyPatch
) -> None:
    object.__setattr__(emp._location, "artifacts", None)
    with pytest.raises(Misconfigured, match="no setting says where") as told:
        await emp.payload("nobody")
    assert "ARTIFACTS_URL" in told.value.hint


async def test_the_lists_are_filtered(emp: AsyncEmp, store: Store) -> None:
    mine = [await submit(store, customer_id="acme") for _ in range(3)]
    await submit(store)
    page = await emp.jobs("customer:acme", limit=2)
    rest = await emp.jobs(Filter.of(customer="acme"), cursor=page.cursor or "")
    assert sorted(job.id for job in (*page.jobs, *rest.jobs)) == sorted(mine)
    assert rest.cursor is None
    with pytest.raises(FilterError, match="unknown field"):
        await emp.jobs("custmer:acme")


def test_the_blocking_client_does_the_same(surroundings: Path) -> None:
    with Emp() as emp:
        job_id = emp.submit(REQUEST).id
        assert emp.queue.source == "the environment"
        assert emp.jobs().jobs[0].id == job_id
        assert next(emp.follow(job_id)).job.state is JobState.PENDING
        assert emp.cancel(job_id) == "cancelled"
        assert [job.state for job in emp.wait(job_id, timeout=20)] == [JobState.CANCELLED]
        with pytest.raises(NotFound):
            emp.job("nobody")


def test_the_blocking_client_has_every_call() -> None:
    public = {name for name in vars(AsyncEmp) if not name.startswith("_")} - {"connect"}
    assert public <= set(vars(Emp))


async def _chunks(data: bytes) -> AsyncIterator[bytes]:
    yield data
