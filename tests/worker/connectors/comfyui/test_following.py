"""From the post to the end: the socket only hints, the history is the truth."""

import asyncio
from contextlib import suppress

import pytest
from websockets.asyncio.client import connect

from daemons.simulation.comfyui import Answer, Fault, Faults, Options
from daemons.worker.connector import JobFailed, ServiceDown
from tests.support.comfyui import Rig, failing, image, node, rig, saved, sleeping, txt2img
from tests.support.waiting import wait_until

NOWHERE = "ws://127.0.0.1:9/ws"
"""A socket that cannot be opened."""


async def fate(inner: Rig, graph: object) -> str:
    """The code that a run fails with."""
    with pytest.raises(JobFailed) as failed:
        await inner.run({"workflow": graph})
    return failed.value.failure.code


async def test_a_job_ends_well_without_any_socket() -> None:
    async with rig(ws_url=NOWHERE) as inner:
        result = await inner.run(txt2img())
        assert [artifact.name for artifact in result.artifacts] == ["ComfyUI_00001_.png"]
        assert inner.context.percents == []


async def test_a_job_whose_socket_is_lost_ends_well() -> None:
    async with rig(faults=Faults(at={"KSampler": Fault.LOSE_SOCKETS})) as inner:
        assert (await inner.run(txt2img())).artifacts


async def test_a_socket_that_was_lost_is_opened_anew_and_tells_on() -> None:
    async with rig(faults=Faults(at={"3": Fault.WAIT})) as inner, asyncio.TaskGroup() as group:
        running = group.create_task(inner.run(txt2img()))
        await inner.until_running("3")
        before = len(inner.context.reports)
        inner.server.lose_sockets()
        await wait_until(lambda: inner.server.sockets_opened == 2, "the new socket")
        inner.server.release()
        await running
        assert len(inner.context.reports) > before


async def test_the_history_may_come_later_than_the_news_of_success() -> None:
    async with rig(Options(history_lag=0.1)) as inner:
        assert (await inner.run(saved(image()))).artifacts


async def test_news_of_success_without_a_history_is_no_success() -> None:
    async with rig(Options(history_size=0), settle_seconds=0.2) as inner:
        assert await fate(inner, saved(image())) == "backend_lost_job"


async def test_a_prompt_that_somebody_deleted_is_lost() -> None:
    async with rig(faults=Faults(at={"9": Fault.WAIT}), foreign_prompts=1) as inner, asyncio.TaskGroup() as group:
        inner.server.submit({"9": node("TBText", text="", size=0)})
        await inner.until_running("9")
        losing = group.create_task(fate(inner, saved(image())))
        await wait_until(lambda: inner.server.pending, "the prompt in the queue")
        inner.server.delete(inner.server.pending[0])
        assert await losing == "backend_lost_job"


async def test_a_prompt_that_a_restart_took_away_is_told_from_other_losses() -> None:
    async with rig(faults=Faults(at={"KSampler": Fault.CRASH}, down=0.05)) as inner:
        assert await fate(inner, txt2img()) == "backend_restarted"


async def test_a_server_that_does_not_come_back_is_given_up() -> None:
    async with rig(faults=Faults(at={"KSampler": Fault.CRASH}), outage_seconds=0.2) as inner:
        assert await fate(inner, txt2img()) == "backend_unreachable"


async def test_an_older_run_of_the_same_id_is_not_taken_for_this_one() -> None:
    async with rig() as inner:
        await inner.run(saved(image(1), "first"))
        result = await inner.run(saved(image(2), "second"))
        assert [artifact.name for artifact in result.artifacts] == ["second_00001_.png"]


