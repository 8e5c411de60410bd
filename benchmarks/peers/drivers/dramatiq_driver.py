"""dramatiq: threads, with the results kept in Redis."""

import threading

import dramatiq
from dramatiq import Message, Worker
from dramatiq.brokers.redis import RedisBroker
from dramatiq.results import ResultMissing, Results
from dramatiq.results.backends import RedisBackend

from benchmarks.peers.driving import Driver, Order, Payload, run_job, serve

ALWAYS = 1_000_000
"""The chance, in millionths, that a call looks for workers that went silent."""


class Dramatiq(Driver):
    """The calls of dramatiq."""

    def __init__(self, order: Order) -> None:
        super().__init__(order)
        lease = order.lease_seconds
        more = {"heartbeat_timeout": lease * 1000, "maintenance_chance": ALWAYS} if lease else {}
        self.broker = RedisBroker(url=order.url, **more)
        self.results = RedisBackend(url=order.url)
        self.broker.add_middleware(Results(backend=self.results, store_results=True))
        self.run = dramatiq.actor(run_job, actor_name="run", broker=self.broker)

    def submit(self, payload: Payload, priority: int) -> str:
        return self.run.send(payload).message_id

    def work(self) -> None:
        Worker(self.broker, worker_threads=self.order.slots).start()
        threading.Event().wait()

    def result(self, job_id: str) -> object:
        message = Message(
            queue_name=self.run.queue_name, actor_name="run", args=(), kwargs={}, options={}, message_id=job_id
        )
        try:
            return self.results.get_result(message)
        except ResultMissing:
            return None


if __name__ == "__main__":
    serve(Dramatiq)
