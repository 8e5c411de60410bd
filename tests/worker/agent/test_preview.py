"""Previews reach the queue only while somebody asks for them."""

from structlog.testing import capture_logs

from emp_core.domain.policy import MAX_PREVIEW
from emp_core.store import Preview, Store
from tests.support.agents import working
from tests.support.builders import submit
from tests.support.fakes import ScriptedConnector
from tests.support.waiting import wait_until
from tests.worker.agent.test_attempt import Rig


def test_a_picture_is_taken_once_and_at_most_one_a_second() -> None:
    rig = Rig()
    rig.context.preview(b"one", "image/png")
    rig.context.preview(b"two", "image/png")
    assert rig.context.take_preview() == Preview("image/png", b"two")
    assert rig.context.take_preview() is None
    rig.context.preview(b"three", "image/png")
    assert rig.context.take_preview() is None
    rig.clock.advance(1)
    assert rig.context.take_preview() == Preview("image/png", b"three")


async def test_a_picture_is_stored_while_somebody_asks_for_it(store: Store) -> None:
    connector = ScriptedConnector()
    async with working(store, connector):
        job = await submit(store)
        run = await connector.next_run()
        run.context.preview(b"unseen", "image/png")
        run.context.progress(10)
        await wait_until(lambda: _progress(store, job, 10), "the first report")
        assert await store.previews.of(job) is None

        async def stored() -> Preview | None:
            await store.previews.watch(job)
            run.context.preview(b"seen", "image/png")
            return await store.previews.of(job)

        assert await wait_until(stored, "a preview") in (
            Preview("image/png", b"unseen"),
            Preview("image/png", b"seen"),
        )
        run.finish()


async def test_previews_that_are_too_large_are_logged_once_a_job(store: Store) -> None:
    connector = ScriptedConnector()
    async with working(store, connector):
        job = await submit(store)
        run = await connector.next_run()
        with capture_logs() as logs:
            for size in (MAX_PREVIEW + 1, MAX_PREVIEW + 2):

                async def told(size: int = size) -> bool:
                    await store.previews.watch(job)
                    run.context.preview(b"x" * size, "image/png")
                    return await store.previews.of(job) == Preview("image/png", b"", too_large=size)

                await wait_until(told, f"a preview of {size} bytes is told")
        found = [(entry["job"], entry["bytes"]) for entry in logs if entry["event"] == "preview.too_large"]
        assert found == [(job, MAX_PREVIEW + 1)]
        run.finish()


async def _progress(store: Store, job: str, percent: float) -> bool:
    return (await store.inspector.job(job)).progress == percent
