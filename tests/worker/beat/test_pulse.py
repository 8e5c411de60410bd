"""Beats: from the agent's loop, and from a process that nothing in the agent can hold up."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import psutil
import pytest
from pytest_mock import MockerFixture
from structlog.testing import capture_logs

from daemons.worker.beat import heart as hearts
from daemons.worker.beat.heart import Heart, ProcessHeart, TaskHeart
from daemons.worker.beat.pulse import Answer, Held, Pulse
from daemons.worker.beat.pulse_process import _send, _works
from daemons.worker.connectors.simulation import hold_the_interpreter
from emp_core.clock import SystemClock
from emp_core.domain.gpu_memory import Gpu, GpuMemory
from emp_core.domain.states import JobState
from emp_core.store import Claimed, Life, Store
from tests.support import time_travel
from tests.support.builders import WorkerDriver, register, submit
from tests.support.fakes import FrozenClock
from tests.support.waiting import wait_until

BRISK_MS = 1_000

FULL = GpuMemory(gpus=(Gpu(8, 0),)).text()

START_SECONDS = 30.0
"""A busy machine takes long to start a process."""


class Heard(list[Answer]):
    """What an agent hears of its beats."""

    @property
    def states(self) -> list[str]:
        return [answer.state for answer in self if answer.reached]


@asynccontextmanager
async def beating(heart: Heart) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.ensure_future(heart.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


@pytest.fixture
async def driver(store: Store) -> WorkerDriver:
    """With a long lease: a busy machine takes its time until the first beat."""
    return await register(store)


def brisk(driver: WorkerDriver, lease_ms: int = BRISK_MS) -> Life:
    """Its life with a short lease, for many beats."""
    return replace(driver.life, lease_ms=lease_ms)


async def claimed(store: Store, driver: WorkerDriver) -> Claimed:
    await submit(store)
    return await driver.take()


async def lease_of(store: Store, claim: Claimed) -> int:
    return (await store.inspector.job(claim.job_id)).lease_until or 0


async def until_renewed(store: Store, claim: Claimed) -> None:
    """The first short lease ends before the long one of the claim, the next ones later and later."""
    shortest = await lease_of(store, claim)

    async def renewed() -> bool:
        nonlocal shortest
        lease = await lease_of(store, claim)
        shortest = min(shortest, lease)
        return lease > shortest

    await wait_until(renewed, "a lease that was renewed", START_SECONDS)


# -- in the agent's loop


async def test_the_first_beat_follows_the_first_life_at_once(store: Store, driver: WorkerDriver) -> None:
    heard = Heard()
    heart = TaskHeart(store.broker, SystemClock(), heard.append)
    async with beating(heart):
        heart.tell("comfyui=up")
        heart.live(driver.life)
        await wait_until(lambda: heard.states == ["ready"], "a beat")
        assert (await store.inspector.worker(driver.id)).services == {"comfyui": "up"}


async def test_it_renews_what_it_holds_and_not_what_is_gone(store: Store, driver: WorkerDriver) -> None:
    heard = Heard()
    heart = TaskHeart(store.broker, SystemClock(), heard.append)
    kept, gone = await claimed(store, driver), await claimed(store, driver)
    async with beating(heart):
        heart.keep([Held.of(kept), Held.of(gone)])
        heart.keep([], [gone.nonce])
        before = await lease_of(store, gone)
        heart.live(brisk(driver))
        await until_renewed(store, kept)
        assert await lease_of(store, gone) == before


async def test_a_change_of_the_services_is_told_at_once(store: Store, driver: WorkerDriver) -> None:
    heard = Heard()
    heart = TaskHeart(store.broker, SystemClock(), heard.append)
    async with beating(heart):
        heart.live(driver.life)
        await wait_until(lambda: len(heard) == 1, "a beat")
        heart.tell("comfyui=down")
        await wait_until(lambda: len(heard) == 2, "another beat")
        assert (await store.inspector.worker(driver.id)).services == {"comfyui": "down"}


async def test_memory_is_told_once_in_each_life(store: Store, driver: WorkerDriver, mocker: MockerFixture) -> None:
    beats = mocker.spy(store.broker, "beat")
    pulse = Pulse(store.broker, SystemClock(), lambda _: None)
    pulse.live(driver.life)
    pulse.tell_memory(FULL)
    for _ in range(2):
        await pulse.beat(driver.life)
    pulse.live(driver.life)
    await pulse.beat(driver.life)
    assert [beat.kwargs["memory"] for beat in beats.call_args_list] == [FULL, "", FULL]


async def test_memory_that_did_not_reach_the_queue_is_told_again(store: Store, driver: WorkerDriver) -> None:
    pulse = Pulse(store.broker, SystemClock(), lambda _: None)
    pulse.tell_memory(FULL)
    unknown = replace(driver.life, boot="another")
    assert (await pulse.beat(unknown)).state == ""
    await pulse.beat(driver.life)
    assert (await store.inspector.worker(driver.id)).memory.total == 8


async def test_an_answer_says_what_is_wrong_and_when_the_beat_was_sent(store: Store, driver: WorkerDriver) -> None:
    clock = FrozenClock(at=77.0)
    well, bad = await claimed(store, driver), await claimed(store, driver)
    await store.broker.cancel(bad.job_id)
    pulse = Pulse(store.broker, clock, lambda _: None)
    pulse.keep([Held.of(well), Held.of(bad)], [])
    answer = await pulse.beat(driver.life)
    assert answer == Answer(sent_at=77.0, state="ready", words={bad.nonce: "cancel"})


async def test_a_worker_that_the_queue_does_not_know_hears_so(store: Store, driver: WorkerDriver) -> None:
    await time_travel.end_worker(store, driver.id)
    await time_travel.reap(store)
    answer = await Pulse(store.broker, SystemClock(), lambda _: None).beat(driver.life)
    assert (answer.reached, answer.state) == (True, "")


# -- in a process of its own


@pytest.fixture
async def heart(store: Store) -> AsyncIterator[tuple[ProcessHeart, Heard]]:
    heard = Heard()
    made = ProcessHeart(store.url, store.link.prefix, heard.append)
    async with beating(made):
        yield made, heard


Beating = tuple[ProcessHeart, Heard]


async def test_a_process_beats_and_tells(store: Store, driver: WorkerDriver, heart: Beating) -> None:
    beats, heard = heart
    claim = await claimed(store, driver)
    beats.live(brisk(driver))
    beats.keep([Held.of(claim)])
    await until_renewed(store, claim)
    await store.broker.cancel(claim.job_id)
    await wait_until(
        lambda: {claim.nonce: "cancel"} in [answer.words for answer in heard], "the word of a cancel", START_SECONDS
    )
    beats.tell_memory(FULL)
    beats.tell("comfyui=down")

    async def told() -> bool:
        worker = await store.inspector.worker(driver.id)
        return (worker.services, worker.memory.total) == ({"comfyui": "down"}, 8)

    await wait_until(told, "the services' state and the memory", START_SECONDS)


async def test_a_connector_that_holds_the_interpreter_for_three_leases_loses_none(
    store: Store, driver: WorkerDriver, heart: Beating
) -> None:
    beats, heard = heart
    life = brisk(driver, lease_ms=3_000)
    claim = await claimed(store, driver)
    beats.live(life)
    beats.keep([Held.of(claim)])
    await until_renewed(store, claim)
    hold_the_interpreter(3 * life.lease_ms / 1000)
    await time_travel.reap(store)
    found = await store.inspector.job(claim.job_id)
    assert (found.state, found.losses) == (JobState.ACTIVE, 0)
    assert await driver.complete(claim) == "ok"
    await wait_until(lambda: len(heard) >= 6, "the answers that had to wait", START_SECONDS)


async def test_a_process_that_dies_is_replaced_and_knows_all(
    store: Store, driver: WorkerDriver, heart: Beating, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearts, "RESPAWN_SECONDS", 0.01)
    beats, heard = heart
    claim = await claimed(store, driver)
    beats.tell("comfyui=up")
    beats.live(brisk(driver))
    beats.keep([Held.of(claim)])
    await wait_until(lambda: heard, "a first beat", START_SECONDS)
    first = beats.pid
    assert first is not None
    with capture_logs() as logs:
        os.kill(first, signal.SIGKILL)
        await wait_until(lambda: beats.pid not in (None, first), "another process", START_SECONDS)
    assert [(entry["event"], entry["code"]) for entry in logs] == [("pulse.died", -signal.SIGKILL)]
    await until_renewed(store, claim)


async def test_what_a_service_manager_sends_to_all_does_not_end_it(
    store: Store, driver: WorkerDriver, heart: Beating
) -> None:
    beats, heard = heart
    beats.live(brisk(driver))
    await wait_until(lambda: heard, "a first beat", START_SECONDS)
    first, count = beats.pid, len(heard)
    assert first is not None
    os.kill(first, signal.SIGTERM)
    os.kill(first, signal.SIGINT)
    await wait_until(lambda: len(heard) > count, "more beats", START_SECONDS)
    assert beats.pid == first


async def test_it_ends_with_its_heart(store: Store) -> None:
    beats = ProcessHeart(store.url, store.link.prefix, lambda _: None)
    async with beating(beats):
        await wait_until(lambda: beats.pid, "a process", START_SECONDS)
        process = psutil.Process(beats.pid)
    assert not process.is_running()


AGENT = """
import asyncio, sys
from daemons.worker.beat.heart import ProcessHeart
from daemons.worker.beat.pulse import Held
from emp_core.store import Life

