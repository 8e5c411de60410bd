"""The simulated service keeps the contract of all connectors, and does as the payload says."""

import asyncio
import itertools
import random
import threading
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from daemons.worker.connector import Assignment, Interrupted, JobFailed
from daemons.worker.connectors.simulation import Simulation, SimulationSettings
from emp_core.domain.gpu_memory import Gpu
from emp_core.domain.outcome import Blame, Failure, Result
from tests.support.contexts import RecordingContext
from tests.support.waiting import wait_until
from tests.worker.connectors.contract import ConnectorContract, Payload

QUICK = SimulationSettings(duration=0, steps=4)


class SimulationRig:
    def __init__(self) -> None:
        self.good: Payload = {"outputs": 2, "size": 100}
        self.failing: Payload = {"fail": "broken"}
        self.endless: Payload = {"duration": 3_600}
        self.oversize: Payload = {"outputs": 1, "size": 1_001}
        self.connector = Simulation(QUICK, max_file_bytes=1_000)

    def busy(self) -> bool:
        return self.connector.running > 0

    async def take_down(self) -> None:
        self.connector.up = False


@asynccontextmanager
async def prepared() -> AsyncIterator[SimulationRig]:
    yield SimulationRig()


class TestSimulation(ConnectorContract):
    def rig(self) -> AbstractAsyncContextManager[SimulationRig]:
        return prepared()


async def run(
    payload: dict[str, Any], context: RecordingContext | None = None, *, attempt: int = 1, seed: int | None = None
) -> Result:
    connector = Simulation(QUICK, dice=random.Random(seed))
    assignment = Assignment(job_id="job", attempt=attempt, service="simulation", payload=payload)
    return await connector.run(assignment, context or RecordingContext())


async def failure(payload: dict[str, Any], **options: Any) -> Failure | None:
    try:
        await run(payload, **options)
    except JobFailed as error:
        return error.failure
    return None


async def test_a_payload_that_says_nothing_is_run_as_the_settings_say_and_echoed() -> None:
    context = RecordingContext()
    result = await run({"prompt": "a cat", "seed_of_mine": 2**70}, context)
    assert result.data == {"steps": 4, "echo": {"prompt": "a cat", "seed_of_mine": 2**70}}
    assert context.percents == [25, 50, 75, 100]
    assert context.messages[-1] == "step 4 of 4"


async def test_it_takes_its_time() -> None:
    before = time.monotonic()
    await run({"duration": 0.05, "steps": 2})
    assert time.monotonic() - before >= 0.05


async def test_previews_are_spread_over_the_steps() -> None:
    context = RecordingContext()
    await run({"steps": 10, "previews": 5}, context)
    assert len(context.previews) == 5
    assert all(image.startswith(b"P6 2 2 255\n") for image, _ in context.previews)


async def test_files_are_large_as_told_and_the_same_for_the_same_seed() -> None:
    one, other = RecordingContext(), RecordingContext()
    await run({"outputs": 2, "size": 1_500_000, "seed": 5}, one)
    await run({"outputs": 2, "size": 1_500_000, "seed": 5}, other)
    assert [len(data) for data in one.files.values()] == [1_500_000, 1_500_000]
    assert one.files == other.files


async def test_it_fails_as_it_is_told() -> None:
    found = await failure({"fail": "out_of_memory", "blame": "backend", "permanent": True})
    assert found is not None
    assert (found.code, found.blame, found.retryable) == ("out_of_memory", Blame.BACKEND, False)


async def test_failures_come_as_often_as_told_and_a_seed_repeats_them() -> None:
    ends = [[await failure({"failure_rate": 0.5, "seed": seed}) is not None for seed in range(40)] for _ in range(2)]
    assert ends[0] == ends[1]
    assert 5 < sum(ends[0]) < 35


async def test_another_attempt_may_fare_better() -> None:
    ends = {await failure({"failure_rate": 0.5, "seed": 1}, attempt=attempt) is not None for attempt in range(1, 20)}
    assert ends == {True, False}


async def test_without_a_seed_the_workers_own_dice_decide() -> None:
    ends = [await failure({"failure_rate": 0.5}, seed=seed) is not None for seed in range(40)]
    assert ends == [await failure({"failure_rate": 0.5}, seed=seed) is not None for seed in range(40)]
    assert 5 < sum(ends) < 35


@pytest.mark.parametrize("payload", [{"duration": -1}, {"steps": "many"}, {"blame": "nobody"}])
async def test_a_payload_that_cannot_be_is_refused_for_good(payload: dict[str, Any]) -> None:
    found = await failure(payload)
    assert found is not None
    assert (found.code, found.retryable) == ("validation", False)
    assert found.message.startswith(f"bad payload: {next(iter(payload))}: Input should be ")
    assert "\n" not in found.message


async def test_one_that_hangs_stands_still_until_it_is_cancelled() -> None:
    context = RecordingContext(seconds=0.01)
    task = asyncio.ensure_future(run({"hang": 3}, context))
    await wait_until(lambda: context.percents == [25, 50], "two steps")
    context.cancelled.set()
    with pytest.raises(Interrupted):
        await task


async def test_one_that_is_deaf_goes_on() -> None:
    context = RecordingContext()
    context.cancelled.set()
    await run({"deaf": True, "duration": 0.01}, context)
    assert context.percents[-1] == 100


async def test_one_that_hogs_stops_everything_other_threads_too() -> None:
    ticks: list[float] = []
    over = threading.Event()

    def tick() -> None:
        while not over.is_set():
            ticks.append(time.monotonic())

    thread = threading.Thread(target=tick)
    thread.start()
    await wait_until(lambda: ticks, "a thread that runs")
    await run({"hog": 0.2, "duration": 0})
    over.set()
    thread.join()
    assert max(later - earlier for earlier, later in itertools.pairwise(ticks)) >= 0.2


async def test_the_models_of_the_last_jobs_fill_its_gpu() -> None:
    connector = Simulation(SimulationSettings(duration=0, gpu_memory_gb=8))
    assert (await connector.probe()).gpus == (Gpu(8 * 10**9, 8 * 10**9),)
    for models in (("a", "b"), ("c",), ("a", "d")):
        assignment = Assignment(job_id="job", attempt=1, service="simulation", models=models)
        await connector.run(assignment, RecordingContext())
    probe = await connector.probe()
    assert (probe.loaded, probe.gpus) == (("a", "d", "c"), (Gpu(8 * 10**9, 2 * 10**9),))
