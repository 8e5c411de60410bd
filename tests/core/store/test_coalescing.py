"""Calls that travel together: each gets its own answer, and no one's trouble is another's."""

import asyncio
import gc

from emp_core.domain.worker import WorkerState
from emp_core.errors import Conflict, EmpError
from emp_core.store import Store
from emp_core.store.coalescing import Coalescer
from tests.support.builders import make_request, register, submit
from tests.support.snapshot import Look

MANY = 200


async def test_each_gets_its_own_answer(store: Store, look: Look) -> None:
    answers = await asyncio.gather(*(store.broker.submit(make_request(id=f"job-{n}")) for n in range(MANY)))
    assert [answer.id for answer in answers] == [f"job-{n}" for n in range(MANY)]
    assert look().fields("counts") == {"pending": str(MANY)}


async def test_many_workers_at_once_get_each_job_once(store: Store) -> None:
    workers = [await register(store, f"gpu{n}:0") for n in range(20)]
    jobs = [f"job-{n}" for n in range(100)]
    await store.broker.submit_many([make_request(id=job) for job in jobs])
    done = await asyncio.gather(*(worker.drain() for worker in workers))
    assert sorted(job for some in done for job in some) == sorted(jobs)


async def test_an_error_is_only_its_own(store: Store) -> None:
    jobs = [await submit(store) for _ in range(20)]
    calls = [store.broker.hold(job) if n % 2 else store.broker.retry(job) for n, job in enumerate(jobs)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(answer) for answer in answers] == [Conflict, type(None)] * 10


async def test_a_text_that_cannot_be_written_is_only_its_own(store: Store) -> None:
    worker = await register(store)
    reasons = ["fine"] * 20 + ["half a pair: \ud800"] + ["fine"] * 20
    calls = [store.registry.steer(worker.id, WorkerState.PAUSED, reason=reason) for reason in reasons]
    states = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(state).__name__ for state in states].count("WorkerState") == 40
    assert isinstance(states[20], UnicodeEncodeError | EmpError)


async def test_who_gives_up_disturbs_nobody(store: Store) -> None:
    tasks = [asyncio.ensure_future(store.broker.submit(make_request(id=f"job-{n}"))) for n in range(MANY)]
    await asyncio.sleep(0)
    for task in tasks[1::2]:
        task.cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [answer.id for answer in answers[::2] if not isinstance(answer, BaseException)] == [
        f"job-{n}" for n in range(0, MANY, 2)
    ]
    assert {type(answer) for answer in answers[1::2]} == {asyncio.CancelledError}


class _BrokenPipeline:
    def execute_command(self, *_: object) -> None:
        """Kept for later."""

    async def execute(self, *, raise_on_error: bool) -> list[bytes]:
        raise KeyError("a bug")


class _Broken:
    """A client whose second write meets a bug."""

    async def execute_command(self, *_: object) -> bytes:
        await asyncio.sleep(0)
        return b"ok"

    def pipeline(self, *, transaction: bool) -> _BrokenPipeline:
        return _BrokenPipeline()


async def test_a_bug_is_told_to_all_that_travelled_together() -> None:
    bugs: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: bugs.append(context["exception"]))
    coalescer = Coalescer(_Broken(), lambda: 1.0)
    answers = await asyncio.gather(
        *(coalescer.execute_command("FCALL", "it", 0) for _ in range(6)), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [bytes, bytes, KeyError, KeyError, KeyError, KeyError]
    gc.collect()
    assert [type(bug) for bug in bugs] == [KeyError]


async def test_r19_all_go_on_after_function_flush(store: Store) -> None:
    await submit(store)
    await store.link.client.function_flush()
    answers = await asyncio.gather(*(store.broker.submit(make_request()) for _ in range(50)))
    assert len({answer.id for answer in answers}) == 50
