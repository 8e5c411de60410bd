"""streaq."""

from contextlib import AsyncExitStack

from streaq import Worker

from benchmarks.peers.driving import AsyncDriver, Job, Payload, run_job, serve

RESULT_SECONDS = 2


async def run(payload: Payload) -> str:
    """The body of every job."""
    return run_job(payload)


class Streaq(AsyncDriver):
    """The calls of streaq."""

    async def open(self) -> None:
        self.worker = Worker(
            redis_url=self.order.url,
            concurrency=self.order.slots,
            handle_signals=False,
            idle_timeout=self.order.lease_seconds or 60,
        )
        self.run = self.worker.task(run)
        self.stack = AsyncExitStack()
        if self.order.do != "work":
            await self.stack.enter_async_context(self.worker)

    async def submit(self, payload: Payload, priority: int) -> str:
        return (await self.run.enqueue(payload)).id

    async def submit_bulk(self, jobs: list[Job]) -> None:
        await self.worker.enqueue_many([self.run.enqueue(payload) for payload, _ in jobs])

    async def work(self) -> None:
        await self.worker.run_async()

    async def result(self, job_id: str) -> object:
        try:
            return (await self.worker.result_by_id(job_id, timeout=RESULT_SECONDS)).result
        except TimeoutError:
            return None


if __name__ == "__main__":
    serve(Streaq)
