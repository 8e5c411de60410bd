"""RabbitMQ through aio-pika: transient messages, each confirmed by the server; acknowledged when the job is done."""

import asyncio
import json

import aio_pika
from aio_pika.abc import AbstractIncomingMessage

from benchmarks.peers.driving import AsyncDriver, Job, Payload, run_job, serve

QUEUE = "peers"


class RabbitMQ(AsyncDriver):
    """The calls of RabbitMQ."""

    async def open(self) -> None:
        lease = self.order.lease_seconds
        self.connection = await aio_pika.connect(self.order.url, **({"heartbeat": lease} if lease else {}))
        self.channel = await self.connection.channel(publisher_confirms=True)
        self.queue = await self.channel.declare_queue(QUEUE)

    async def submit(self, payload: Payload, priority: int) -> str:
        body = json.dumps(payload).encode()
        message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.NOT_PERSISTENT)
        await self.channel.default_exchange.publish(message, routing_key=QUEUE)
        return "unknown to RabbitMQ"

    async def submit_bulk(self, jobs: list[Job]) -> None:
        await asyncio.gather(*(self.submit(*job) for job in jobs))

    async def work(self) -> None:
        await self.channel.set_qos(prefetch_count=self.order.slots)
        await self.queue.consume(_run)
        await asyncio.Event().wait()

    async def result(self, job_id: str) -> object:
        return None


async def _run(message: AbstractIncomingMessage) -> None:
    async with message.process():
        run_job(json.loads(message.body))


if __name__ == "__main__":
    serve(RabbitMQ)
