"""What a wait makes of jobs that end, or run anew, in the moment that it looks away."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from emp_cli.exits import ExitCode
from emp_cli.output import waiting
from emp_cli.output.waiting import bar_text, wait_for
from emp_core.client.async_emp import AsyncEmp
from emp_core.client.changes import Watch
from emp_core.domain.explain import Explanation
from emp_core.domain.states import JobState
from emp_core.errors import QueueUnavailable
from emp_core.store import Batch, Store
from tests.cli.conftest import Command, Do
from tests.support.builders import register, submit
from tests.support.redis_server import Server


@pytest.fixture
async def client(server: Server) -> AsyncIterator[AsyncEmp]:
    async with await AsyncEmp.connect(server.url) as emp:
        yield emp


def time_runs_out(monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], Awaitable[object]]) -> None:
    """No news comes of what happens meanwhile before time is up."""

    async def late(watch: Watch, block_ms: int = 0) -> Batch:
        await meanwhile()
        raise TimeoutError

    monkeypatch.setattr(Watch, "next", late)


async def test_what_ended_before_its_news_came_has_its_verdict(
    client: AsyncEmp, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    job_id = await submit(store)
    time_runs_out(monkeypatch, lambda: client.cancel(job_id))
    jobs, code = await wait_for(client, [job_id])
    assert ([job.state for job in jobs], code) == ([JobState.CANCELLED], ExitCode.CANCELLED)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("any_of", "code"), [(True, ExitCode.CANCELLED), (False, ExitCode.TIMEOUT)])
async def test_of_several_jobs_one_that_ended_is_enough_only_for_any(
    client: AsyncEmp, store: Store, monkeypatch: pytest.MonkeyPatch, any_of: bool, code: ExitCode
) -> None:
    ids = [await submit(store), await submit(store)]
    time_runs_out(monkeypatch, lambda: client.cancel(ids[0]))
    assert (await wait_for(client, ids, any_of=any_of))[1] is code


@pytest.mark.parametrize("tell", [None, lambda line: None])
async def test_the_verdict_is_on_the_end_that_was_seen_not_on_what_came_after(
    client: AsyncEmp, store: Store, monkeypatch: pytest.MonkeyPatch, tell: Callable[[str], None] | None
) -> None:
    job_id = await submit(store)
    await client.cancel(job_id)
    close = Watch.__aexit__

    async def run_anew(watch: Watch, *error: object) -> None:
        await close(watch, None, None, None)
        await client.retry(job_id)

    monkeypatch.setattr(Watch, "__aexit__", run_anew)
    jobs, code = await wait_for(client, [job_id], tell=tell)
    assert ([job.state for job in jobs], code) == ([JobState.CANCELLED], ExitCode.CANCELLED)


async def test_text_beside_the_bar_says_that_a_new_attempt_runs(client: AsyncEmp, store: Store) -> None:
    worker = await register(store)
    job_id = await submit(store)
    await worker.take()
    first = await client.job(job_id)
    await client.requeue(job_id)
    await worker.take()
    assert bar_text(first, 0).strip() == "active"
    assert bar_text(await client.job(job_id), 0).strip() == "active, attempt 2"


async def test_text_beside_the_bar_says_that_the_queue_does_not_answer(
    server: Server, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Away(AsyncEmp):
        async def explain(self, job_id: str) -> Explanation:
            raise QueueUnavailable("redis_unavailable", "cannot reach Redis")

        async def now_ms(self) -> int:
            raise QueueUnavailable("redis_unavailable", "cannot reach Redis")

    def hear(text: str) -> None:
        said.append(text)
        raise KeyboardInterrupt

    monkeypatch.setattr(waiting, "FIRST_LOOKS", (0.0,))
    worker = await register(store)
    job_id = await submit(store)
    said: list[str] = []
    async with await Away.connect(server.url) as away:
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                await waiting._say_why(away, await away.job(job_id), hear)
            await worker.take() if len(said) == 1 else None
    assert said == ["pending: the queue does not answer", "active: the queue does not answer"]


async def delete(client: AsyncEmp, store: Store, job_id: str) -> None:
    await client.cancel(job_id)
    await store.upkeep.delete([job_id])


@pytest.mark.parametrize("any_of", [False, True])
async def test_a_deleted_job_is_told_and_exits_6_with_the_others_kept(
    client: AsyncEmp, store: Store, capsys: pytest.CaptureFixture[str], any_of: bool
) -> None:
    gone, cancelled = await submit(store), await submit(store)
    await delete(client, store, gone)
    await client.cancel(cancelled)
    jobs, code = await wait_for(client, [gone, cancelled], any_of=any_of)
    assert ([job.id for job in jobs], code) == ([cancelled], ExitCode.NOT_FOUND)
    assert capsys.readouterr().err.startswith(f"error: job {gone} was deleted before its result was read")


@pytest.mark.parametrize(
    ("any_of", "others_end", "code"),
    [
        (False, True, ExitCode.NOT_FOUND),
        (False, False, ExitCode.TIMEOUT),
        (True, False, ExitCode.NOT_FOUND),
    ],
)
async def test_a_job_deleted_just_as_time_runs_out_is_no_success(
    client: AsyncEmp,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    any_of: bool,
    others_end: bool,
    code: ExitCode,
) -> None:
    gone, other = await submit(store), await submit(store)

    async def meanwhile() -> None:
        await delete(client, store, gone)
        if others_end:
            await client.cancel(other)

    time_runs_out(monkeypatch, meanwhile)
    assert (await wait_for(client, [gone, other], any_of=any_of))[1] is code
    assert f"job {gone} was deleted" in capsys.readouterr().err


@pytest.mark.damages
async def test_a_damaged_job_is_no_success(client: AsyncEmp, store: Store) -> None:
    job_id = await submit(store)
    await store.link.call("HDEL", store.link.key(f"job:{job_id}"), "spec")
    for any_of in (False, True):
        assert (await wait_for(client, [job_id], any_of=any_of))[1] is ExitCode.FAILED


def test_job_wait_tells_a_deleted_job_and_the_results_of_the_others(emp: Command, do: Do[object]) -> None:
    async def prepare(store: Store) -> None:
        for job_id in ("gone", "kept"):
            await submit(store, id=job_id)
            await store.broker.cancel(job_id)
        await store.upkeep.delete(["gone"])

    do(prepare)
    said = emp("job", "wait", "gone", "kept", "-o", "ids")
    assert (said.code, said.lines) == (6, ["kept"])
    assert said.err.splitlines() == [
        "error: job gone was deleted before its result was read",
        "warning: job kept was cancelled",
    ]
    alone = emp("job", "wait", "gone")
    assert (alone.code, alone.out) == (6, "")
    assert alone.err == "error: job gone was deleted before its result was read\n"
    unknown = emp("job", "wait", "kept", "nobody")
    assert (unknown.code, unknown.out) == (6, "")
    assert "no job nobody" in unknown.err


async def test_wait_for_the_start_is_over_when_the_job_runs_or_has_ended(client: AsyncEmp, store: Store) -> None:
    worker = await register(store)
    running, ended = await submit(store, priority=90), await submit(store)
    await worker.take()
    await client.cancel(ended)
    jobs, code = await wait_for(client, [running], started=True)
    assert ([job.state for job in jobs], code) == ([JobState.ACTIVE], ExitCode.OK)
    assert (await wait_for(client, [running, ended], started=True))[1] is ExitCode.CANCELLED


async def test_wait_for_the_start_of_a_waiting_job_times_out(
    client: AsyncEmp, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    worker = await register(store)
    waiting = await submit(store)
    time_runs_out(monkeypatch, client.now_ms)
    assert (await wait_for(client, [waiting], started=True, seconds=9))[1] is ExitCode.TIMEOUT
    assert f"job {waiting} is pending after 9" in capsys.readouterr().err
    time_runs_out(monkeypatch, worker.take)
    other = await submit(store, priority=100)
    assert (await wait_for(client, [other], started=True, seconds=9))[1] is ExitCode.OK


def test_wait_for_active_on_the_command_line(emp: Command, do: Do[object]) -> None:
    async def start(store: Store) -> None:
        worker = await register(store)
        await submit(store, id="runs")
        await worker.take()

    do(start)
    said = emp("job", "wait", "runs", "--for", "active", "-q")
    assert (said.code, said.out) == (0, "runs\n")
    assert emp("job", "wait", "runs", "--timeout", "0.1s").code == 8
