"""saq: a job that its worker went silent with is retried, because it may have three tries."""

from typing import Any

from saq import Queue, Worker

from benchmarks.peers.driving import AsyncDriver, Payload, run_job, serve

TRIES = 3


async def run(context: dict[str, Any], *, payload: Payload) -> str:
    """The body of every job."""
    return run_job(payload)


class Saq(AsyncDriver):
    """The calls of saq."""

    async def open(self) -> None:
        self.queue = Queue.from_url(self.order.url)
        await self.queue.connect()

    async def submit(self, payload: Payload, priority: int) -> str:
        timeout = self.order.lease_seconds or 300
        return (await self.queue.enqueue("run", payload=payload, retries=TRIES, timeout=timeout)).key

    async def work(self) -> None:
        timers = {"sweep": 1} if self.order.lease_seconds else None
        await Worker(self.queue, functions=[run], concurrency=self.order.slots, timers=timers).start()

    async def result(self, job_id: str) -> object:
        job = await self.queue.job(job_id)
        return None if job is None else job.result


if __name__ == "__main__":
    serve(Saq)
