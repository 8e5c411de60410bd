"""Cancels, in every order that they can come (T13)."""

import asyncio

import pytest

from daemons.simulation.comfyui import Answer, Fault, Faults, Options
from daemons.worker.connector import Interrupted, JobFailed
from emp_core.domain.outcome import Blame
from tests.support.comfyui import Graph, Rig, image, node, rig, saved, sleeping, txt2img
from tests.support.waiting import wait_until

VERSIONS = ["0.3.40", "0.3.64", "0.38.1"]
STRANGER = {"9": node("TBText", text="", size=0)}


async def cancelled(inner: Rig, graph: Graph) -> Interrupted | JobFailed | None:
    """What a run raises that is to be cancelled; None where it ends well."""
    try:
        await inner.run(graph)
    except (Interrupted, JobFailed) as error:
        return error
    return None


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_running_prompt_is_interrupted(version: str) -> None:
    async with rig(Options(version=version), Faults(at={"1": Fault.WAIT})) as inner, asyncio.TaskGroup() as group:
        running = group.create_task(cancelled(inner, sleeping()))
        await inner.until_running("1")
        inner.context.cancelled.set()
        error = await running
        assert isinstance(error, Interrupted)
        assert error.late_result is None
        assert inner.server.running is None


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_waiting_prompt_is_taken_out_and_the_stranger_before_it_runs_on(version: str) -> None:
    chosen, faults = Options(version=version), Faults(at={"9": Fault.WAIT})
    async with rig(chosen, faults, foreign_prompts=1) as inner, asyncio.TaskGroup() as group:
        stranger = inner.server.submit(STRANGER)
        await inner.until_running("9")
        running = group.create_task(cancelled(inner, saved(image())))
        await wait_until(lambda: inner.server.pending, "the prompt in the queue")
        inner.context.cancelled.set()
        assert isinstance(await running, Interrupted)
        assert (inner.server.running, inner.server.pending) == (stranger, [])
        inner.server.release()


async def test_a_job_that_ended_well_despite_the_interrupt_is_noted_as_late() -> None:
    async with rig(faults=Faults(at={"2": Fault.HANG}, deaf=True)) as inner, asyncio.TaskGroup() as group:
        running = group.create_task(cancelled(inner, saved(image(), "late")))
        await inner.until_running("2")
        inner.context.cancelled.set()
        await wait_until(lambda: inner.server.interrupted, "the interrupt")
        inner.server.release()
        error = await running
        assert isinstance(error, Interrupted)
        assert error.late_result is not None
        assert error.late_result.data["files"] == {"2": ["late_00001_.png"]}
        assert inner.context.files == {}


async def test_a_cancel_that_comes_during_the_downloads_notes_the_result_as_late() -> None:
    async with rig() as inner, asyncio.TaskGroup() as group:
        inner.server.faults.answers["/view"] = [Answer.SILENT]
        running = group.create_task(cancelled(inner, saved(image(), "late")))
        await wait_until(lambda: bool(inner.server.history), "the end of the prompt")
        inner.context.cancelled.set()
        error = await running
        assert isinstance(error, Interrupted)
        assert error.late_result is not None


async def test_a_node_that_heeds_nothing_is_given_up_and_blamed_on_the_backend() -> None:
    faults = Faults(at={"1": Fault.HANG})
    async with rig(faults=faults, cancel_seconds=0.3) as inner, asyncio.TaskGroup() as group:
        running = group.create_task(cancelled(inner, saved(image())))
        await inner.until_running("1")
        inner.context.cancelled.set()
        error = await running
        assert isinstance(error, JobFailed)
        assert (error.failure.code, error.failure.blame) == ("not_stopped", Blame.BACKEND)
        inner.server.release()


async def test_a_server_that_died_needs_no_interrupt() -> None:
    async with rig(faults=Faults(at={"1": Fault.WAIT}), cancel_seconds=0.3) as inner, asyncio.TaskGroup() as group:
        running = group.create_task(cancelled(inner, saved(image())))
        await inner.until_running("1")
        await inner.server.crash()
        inner.context.cancelled.set()
        assert isinstance(await running, Interrupted)


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_cancel_while_the_post_is_under_way_finds_the_prompt(version: str) -> None:
    faults = Faults(at={"1": Fault.WAIT}, answers={"/prompt": [Answer.SILENT]})
    async with rig(Options(version=version), faults) as inner, asyncio.TaskGroup() as group:
        running = group.create_task(cancelled(inner, sleeping()))
        await inner.until_running("1")
        inner.context.cancelled.set()
        assert isinstance(await running, Interrupted)
        await wait_until(lambda: inner.server.running is None, "the end of the work")


async def test_a_prompt_that_was_posted_twice_is_stopped_twice() -> None:
    async with rig(faults=Faults(at={"1": Fault.WAIT})) as inner, asyncio.TaskGroup() as group:
        running = group.create_task(cancelled(inner, sleeping()))
        await inner.until_running("1")
        inner.server.submit(sleeping(), prompt_id=inner.server.running)
        inner.context.cancelled.set()
        assert isinstance(await running, Interrupted)
        await wait_until(lambda: inner.server.running is None and not inner.server.pending, "the end of both")


@pytest.mark.parametrize("lost", [Answer.ERROR, Answer.GATEWAY, Answer.BAD_JSON])
async def test_orders_that_fail_are_repeated(lost: Answer) -> None:
    async with rig(faults=Faults(at={"1": Fault.WAIT})) as inner, asyncio.TaskGroup() as group:
        running = group.create_task(cancelled(inner, sleeping()))
        await inner.until_running("1")
        inner.server.faults.answers["/interrupt"] = [lost]
        inner.server.faults.answers["/queue"] = [lost] * 2
        inner.context.cancelled.set()
        assert isinstance(await running, Interrupted)
        assert inner.server.running is None


async def test_an_interrupt_by_somebody_else_can_be_tried_again() -> None:
    async with rig(faults=Faults(at={"1": Fault.INTERRUPT})) as inner:
        error = await cancelled(inner, sleeping())
        assert isinstance(error, JobFailed)
        assert (error.failure.code, error.failure.retryable) == ("interrupted_by_other", True)
        assert error.failure.blame is Blame.JOB


@pytest.mark.parametrize("steps", range(0, 12, 3))
async def test_wherever_the_cancel_strikes_nothing_is_left_behind(steps: int) -> None:
    """The cancel comes after so many turns of the loop: before, in and after the post."""
    async with rig() as inner, asyncio.TaskGroup() as group:
        running = group.create_task(cancelled(inner, txt2img(steps=200, seed=steps)))
        for _ in range(steps * steps):
            await asyncio.sleep(0)
        inner.context.cancelled.set()
        await running
        assert inner.server.running is None
        assert inner.server.pending == []