url, worker, boot, profile, lease, job, attempt, nonce = sys.argv[1:]

async def main():
    heart = ProcessHeart(url, "{emp}:", lambda answer: print(heart.pid, flush=True))
    heart.live(Life(worker=worker, boot=boot, profile=profile, lease_ms=int(lease)))
    heart.keep([Held(job, int(attempt), nonce)])
    await heart.run()

asyncio.run(main())
"""


@asynccontextmanager
async def agent_process(store: Store, driver: WorkerDriver, claim: Claimed) -> AsyncIterator[tuple[int, int]]:
    """An agent that only beats: its process id, and that of its pulse."""
    life = brisk(driver)
    words = [store.url, life.worker, life.boot, life.profile, str(life.lease_ms)]
    words += [claim.job_id, str(claim.attempt), claim.nonce]
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", AGENT, *words, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield process.pid, int(await process.stdout.readline())
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def test_it_dies_with_its_agent(store: Store, driver: WorkerDriver) -> None:
    claim = await claimed(store, driver)
    async with agent_process(store, driver, claim) as (agent, pulse):
        assert psutil.pid_exists(pulse)
        os.kill(agent, signal.SIGKILL)
        await wait_until(lambda: not psutil.pid_exists(pulse), "the end of the pulse", START_SECONDS)


async def test_it_does_not_beat_for_an_agent_that_is_stopped(store: Store, driver: WorkerDriver) -> None:
    claim = await claimed(store, driver)
    async with agent_process(store, driver, claim) as (agent, _):
        os.kill(agent, signal.SIGSTOP)

        async def lost() -> bool:
            await time_travel.reap(store)
            return (await store.inspector.job(claim.job_id)).state is JobState.PENDING

        await wait_until(lost, "the lease is over", START_SECONDS)
        os.kill(agent, signal.SIGCONT)

        async def back() -> bool:
            return (await store.inspector.job(claim.job_id)).state is JobState.ACTIVE

        await store.registry.register(driver.life, driver.capabilities, machine="gpu1", waiter=driver.waiter, slots=1)
        await wait_until(back, "the job is taken up again", START_SECONDS)


def test_it_ends_when_it_is_somebody_elses_child(monkeypatch: pytest.MonkeyPatch) -> None:
    def leave(code: int) -> None:
        raise SystemExit(code)

    monkeypatch.setattr(os, "_exit", leave)
    with pytest.raises(SystemExit):
        _works(agent=1 if os.getppid() != 1 else 2)
    assert _works(agent=os.getppid())


class Pipe(asyncio.WriteTransport):
    def __init__(self, waiting: int) -> None:
        self.waiting = waiting
        self.written: list[bytes] = []

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))


def test_an_agent_that_does_not_read_misses_answers_and_holds_up_no_beat() -> None:
    free, full = Pipe(waiting=0), Pipe(waiting=1)
    for pipe in (free, full):
        _send(pipe, Answer(sent_at=1.5, state="ready", words={"nonce": "cancel"}))
    assert [json.loads(line) for line in free.written] == [
        {"sent_at": 1.5, "reached": True, "state": "ready", "words": {"nonce": "cancel"}}
    ]
    assert full.written == []
