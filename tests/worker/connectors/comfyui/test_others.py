"""A server that works for other clients gets no job, and a job that waits behind theirs goes back."""

import asyncio
import uuid
from typing import Any

import pytest

from daemons.simulation.comfyui import Fault, Faults
from daemons.worker.connector import Assignment, ConnectorError, JobFailed, ServiceBusy, StillRunning
from daemons.worker.connectors.comfyui.answers import MARK, PromptQueue
from daemons.worker.connectors.comfyui.api import ComfyUIApi
from daemons.worker.connectors.comfyui.line import Line
from daemons.worker.connectors.comfyui.others import Others
from daemons.worker.connectors.comfyui.settings import ComfyUISettings
from tests.support.comfyui import Graph, Rig, image, node, rig, saved
from tests.support.contexts import RecordingContext
from tests.support.fakes import FrozenClock
from tests.support.waiting import wait_until

STRANGER: Graph = {"9": node("TBText", text="a stranger's", size=0)}
ENDLESS: Graph = {"9": node("TBText", text="ours", size=0)}


def waits() -> Faults:
    return Faults(at={"9": Fault.WAIT})


async def error(inner: Rig, graph: Graph) -> ConnectorError:
    with pytest.raises(ConnectorError) as raised:
        await inner.run(graph)
    return raised.value


async def test_a_probe_finds_the_server_busy_while_it_holds_prompts_of_others() -> None:
    async with rig(faults=waits()) as inner:
        assert (await inner.connector.probe()).busy == ""
        for _ in range(2):
            inner.server.submit(STRANGER)
        await inner.until_running("9")
        assert [(await inner.connector.probe()).busy for _ in range(2)] == ["works on 2 prompts of other clients"] * 2
        inner.server.faults.at = {}
        inner.server.release()
        await wait_until(lambda: inner.server.running is None, "the end of their work")
        assert (await inner.connector.probe()).busy == ""


async def test_as_many_prompts_of_others_as_are_allowed_make_no_server_busy() -> None:
    async with rig(faults=waits(), foreign_prompts=1) as inner:
        inner.server.submit(STRANGER)
        await inner.until_running("9")
        assert (await inner.connector.probe()).busy == ""
        inner.server.submit(STRANGER)
        assert (await inner.connector.probe()).busy == "works on 2 prompts of other clients"


async def test_the_worker_s_own_prompt_makes_no_server_busy() -> None:
    async with rig(faults=waits()) as inner, asyncio.TaskGroup() as group:
        running = group.create_task(inner.run(ENDLESS))
        await inner.until_running("9")
        assert (await inner.connector.probe()).busy == ""
        inner.server.release()
        await running


async def test_a_run_on_a_busy_server_begins_nothing() -> None:
    async with rig(faults=waits()) as inner:
        inner.server.submit(STRANGER)
        await inner.until_running("9")
        assert isinstance(await error(inner, saved(image())), ServiceBusy)
        assert inner.server.pending == []


async def test_a_run_waits_behind_the_prompt_of_another_worker() -> None:
    async with rig(faults=waits()) as inner, asyncio.TaskGroup() as group:
        inner.server.submit(STRANGER, extra={MARK: {"worker": "box:1", "job": "other", "attempt": 1}})
        await inner.until_running("9")
        assert (await inner.connector.probe()).busy == "works on 1 prompt of other clients"
        running = group.create_task(inner.run(saved(image())))
        await wait_until(lambda: inner.server.pending, "the prompt in the queue")
        inner.server.release()
        assert (await running).artifacts


async def test_a_prompt_that_did_not_stop_makes_the_server_busy() -> None:
    async with rig(faults=Faults(at={"9": Fault.HANG}), cancel_seconds=0.1) as inner:
        running = asyncio.ensure_future(error(inner, ENDLESS))
        await inner.until_running("9")
        inner.context.cancelled.set()
        assert isinstance(await running, StillRunning)
        assert (await inner.connector.probe()).busy == "works on 1 prompt of other clients"
        inner.server.release()


