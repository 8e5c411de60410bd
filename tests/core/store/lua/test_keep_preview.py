"""keep_preview, and what report_progress says of it."""

from emp_core.domain.policy import MAX_PREVIEW, POLICY
from emp_core.store import Preview, Store
from tests.support.builders import register, submit
from tests.support.snapshot import Look

PICTURE = Preview("image/jpeg", b"\xff\xd8 a picture\n with a line feed")


async def test_a_report_says_whether_previews_are_asked_for(store: Store) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    assert await worker.report(claim, percent=10.0) == "ok"
    await store.previews.watch(job)
    assert await worker.report(claim, percent=20.0) == "watched"
    assert await worker.report(claim, lines=("a line",)) == "watched"


async def test_the_holder_keeps_a_picture_that_expires(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    assert await store.previews.of(job) is None
    await store.previews.watch(job)
    assert await store.previews.keep(worker.id, claim, PICTURE) == "ok"
    assert await store.previews.of(job) == PICTURE
    entries = look().entries
    assert 0 < entries[f"job.preview:{job}"].ttl_ms <= POLICY.preview_ms


async def test_nobody_but_the_holder_of_a_running_attempt_keeps_one(store: Store) -> None:
    worker, other = await register(store), await register(store, "gpu2:0", machine="gpu2")
    job = await submit(store)
    claim = await worker.take()
    assert await store.previews.keep(other.id, claim, PICTURE) == "stale"
    await worker.complete(claim)
    assert await store.previews.keep(worker.id, claim, PICTURE) == "stale"
    assert await store.previews.of(job) is None


async def test_of_a_large_picture_only_its_size_is_kept(store: Store) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    large = Preview("image/png\tx", b"x" * (MAX_PREVIEW + 1))
    assert await store.previews.keep(worker.id, claim, large) == "large"
    assert await store.previews.of(job) == Preview("image/png x", b"", too_large=MAX_PREVIEW + 1)
    await worker.complete(claim)
    assert await store.previews.keep(worker.id, claim, large) == "stale"