async def test_a_socket_that_went_silent_is_opened_anew() -> None:
    """Another socket of the same client id, as it ends, silences this one for ever."""
    async with rig(faults=Faults(at={"1": Fault.WAIT})) as inner, asyncio.TaskGroup() as group:
        running = group.create_task(inner.run(sleeping(3)))
        await inner.until_running("1")
        async with connect(f"{inner.server.url.replace('http', 'ws')}/ws?clientId={inner.server.client}") as intruder:
            await intruder.recv()
        stranger = inner.server.submit(saved(image()))
        await wait_until(lambda: any("silent" in line for line in inner.context.lines), "the doubt")
        await wait_until(lambda: inner.server.sockets_opened == 3, "the new socket")
        inner.server.release()
        await running
        assert max(inner.context.percents) > 50
        await wait_until(lambda: stranger in inner.server.history or inner.server.running == stranger, "the stranger")
        inner.server.release()


async def test_a_stall_of_all_events_does_not_hold_up_the_end() -> None:
    async with rig(faults=Faults(at={"1": Fault.STALL})) as inner:
        assert (await inner.run(sleeping(3))).artifacts
        assert inner.context.signs > 0 or not inner.context.reports


async def test_a_consumer_that_is_slow_does_not_hold_up_the_socket() -> None:
    async with rig() as inner:
        result = await inner.run(sleeping(2000, preview=True))
        assert result.artifacts
        assert len(inner.context.previews) == 2000


async def test_big_frames_do_not_break_the_socket() -> None:
    async with rig() as inner:
        result = await inner.run({"1": node("TBText", text="", size=3_000_000)})
        texts = result.data["outputs"]["1"]["text"]
        assert len(texts[0]) == 16_384
        assert [artifact.size for artifact in result.artifacts] == [3_000_000]
        assert "backend" not in " ".join(inner.context.lines)


async def test_broadcasts_about_others_are_not_heeded() -> None:
    async with rig(faults=Faults(at={"1": Fault.WAIT}), foreign_prompts=1) as inner, asyncio.TaskGroup() as group:
        inner.server.submit(sleeping(50, preview=True))
        await inner.until_running("1")
        running = group.create_task(
            inner.run({"7": image(), "8": node("SaveImage", images=["7", 0], filename_prefix="o")})
        )
        await wait_until(lambda: inner.server.pending, "the prompt in the queue")
        inner.server.release()
        await running
        assert {name for _, _, name in inner.context.reports} <= {"", "EmptyImage", "SaveImage"}
        assert inner.context.previews == []


async def test_a_blocked_branch_does_not_end_the_job() -> None:
    async with rig() as inner:
        result = await inner.run({**failing("blocked"), "3": node("TBText", text="t", size=0)})
        assert result.data["outputs"] == {"3": {"text": ["t"]}}


async def test_a_frozen_server_is_waited_for() -> None:
    async with rig(faults=Faults(at={"1": Fault.HOG}), read_timeout=0.05) as inner, asyncio.TaskGroup() as group:
        running = group.create_task(inner.run(saved(image())))
        await inner.until_running("1")
        with suppress(TimeoutError):
            async with asyncio.timeout(0.4):
                await asyncio.shield(running)
        assert not running.done()
        inner.server.release()
        assert (await running).artifacts


async def test_a_server_that_is_frozen_for_too_long_is_given_up() -> None:
    async with rig(faults=Faults(at={"1": Fault.HOG}), read_timeout=0.05, freeze_seconds=0.2) as inner:
        assert await fate(inner, saved(image())) == "backend_unreachable"


@pytest.mark.parametrize("lost", [Answer.SILENT, Answer.GATEWAY, Answer.BAD_JSON])
@pytest.mark.parametrize("version", ["0.3.40", "0.3.64", "0.38.1"])
async def test_a_post_whose_answer_is_lost_is_found_and_not_repeated(lost: Answer, version: str) -> None:
    async with rig(Options(version=version), Faults(answers={"/prompt": [lost]}), read_timeout=0.1) as inner:
        assert (await inner.run(saved(image()))).artifacts
        assert len(inner.server.history) == 1


