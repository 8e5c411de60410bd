"""`Emp`: the same client for programs without an event loop. It runs a private one in a thread of its own."""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from emp_core.client.async_emp import AsyncEmp, QueueInfo, Request
from emp_core.client.changes import Change, OnEnd, ignore
from emp_core.client.queue import Attempt, ClassView, Page, Submitted, Summary
from emp_core.client.results import Outcome
from emp_core.domain.backlog import Backlog
from emp_core.domain.events import Event, Order
from emp_core.domain.explain import Explanation, WorkerExplanation
from emp_core.domain.filter import Filter
from emp_core.domain.job import Job
from emp_core.domain.outcome import Artifact
from emp_core.domain.trend import Trend
from emp_core.domain.worker import Worker, WorkerState
from emp_core.errors import Conflict, EmpError

P = ParamSpec("P")
T = TypeVar("T")


class Emp:
    """A client of the queue: `with Emp() as emp`. Every call blocks; the names are those of `AsyncEmp`.

    It is its process's own: a forked child makes another one.
    """

    def __init__(self, queue: str | None = None) -> None:
        self._pid = os.getpid()
        began: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        # As a daemon, so that a program that forgets to close can end.
        self._thread = Thread(target=lambda: asyncio.run(_run_until_stopped(began)), name="emp", daemon=True)
        self._thread.start()
        self._loop, self._stopped = began.result()
        try:
            self._emp = self._run(AsyncEmp.connect, queue)
        except BaseException:
            self._end()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections and end the loop, and what still runs in it; a forked child has neither."""
        if self._pid != os.getpid():
            return
        try:
            self._run(self._emp.close)
        finally:
            self._end()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join()

    def _run(self, method: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs) -> T:
        if self._pid != os.getpid():
            raise Conflict("this client belongs to another process", hint="create one Emp() in each process")
        future = asyncio.run_coroutine_threadsafe(method(*args, **kwargs), self._loop)
        try:
            return future.result()
        except BaseException:
            # Ctrl-C comes here, not to the call.
            future.cancel()
            raise

    def _iterate(self, items: AsyncGenerator[T, None]) -> Iterator[T]:
        async def next_item() -> T | None:
            return await anext(items, None)

        try:
            while (item := self._run(next_item)) is not None:
                yield item
        except GeneratorExit:
            # Only here: a call that failed or was cancelled ends the generator itself.
            self._run(items.aclose)
            raise

    @property
    def queue(self) -> QueueInfo:
        return self._emp.queue

    def now_ms(self) -> int:
        return self._run(self._emp.now_ms)

    def submit(self, request: Request, *, inputs: Mapping[str, Path] | None = None) -> Submitted:
        return self._run(self._emp.submit, request, inputs=inputs)

    def submit_many(self, requests: Sequence[Request]) -> list[Submitted | EmpError]:
        return self._run(self._emp.submit_many, requests)

    def preview(self, request: Request) -> Explanation:
        return self._run(self._emp.preview, request)

    def check_files(self) -> None:
        self._emp.check_files()

    def resolve(self, prefix: str) -> str:
        return self._run(self._emp.resolve, prefix)

    def job(self, job_id: str) -> Job:
        return self._run(self._emp.job, job_id)

    def jobs(self, wanted: Filter | str = "", *, limit: int = 50, cursor: str = "", search_all: bool = False) -> Page:
        return self._run(self._emp.jobs, wanted, limit=limit, cursor=cursor, search_all=search_all)

    def jobs_by_id(self, job_ids: Sequence[str]) -> list[Job]:
        return self._run(self._emp.jobs_by_id, job_ids)

    def payload(self, job_id: str) -> bytes:
        return self._run(self._emp.payload, job_id)

    def outcome(self, job_id: str) -> Outcome:
        return self._run(self._emp.outcome, job_id)

    def result(self, job_id: str) -> dict[str, Any] | None:
        return self._run(self._emp.result, job_id)

    def result_stream(self, job_id: str) -> Iterator[bytes]:
        yield from self._iterate(self._emp.result_stream(job_id))

    def log(self, job_id: str) -> list[str]:
        return self._run(self._emp.log, job_id)

    def came_of(self, job: Job) -> tuple[Outcome, list[Attempt]]:
        return self._run(self._emp.came_of, job)

    def attempts(self, job_id: str) -> list[Attempt]:
        return self._run(self._emp.attempts, job_id)

    def artifacts(self, job_id: str) -> list[Artifact]:
        return self._run(self._emp.artifacts, job_id)

    def download(self, job_id: str, directory: Path, name_template: str = "{name}") -> list[Path]:
        return self._run(self._emp.download, job_id, directory, name_template)

    def wait(
        self,
        job_ids: str | Sequence[str],
        *,
        any_of: bool = False,
        started: bool = False,
        timeout: float | None = None,
        on_end: OnEnd = ignore,
    ) -> list[Job]:
        """As `AsyncEmp.wait`; `on_end` is called in this client's own thread."""
        return self._run(self._emp.wait, job_ids, any_of=any_of, started=started, timeout=timeout, on_end=on_end)

    def follow(self, job_id: str) -> Iterator[Change]:
        yield from self._iterate(self._emp.follow(job_id))

    def explain(self, job_id: str) -> Explanation:
        return self._run(self._emp.explain, job_id)

    def cancel(self, job_id: str, *, reason: str = "") -> str:
        return self._run(self._emp.cancel, job_id, reason=reason)

    def retry(self, job_id: str, *, reason: str = "") -> None:
        self._run(self._emp.retry, job_id, reason=reason)

    def hold(self, job_id: str, *, reason: str = "") -> None:
        self._run(self._emp.hold, job_id, reason=reason)

    def unhold(self, job_id: str, *, reason: str = "") -> None:
        self._run(self._emp.unhold, job_id, reason=reason)

    def requeue(self, job_id: str, *, reason: str = "") -> None:
        self._run(self._emp.requeue, job_id, reason=reason)

    def set_priority(self, job_ids: Sequence[str], priority: int, *, reason: str = "") -> dict[str, EmpError | None]:
        return self._run(self._emp.set_priority, job_ids, priority, reason=reason)

    def set_workflow_priority(self, workflow_id: str, priority: int, *, reason: str = "") -> int:
        return self._run(self._emp.set_workflow_priority, workflow_id, priority, reason=reason)

    def delete(self, job_ids: Sequence[str], *, reason: str = "") -> dict[str, EmpError | None]:
        return self._run(self._emp.delete, job_ids, reason=reason)

    def workers(self, *, gone: bool = False) -> list[Worker]:
        return self._run(self._emp.workers, gone=gone)

    def worker(self, worker_id: str) -> Worker:
        return self._run(self._emp.worker, worker_id)

    def steer(self, worker_id: str, state: WorkerState, *, reason: str = "") -> WorkerState:
        return self._run(self._emp.steer, worker_id, state, reason=reason)

    def explain_worker(self, worker_id: str) -> WorkerExplanation:
        return self._run(self._emp.explain_worker, worker_id)

    def summary(self) -> Summary:
        return self._run(self._emp.summary)

    def trend(self, minutes: int) -> Trend:
        return self._run(self._emp.trend, minutes)

    def backlog(self, shown: int = 10) -> Backlog:
        return self._run(self._emp.backlog, shown)

    def classes(self) -> list[ClassView]:
        return self._run(self._emp.classes)

    def limits(self) -> dict[str, int]:
        return self._run(self._emp.limits)

    def set_limit(self, whose: str, maximum: int | None, *, reason: str = "") -> None:
        self._run(self._emp.set_limit, whose, maximum, reason=reason)

    def recent_events(self, count: int = 50, *, since: int = 0, until: int | None = None) -> list[Event]:
        return self._run(self._emp.recent_events, count, since=since, until=until)

    def events_of(self, job_id: str) -> list[Event]:
        return self._run(self._emp.events_of, job_id)

    def audit(self, count: int = 50, before: str = "", *, since: int = 0, until: int | None = None) -> list[Order]:
        return self._run(self._emp.audit, count, before, since=since, until=until)

    def watch(self) -> Iterator[Event]:
        yield from self._iterate(self._emp.watch())


async def _run_until_stopped(began: "Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]]") -> None:
    stopped = asyncio.Event()
    began.set_result((asyncio.get_running_loop(), stopped))
    await stopped.wait()
