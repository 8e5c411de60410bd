"""The half of a driver that all Python drivers share: read one order from stdin, answer with JSON lines on stdout.

It runs in the environment of each peer, so it imports the standard library only.
"""

import asyncio
import itertools
import json
import os
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, TextIO

AT_ONCE = 50
BULK = 1_000
PAUSE_SECONDS = 0.02
PADDING = "x" * 64
"""Makes the JSON of a payload 100 bytes long."""

Payload = dict[str, Any]
Job = tuple[Payload, int]
"""A payload and a priority."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a driver must do. `submit` and `work` take `jobs`; `result` takes `id`; `check` needs no server."""

    do: str
    url: str = ""
    jobs: int = 0
    how: str = "one"
    """`one`: one by one. `fifty`: 50 at a time. `bulk`: 1,000 a call. `paced`: one each 20 ms."""

    warm_up: int = 0
    """Jobs that are submitted before, and not timed."""

    slots: int = 64
    worker: str = ""
    """The worker's name, which is the result of every job that it runs."""

    waits: bool = False
    """Whether the worker tells how long each job waited."""

    hold_seconds: float = 0.0
    """How long a job blocks its worker."""

    lease_seconds: int | None = None
    """When a job of a worker that went silent may run again; None: the peer's default."""

    priorities: bool = False
    id: str = ""


@dataclass(slots=True)
class Tally:
    """Counts the jobs that a worker starts, and tells of the first and of the last one."""

    order: Order
    answers: TextIO
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    waits_ms: list[float] = field(default_factory=list[float])
    first_ns: int = 0

    def run(self, payload: Payload) -> str:
        """The body of every job."""
        number = next(self.numbers)
        now = time.monotonic_ns()
        if self.order.waits:
            self.waits_ms.append((now - payload["at"]) / 1e6)
        if number == 1:
            self.first_ns = now
            self.tell({"started": True})
        if self.order.hold_seconds:
            time.sleep(self.order.hold_seconds)
        if number == self.order.jobs:
            self.tell({"seconds": (now - self.first_ns) / 1e9, "waits_ms": self.waits_ms})
        return self.order.worker

    def tell(self, answer: dict[str, Any]) -> None:
        print(json.dumps(answer), file=self.answers, flush=True)


_tallies: list[Tally] = []


def run_job(payload: Payload) -> str:
    """The body of every job, for the worker of this process."""
    return _tallies[0].run(payload)


class Driver(ABC):
    """A peer whose calls block."""

    def __init__(self, order: Order) -> None:
        self.order = order

    @abstractmethod
    def submit(self, payload: Payload, priority: int) -> str:
        """Submit one job. Its id."""

    @abstractmethod
    def submit_bulk(self, jobs: list[Job]) -> None:
        """Submit many jobs in as few calls as the peer can."""

    @abstractmethod
    def work(self) -> None:
        """Run jobs until this process is killed."""

    @abstractmethod
    def result(self, job_id: str) -> object:
        """What the peer keeps as the result of a job; None if there is nothing."""


class AsyncDriver(ABC):
    """A peer whose calls are awaited."""

    def __init__(self, order: Order) -> None:
        self.order = order

    async def open(self) -> None:
        """Connect, if the peer needs it."""
        return

    @abstractmethod
    async def submit(self, payload: Payload, priority: int) -> str:
        """Submit one job. Its id."""

    @abstractmethod
    async def submit_bulk(self, jobs: list[Job]) -> None:
        """Submit many jobs in as few calls as the peer can."""

    @abstractmethod
    async def work(self) -> None:
        """Run jobs until this process is killed."""

    @abstractmethod
    async def result(self, job_id: str) -> object:
        """What the peer keeps as the result of a job; None if there is nothing."""


def serve(make: Callable[[Order], Driver | AsyncDriver]) -> None:
    """Carry out one order."""
    # The libraries print to stdout, which is for answers only.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    order = Order(**json.loads(sys.stdin.readline()))
    tally = Tally(order, answers)
    _tallies.append(tally)
    if order.do == "check":
        tally.tell({"checked": make(order).__class__.__name__})
        return
    driver = make(order)
    if isinstance(driver, Driver):
        answer = _carry_out(driver)
    else:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            answer = runner.run(_carry_out_async(driver))
    tally.tell(answer)
    answers.flush()
    os._exit(0)  # a library may leave threads that never end


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if find_spec("uvloop") is None:
        return None
    import uvloop

    return uvloop.new_event_loop


def _carry_out(driver: Driver) -> dict[str, Any]:
    order = driver.order
    if order.do == "work":
        driver.work()
    if order.do == "result":
        return {"result": driver.result(order.id)}
    for number in range(order.warm_up):
        driver.submit(*_job(number))
    begun = time.perf_counter()
    last = _submit(driver)
    return {"seconds": time.perf_counter() - begun, "id": last}


def _submit(driver: Driver) -> str:
    """The id of the last job, if they are submitted one by one."""
    order = driver.order
    last, jobs = "", map(_job, range(order.jobs))
    if order.how == "bulk":
        while some := list(itertools.islice(jobs, BULK)):
            driver.submit_bulk(some)
    elif order.how == "fifty":
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda number: driver.submit(*_job(number)), range(order.jobs)))
    elif order.how == "paced":
        for number in range(order.jobs):
            time.sleep(PAUSE_SECONDS)
            driver.submit(*_job(number))
    else:
        for job in jobs:
            last = driver.submit(*job)
    return last


async def _carry_out_async(driver: AsyncDriver) -> dict[str, Any]:
    order = driver.order
    await driver.open()
    if order.do == "work":
        await driver.work()
    if order.do == "result":
        return {"result": await driver.result(order.id)}
    for number in range(order.warm_up):
        await driver.submit(*_job(number))
    begun = time.perf_counter()
    last = await _submit_async(driver)
    return {"seconds": time.perf_counter() - begun, "id": last}


async def _submit_async(driver: AsyncDriver) -> str:
    """The id of the last job, if they are submitted one by one."""
    order = driver.order
    last, jobs = "", map(_job, range(order.jobs))

    async def some_of_them() -> None:
        for job in jobs:
            await driver.submit(*job)

    if order.how == "bulk":
        while some := list(itertools.islice(jobs, BULK)):
            await driver.submit_bulk(some)
    elif order.how == "fifty":
        await asyncio.gather(*(some_of_them() for _ in range(AT_ONCE)))
    elif order.how == "paced":
        for number in range(order.jobs):
            await asyncio.sleep(PAUSE_SECONDS)
            await driver.submit(*_job(number))
    else:
        for job in jobs:
            last = await driver.submit(*job)
    return last


def _job(number: int) -> Job:
    return {"at": time.monotonic_ns(), "text": PADDING}, 1 + number * 37 % 100