async def test_a_post_that_had_no_effect_is_repeated() -> None:
    async with rig() as inner:
        inner.server.faults.answers["/prompt"] = [Answer.REFUSED_GATEWAY]
        assert (await inner.run(saved(image()))).artifacts


async def test_posts_that_never_have_an_effect_are_given_up() -> None:
    async with rig() as inner:
        inner.server.faults.answers["/prompt"] = [Answer.REFUSED_GATEWAY] * 9
        assert await fate(inner, saved(image())) == "backend_unreachable"


async def test_an_address_where_no_comfyui_is_begins_nothing() -> None:
    async with rig(faults=Faults(answers={"/prompt": [Answer.MISSING]})) as inner:
        with pytest.raises(ServiceDown):
            await inner.run(saved(image()))


async def test_the_server_s_id_is_used_where_it_heeds_none() -> None:
    async with rig(Options(version="0.3.40")) as inner:
        result = await inner.run(saved(image()))
        assert result.data["prompt_id"] in inner.server.history


async def test_the_prompt_id_is_a_uuid_and_stable_for_job_and_attempt() -> None:
    async with rig() as inner:
        ids = [(await inner.run(saved(image()), job, attempt)).data["prompt_id"] for job, attempt in JOBS]
        assert ids[0] == ids[1]
        assert len(set(ids)) == 3


JOBS = [("a", 1), ("a", 1), ("a", 2), ("b", 1)]


async def test_a_place_in_line_is_told_and_only_a_line_that_moves_is_a_sign_of_life() -> None:
    async with rig(faults=Faults(at={"TBSleep": Fault.WAIT}), foreign_prompts=2) as inner, asyncio.TaskGroup() as group:
        for seed in (1, 2):
            inner.server.submit(sleeping(seed=seed))
        await inner.until_running("1")
        running = group.create_task(inner.run(saved(image())))
        await wait_until(lambda: "waits in ComfyUI behind 2, 2 of other clients" in inner.context.messages, "its place")
        signs = inner.context.signs
        await asyncio.gather(*(inner.connector.probe() for _ in range(20)))
        assert inner.context.signs == signs
        inner.server.release()
        await wait_until(
            lambda: "waits in ComfyUI behind 1, 1 of other clients" in inner.context.messages, "the next place"
        )
        assert inner.context.signs > signs
        await inner.until_running("1")
        inner.server.release()
        await running


async def test_polls_that_show_it_running_are_signs_of_life_where_nothing_can_be_heard() -> None:
    async with rig(faults=Faults(at={"1": Fault.WAIT}), ws_url=NOWHERE) as inner, asyncio.TaskGroup() as group:
        running = group.create_task(inner.run(saved(image())))
        await wait_until(lambda: inner.context.signs > 3, "signs of life")
        inner.server.release()
        await running


async def test_a_hung_node_gives_no_sign_of_life() -> None:
    async with rig(faults=Faults(at={"1": Fault.HANG})) as inner, asyncio.TaskGroup() as group:
        running = group.create_task(inner.run(saved(image())))
        await wait_until(lambda: bool(inner.context.reports), "the node's beginning")
        told = (len(inner.context.reports), inner.context.signs)
        for _ in range(20):
            await inner.connector.probe()
        assert (len(inner.context.reports), inner.context.signs) == told
        inner.server.release()
        await running


async def test_only_one_prompt_at_a_time_is_kept_in_the_server_s_queue_by_default() -> None:
    async with rig() as inner:
        assert inner.connector.concurrency == 1
    async with rig(concurrency=2) as inner:
        assert inner.connector.concurrency == 2


async def test_two_attempts_share_a_server_and_hear_only_their_own() -> None:
    async with rig(concurrency=2) as inner, asyncio.TaskGroup() as group:
        first = group.create_task(inner.run(txt2img(seed=1), "a"))
        second = group.create_task(inner.run(txt2img(seed=2), "b"))
        assert (await first).data["prompt_id"] != (await second).data["prompt_id"]