async def test_a_job_that_waits_too_long_behind_others_is_taken_out_and_given_back() -> None:
    async with rig(faults=waits(), foreign_prompts=1, foreign_wait_seconds=0.05) as inner:
        stranger = inner.server.submit(STRANGER)
        await inner.until_running("9")
        assert isinstance(await error(inner, saved(image())), ServiceBusy)
        assert (inner.server.running, inner.server.pending) == (stranger, [])
        assert inner.context.messages == ["waits in ComfyUI behind 1, 1 of other clients"]
        # One is allowed, but the server gets another job only when none is left.
        assert (await inner.connector.probe()).busy == "works on 1 prompt of other clients"
        inner.server.release()
        await wait_until(lambda: inner.server.running is None, "the end of their work")
        assert (await inner.connector.probe()).busy == ""
        inner.server.faults.at = {}
        assert (await inner.run(saved(image()))).artifacts


async def test_a_job_that_begins_as_it_is_taken_out_is_kept() -> None:
    async with rig(foreign_prompts=1, foreign_wait_seconds=0.05) as inner:
        inner.server.faults.at = {"9": Fault.WAIT, "1": Fault.WAIT}
        inner.server.submit(STRANGER)
        await inner.until_running("9")
        begun: list[str] = []
        delete = ComfyUIApi.delete

        async def too_late(api: ComfyUIApi, prompt_id: str) -> None:
            inner.server.release()
            await inner.until_running("1")
            await delete(api, prompt_id)
            begun.append(prompt_id)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ComfyUIApi, "delete", too_late)
            running = asyncio.ensure_future(inner.run(saved(image())))
            await wait_until(lambda: bool(begun), "the order to take it out")
            inner.server.release()
            assert (await running).artifacts


async def test_a_timeout_names_the_limit_and_the_wait() -> None:
    async with rig(faults=waits(), foreign_prompts=1) as inner:
        inner.server.submit(STRANGER)
        await inner.until_running("9")
        inner.context.seconds = 1.6
        failed = await error(inner, saved(image()))
        assert isinstance(failed, JobFailed)
        assert failed.failure.message.startswith("took longer than its limit of 2 s, ")
        assert failed.failure.message.endswith(" s of it spent waiting in ComfyUI behind prompts of other clients")


# -- the line, on a clock that stands still


def queued(prompt_id: str, mark: dict[str, Any] | None = None) -> list[Any]:
    return [1, prompt_id, {}, {MARK: mark} if mark else {}, []]


def queue(*items: list[Any]) -> PromptQueue:
    return PromptQueue.read({"queue_running": list(items[:1]), "queue_pending": list(items[1:])})


def make_line(clock: FrozenClock, worker: str = "box:0") -> tuple[Line, Others]:
    settings = ComfyUISettings()
    others = Others(ComfyUIApi(settings, uuid.uuid4), settings, worker)
    return Line(settings, clock, RecordingContext(), others), others


OWN = {"worker": "box:0", "job": "other", "attempt": 1}


def test_a_minute_behind_others_is_too_long_and_behind_own_prompts_it_is_not() -> None:
    clock = FrozenClock()
    line, others = make_line(clock)
    with others.without(Assignment(job_id="other", attempt=1, service="comfyui")):
        for _ in range(3):
            assert not line.stand(queue(queued("own", OWN), queued("p")), "p")
            clock.advance(60)
        assert line.waited_seconds == 0
    assert not line.stand(queue(queued("stranger"), queued("p")), "p")
    clock.advance(59)
    assert not line.stand(queue(queued("stranger"), queued("p")), "p")
    clock.advance(1)
    assert line.stand(queue(queued("stranger"), queued("p")), "p")
    assert line.given_up


def test_prompts_with_another_worker_s_or_an_older_attempt_s_mark_are_others() -> None:
    _, others = make_line(FrozenClock())
    marks = [OWN, {**OWN, "attempt": 2}, {**OWN, "worker": "box:1"}, {**OWN, "job": ["x"]}]
    prompts = [queued(str(number), mark) for number, mark in enumerate(marks)]
    with others.without(Assignment(job_id="other", attempt=1, service="comfyui")):
        assert others.among(queue(*prompts)) == 3
    assert others.among(queue(*prompts)) == 4
