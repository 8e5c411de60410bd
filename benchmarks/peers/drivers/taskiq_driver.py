"""taskiq: the broker over a stream, because the one over a list loses the jobs of a worker that dies."""

from taskiq.api import run_receiver_task
from taskiq_redis import RedisAsyncResultBackend, RedisStreamBroker

from benchmarks.peers.driving import AsyncDriver, Payload, run_job, serve


async def run(payload: dict) -> str:
    """The body of every job."""
    return run_job(payload)


class Taskiq(AsyncDriver):
    """The calls of taskiq."""

    async def open(self) -> None:
        lease = self.order.lease_seconds
        more = {"idle_timeout": lease * 1000} if lease else {}
        self.results = RedisAsyncResultBackend(self.order.url)
        self.broker = RedisStreamBroker(self.order.url, consumer_id="0", **more).with_result_backend(self.results)
        self.run = self.broker.task(task_name="run")(run)
        if self.order.do != "work":
            await self.broker.startup()

    async def submit(self, payload: Payload, priority: int) -> str:
        return (await self.run.kiq(payload)).task_id

    async def work(self) -> None:
        await run_receiver_task(self.broker, max_async_tasks=self.order.slots, run_startup=True)

    async def result(self, job_id: str) -> object:
        if not await self.results.is_result_ready(job_id):
            return None
        return (await self.results.get_result(job_id)).return_value


if __name__ == "__main__":
    serve(Taskiq)
